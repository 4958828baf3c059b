"""The servers, started by their plain commands: all lines are JSON, no forged header counts."""

import os
import socket
import subprocess
import sys
import time
from http.client import HTTPConnection
from pathlib import Path

import pytest

from .conftest import PROJECT
from .lines import valid_lines

GUNICORN = ["gunicorn"]
UVICORN = ["uvicorn", "config.asgi:application", "--port"]


@pytest.mark.parametrize("command", [GUNICORN, UVICORN], ids=["gunicorn", "uvicorn"])
def test_every_line_of_a_server_is_valid(command: list[str], tmp_path: Path):
    if command is GUNICORN and sys.platform == "win32":
        pytest.skip("gunicorn does not run on Windows")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [*command, str(port)] if command is UVICORN else command
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "DEBUG": "False",
        "BIND": f"127.0.0.1:{port}",
        "WEB_CONCURRENCY": "1",
        "LOG_HANDLERS": "console",
        "LOG_LEVEL": "INFO",
        "TRUSTED_PROXIES": "0",
        "SECURE_SSL_REDIRECT": "False",
    }
    console = tmp_path / "console"
    with console.open("wb") as output:
        server = subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=PROJECT,
            env=environment,
            stdout=output,
            stderr=output,
        )
    try:
        status, request_id = ask(port, "/api/nowhere/?password=hunter2")
    finally:
        server.terminate()
        server.wait(timeout=20)
    text = console.read_text("utf-8")
    assert (status, "hunter2" in text) == (404, False), text
    finished = [line for line in valid_lines(text) if line["event"] == "request_finished"]
    assert [(line["request_id"], line["payload"]["status"]) for line in finished] == [
        (request_id, 404)
    ]
    assert finished[0]["payload"]["ip"] == "127.0.0.1"


def ask(port: int, path: str) -> tuple[int, str | None]:
    """Return the status and the request id of the answer, once the server listens."""
    deadline = time.monotonic() + 20
    while True:
        connection = HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request("GET", path, headers={"X-Forwarded-For": "198.51.100.1"})
            response = connection.getresponse()
            return response.status, response.headers["X-Request-ID"]
        except ConnectionRefusedError:
            assert time.monotonic() < deadline, "the server does not listen"
            time.sleep(0.05)
        finally:
            connection.close()
