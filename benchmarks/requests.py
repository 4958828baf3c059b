"""CPU per request, through the WSGI handler of one peer: `requests PEER FOLDER`, under pyperf."""

import io
import json
import os
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .alone import runner_of

STATUSES = {"GET": "200", "POST": "201"}
PRODUCTS = 20
PRODUCT = json.dumps({"name": "Teapot, blue", "stock": 3, "price": "12.50"}).encode()


def environment(peer: str, folder: Path) -> dict[str, str]:
    """Return the settings with which a peer is served from a folder of its own."""
    return {
        "DJANGO_SETTINGS_MODULE": f"{__package__}.served.{peer}",
        "DATABASE_URL": f"sqlite:///{folder / 'db.sqlite3'}",
        "LOG_DIR": str(folder),
        "LOG_HANDLERS": "console,file,error_file",
    }


def make_database(folder: Path) -> None:
    """Make the database that every peer starts with, by the rendered project itself."""
    os.environ |= environment("project", folder)
    import django

    django.setup()
    from django.core.management import call_command
    from ecommerce.products.models import Product

    call_command("migrate", verbosity=0)
    Product.objects.bulk_create(
        Product(name=f"Teapot {number}", stock=number, price=number) for number in range(PRODUCTS)
    )


def start(peer: str, databases: Path) -> tuple[Any, Path]:
    """Return the WSGI handler of a peer, and the folder of its own that it writes to."""
    folder = databases / f"{peer}-{os.getpid()}"
    folder.mkdir()
    shutil.copy(databases / "db.sqlite3", folder)
    os.environ |= environment(peer, folder)
    stdout, sys.stdout = sys.stdout, (folder / "console.log").open("a", encoding="utf-8")
    from django.core.wsgi import get_wsgi_application

    application = get_wsgi_application()
    sys.stdout = stdout
    return application, folder


def main() -> None:
    """Measure a GET and a POST of this peer."""
    runner, peer, databases = runner_of(__spec__.name)
    application, folder = start(peer, databases)
    for method in STATUSES:
        runner.bench_time_func(f"{peer}/{method}", timer(application, method))
    shutil.rmtree(folder)


def timer(application: Any, method: str) -> Callable[[int], float]:
    """Return what makes so many requests, and returns the seconds of CPU that they took."""
    body = PRODUCT if method == "POST" else b""
    environ = {
        "REQUEST_METHOD": method,
        "PATH_INFO": "/api/products/",
        "SCRIPT_NAME": "",
        "QUERY_STRING": "",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "127.0.0.1:8000",
        "HTTP_USER_AGENT": "benchmarks",
        "HTTP_ACCEPT": "application/json",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.url_scheme": "http",
        "wsgi.errors": sys.stderr,
    }
    answered: set[str] = set()

    def start_response(given: str, _headers: object, _exc_info: object = None) -> None:
        answered.add(given[:3])

    def requests(loops: int) -> float:
        started = time.process_time()
        for _ in range(loops):
            response = application({**environ, "wsgi.input": io.BytesIO(body)}, start_response)
            for _part in response:
                pass
            response.close()
        seconds = time.process_time() - started
        assert answered == {STATUSES[method]}, answered
        return seconds

    return requests


if __name__ == "__main__":
    main()
