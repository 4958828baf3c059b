"""What a request costs: CPU in process, requests per second through gunicorn, and memory."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http import HTTPStatus
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from .turns import Pace, Rounds, Worker, measure, served
from .worker import STATUSES
from .workshop import Workshop

SERVED = """without_logging floor project_silent project cookiecutter_django wemake
django_structlog_json django_structlog project_otlp project_dead opentelemetry""".split()
_GUNICORN = "-m gunicorn --workers=1 --threads=4 --keep-alive=60 --no-control-socket".split()


class _Collector(BaseHTTPRequestHandler):  # does nothing with what it gets
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


def run(workshop: Workshop, pace: Pace, memory: Path) -> dict[str, Any]:
    """Measure every peer."""
    migrate = [workshop.python, str(workshop.project / "manage.py"), "migrate", "--verbosity=0"]
    subprocess.run(migrate, check=True, env=workshop.environment(**served("project", memory)))
    collector = ThreadingHTTPServer(("127.0.0.1", 0), _Collector)
    Thread(target=collector.serve_forever, daemon=True).start()
    dead = socket.create_server(("127.0.0.1", 0))  # takes calls, and never answers
    os.environ["COLLECTOR"] = f"http://127.0.0.1:{collector.server_port}"
    os.environ["DEAD_COLLECTOR"] = f"http://127.0.0.1:{dead.getsockname()[1]}"
    workers = {}
    for peer in SERVED:
        (folder := memory / f"api-{peer}").mkdir()
        shutil.copy(memory / "db.sqlite3", folder)
        workers[peer] = Worker(workshop, "request", peer, folder)
    cpu, lines = measure(workers, pace), {}
    for peer, worker in workers.items():
        for method in STATUSES:
            worker.block(method, 1)
            lines[f"{peer}/{method}"] = worker.lines()
    memory_of = {peer: workers.pop(peer).megabytes() for peer in SERVED}
    through = _through_gunicorn(workshop, pace, memory)
    return {"cpu": cpu, "lines": lines, "through": through, "memory": memory_of}


def _through_gunicorn(workshop: Workshop, pace: Pace, memory: Path) -> Rounds:
    """Return the seconds of every GET of every peer, asked in turn."""
    seconds = Rounds({peer: [] for peer in SERVED})
    with ExitStack() as servers:
        clients = [servers.enter_context(_server(workshop, peer, memory)) for peer in SERVED]
        for _ in range(4 * pace.few_rounds):
            for peer, client in zip(SERVED, clients, strict=True):
                seconds[peer] += (_get(client) for _ in range(pace.requests))
    return seconds


@contextmanager
def _server(workshop: Workshop, peer: str, memory: Path) -> Iterator[HTTPConnection]:
    """Yield a client; the project is served by its own configuration, others by none."""
    folder, ours = memory / f"api-{peer}", peer.startswith("project")
    application = "config.wsgi" if ours else "django.core.wsgi:get_wsgi_application()"
    env, home = workshop.environment(**served(peer, folder)), workshop.project if ours else folder
    with socket.create_server(("127.0.0.1", 0)) as at, (folder / "console.log").open("ab") as out:
        command = [workshop.python, *_GUNICORN, f"--bind=fd://{at.fileno()}", application]
        at.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        streams: dict[str, Any] = {"stdout": out, "stderr": out, "pass_fds": [at.fileno()]}
        server = subprocess.Popen(command, env=env, cwd=home, **streams)
        client = HTTPConnection(*at.getsockname())
    try:
        _get(client)
        yield client
    finally:
        server.terminate()
        server.wait(30)


def _get(client: HTTPConnection) -> float:
    """Return the seconds that a GET took."""
    began = time.perf_counter()
    client.request("GET", "/api/products/")
    answer = client.getresponse()
    answer.read()
    assert answer.status == HTTPStatus.OK, f"{client.port} has answered {answer.status}"
    return time.perf_counter() - began
