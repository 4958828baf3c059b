"""What a request costs: CPU in process, requests per second through gunicorn, and memory."""

import shutil
import socket
import subprocess
import time
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Any

from .turns import Pace, Rounds, Worker, measure, served
from .worker import STATUSES
from .workshop import Workshop

SERVED = """without_logging floor project_silent project cookiecutter_django wemake
django_structlog_json django_structlog""".split()


def run(workshop: Workshop, pace: Pace, memory: Path) -> dict[str, Any]:
    """Measure every peer; without wrk, no requests per second."""
    migrate = [workshop.python, str(workshop.project / "manage.py"), "migrate", "--verbosity=0"]
    subprocess.run(migrate, check=True, env=workshop.environment(**served("project", memory)))
    workers = {}
    for peer in SERVED:
        (folder := memory / f"api-{peer}").mkdir()
        shutil.copy(memory / "db.sqlite3", folder)
        workers[peer] = Worker(workshop, "request", peer, folder)
    cpu, lines, rates = measure(workers, pace), {}, Rounds()
    for peer, worker in workers.items():
        for method in STATUSES:
            worker.block(method, 1)
            lines[f"{peer}/{method}"] = worker.lines()
    megabytes = {peer: worker.megabytes() for peer, worker in workers.items()}
    workers.clear()
    for _ in range(pace.few_rounds if shutil.which("wrk") else 0):
        for peer in SERVED:
            rate = _requests_per_second(workshop, peer, memory / f"api-{peer}")
            rates.setdefault(peer, []).append(rate)
    return {"cpu": cpu, "lines": lines, "rates": rates, "memory": megabytes}


def _requests_per_second(workshop: Workshop, peer: str, folder: Path) -> float:
    """Return what wrk counts; the project is served by its own configuration, others by none."""
    ours, console = peer.startswith("project"), folder / "console.log"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    application = "config.wsgi" if ours else "django.core.wsgi:get_wsgi_application()"
    command = [workshop.python, "-m", "gunicorn", application, f"--bind={address}", "--workers=1"]
    command += ["--worker-class=gthread", "--threads=4", "--keep-alive=30", "--no-control-socket"]
    environment = workshop.environment(**served(peer, folder))
    folder = workshop.project if ours else folder  # where a gunicorn.conf.py is looked for
    with console.open("ab") as out:
        server = subprocess.Popen(command, env=environment, cwd=folder, stdout=out, stderr=out)
    url = f"http://{address}/api/products/"
    try:
        for _ in range(300):
            with suppress(OSError):
                urllib.request.urlopen(url, timeout=5).close()
                break
            time.sleep(0.1)
        for seconds in (1, 3):  # the first to warm up
            wrk = ["wrk", "-t1", "-c4", f"-d{seconds}s", url]
            said = subprocess.run(wrk, check=True, capture_output=True, text=True).stdout
        if "Requests/sec:" not in said or "Non-2xx" in said:
            raise RuntimeError(said + console.read_text(encoding="utf-8")[-2_000:])
        return float(said.partition("Requests/sec:")[2].split()[0])
    finally:
        server.terminate()
        server.wait(30)
