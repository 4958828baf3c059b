"""Requests per second through gunicorn on loopback, and the memory of the process that serves."""

import http.client
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .requests import environment
from .workshop import Workshop

_PATH = "/api/products/"
_CLIENTS = 4


def served(workshop: Workshop, peer: str, folder: Path, seconds: float) -> tuple[float, float]:
    """Return requests per second, and the megabytes of the worker after them."""
    with _gunicorn(workshop, peer, folder) as (port, master):
        _load(port, min(1.0, seconds))
        rate = _load(port, seconds)
        return rate, _megabytes(master)


@contextmanager
def _gunicorn(workshop: Workshop, peer: str, folder: Path) -> Iterator[tuple[int, int]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "gunicorn", "config.wsgi", f"--bind=127.0.0.1:{port}"]
    command += ["--worker-class=gthread", "--threads=4", "--workers=1", "--log-level=error"]
    command += ["--keep-alive=30", "--no-control-socket"]
    with (folder / f"{peer}.console.log").open("ab") as console:
        server = subprocess.Popen(
            command,
            env=workshop.environment(**environment(peer, folder)),
            cwd=workshop.project,
            stdout=console,
            stderr=console,
        )
        try:
            _wait_for(port, server)
            yield port, server.pid
        finally:
            server.terminate()
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _wait_for(port: int, server: "subprocess.Popen[bytes]") -> None:
    for _ in range(300):
        if server.poll() is not None:
            raise RuntimeError(f"gunicorn ended with {server.returncode}")
        with suppress(OSError):
            _ask(http.client.HTTPConnection("127.0.0.1", port, timeout=5))
            return
        time.sleep(0.1)
    raise RuntimeError("gunicorn does not answer")


def _ask(connection: http.client.HTTPConnection) -> None:
    connection.request("GET", _PATH)
    response = connection.getresponse()
    response.read()
    if response.status != 200:
        raise RuntimeError(f"answered {response.status}")


def tool() -> str:
    """Return the name of what asks."""
    return "wrk" if shutil.which("wrk") else "a client of our own, which shares the processors"


def _load(port: int, seconds: float) -> float:
    """Return requests per second, by wrk where there is one, else by a client of our own."""
    if wrk := shutil.which("wrk"):
        command = [wrk, "-t1", f"-c{_CLIENTS}", f"-d{max(1, round(seconds))}s"]
        url = f"http://127.0.0.1:{port}{_PATH}"
        output = subprocess.run([*command, url], check=True, capture_output=True, text=True).stdout
        found = re.search(r"Requests/sec:\s+([\d.]+)", output)
        if not found or "Non-2xx" in output:
            raise RuntimeError(output)
        return float(found[1])
    return _load_by_threads(port, seconds)


def _load_by_threads(port: int, seconds: float) -> float:
    counts = [0] * _CLIENTS
    end = time.monotonic() + seconds

    def client(number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        while time.monotonic() < end:
            _ask(connection)
            counts[number] += 1

    threads = [threading.Thread(target=client, args=(number,)) for number in range(_CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / seconds


def _megabytes(master: int) -> float:
    """Return the resident memory of the one worker below this process."""
    children = Path(f"/proc/{master}/task/{master}/children").read_text(encoding="ascii").split()
    status = Path(f"/proc/{children[0]}/status").read_text(encoding="ascii")
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found, status
    return int(found[1]) / 1024
