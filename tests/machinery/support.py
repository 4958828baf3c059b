"""What the tests share: reading lines strictly, logging into a folder, a server as a process."""

import http.client
import json
import logging
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from logging.config import dictConfig
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from django.conf import settings

from observability import verification
from observability.logging_config import logging_config

Line = dict[str, Any]

RUNSERVER = ("manage.py", "runserver", "--noreload", "127.0.0.1:{port}")

KEYS = ["timestamp", "level", "logger", "request_id", "event", "payload"]
PROJECT = Path(__file__).resolve().parent.parent
NAMESPACE = settings.LOG_NAMESPACE
# Every value of LOG_ settings, so that no test depends on the answers given at scaffolding.
PLAIN_CONFIG: dict[str, Any] = {
    "namespace": NAMESPACE,
    "level": "DEBUG",
    "error_level": "ERROR",
    "handlers": ("file", "error_file"),
    "rotation": "logrotate",
}


def parsed(text: str) -> list[Line]:
    """Return the lines of a text, each held against strict JSON, the order of keys, the schema."""
    lines = text.splitlines()
    assert len(lines) == text.count("\n"), "something other than a newline ends a line"
    return [parsed_line(line) for line in lines]


def parsed_line(text: str) -> Line:
    """Return one line, held against strict JSON, the order of its keys and the schema."""
    line: Line = json.loads(
        text, parse_constant=_not_json, object_pairs_hook=_without_repeated_keys
    )
    text.encode("utf-8")
    assert list(line)[: len(KEYS)] == KEYS
    assert verification.schema_problems(line) == []
    return line


def _not_json(constant: str) -> None:
    raise AssertionError(f"{constant} is not JSON")


def _without_repeated_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    assert len(dict(pairs)) == len(pairs), f"a key stands twice in {pairs}"
    return dict(pairs)


@dataclass(frozen=True)
class Logs:
    """A log folder, read as a person would find it."""

    folder: Path

    def text(self, name: str = "app") -> str:
        """Return a file as it is; an absent one is empty."""
        path = self.folder / f"{name}.json.log"
        return path.read_bytes().decode("utf-8") if path.exists() else ""

    def lines(self, name: str = "app", logger: str = "") -> list[Line]:
        """Return the valid lines of a file, of one logger and those below it if it is named."""
        return [line for line in parsed(self.text(name)) if line["logger"].startswith(logger)]

    def events(self, logger: str = "") -> list[str]:
        """Return the names of the events, in order."""
        return [line["event"] for line in self.lines(logger=logger)]

    def only(self) -> Line:
        """Return the line, of which there must be exactly one."""
        (line,) = self.lines()
        return line


@contextmanager
def logging_to(folder: Path, **changes: Any) -> Iterator[Logs]:
    """Apply the project's own configuration to another folder; undo it afterwards."""
    config = logging_config(**{**PLAIN_CONFIG, "log_dir": folder, **changes})
    loggers = [logging.getLogger(name) for name in ("", *config["loggers"])]
    before = [(logger, logger.handlers[:], logger.level, logger.propagate) for logger in loggers]
    dictConfig(config)
    ours = {handler for logger in loggers for handler in logger.handlers}
    try:
        yield Logs(folder)
    finally:
        for logger, handlers, level, propagate in before:
            logger.handlers[:] = handlers
            logger.setLevel(level)
            logger.propagate = propagate
        for handler in ours:
            handler.close()


def wait_for(condition: Callable[[], Any], seconds: float = 10) -> Any:
    """Return the first true value of a condition, looked at again and again."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {condition}"
        time.sleep(0.02)
    return value


@cache
def database_url(folder: Path) -> str:
    """Return the URL of a database for one folder: a file in it, or one that PostgreSQL has."""
    url = os.environ.get("DATABASE_URL", "")
    if not url.startswith("postgres"):
        return f"sqlite:///{folder / 'db.sqlite3'}"
    import psycopg

    name = f"folder_{uuid4().hex}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return urlsplit(url)._replace(path=f"/{name}").geturl()


def environment(folder: Path, **changes: str) -> dict[str, str]:
    """Return the environment of a process that keeps all it writes in one folder."""
    return os.environ | {
        "DJANGO_SETTINGS_MODULE": "machinery.server_settings",
        "DEBUG": "True",
        "SECRET_KEY": "only-for-tests",
        "ALLOWED_HOSTS": "127.0.0.1",
        "SECURE_SSL_REDIRECT": "False",
        "DATABASE_URL": database_url(folder),
        "LOG_DIR": str(folder / "logs"),
        "LOG_LEVEL": "DEBUG",
        "LOG_ERROR_LEVEL": "ERROR",
        "LOG_HANDLERS": "console,file,error_file",
        "LOG_ROTATION": "logrotate",
        **changes,
    }


def manage(folder: Path, *arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
    """Run manage.py to its end, and return what it printed."""
    return python(folder, "manage.py", *arguments, **changes)


def python(folder: Path, *arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
    """Run Python in the project to its end, and return what it printed."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=PROJECT,
        env=environment(folder, **changes),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@dataclass(frozen=True)
class Answer:
    """What a server answered."""

    status: int
    headers: Mapping[str, str]
    body: str


@dataclass(frozen=True)
class Server:
    """A running server: where it listens, and what it wrote so far."""

    folder: Path
    port: int

    @property
    def logs(self) -> Logs:
        return Logs(self.folder / "logs")

    def console(self) -> str:
        """Return what it wrote to standard output and standard error."""
        return "".join((self.folder / name).read_text("utf-8") for name in ("stdout", "stderr"))

    def ask(
        self, path: str, method: str = "GET", body: str = "", headers: Mapping[str, str] = {}
    ) -> Answer:
        """Send one request on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, body.encode() or None, dict(headers))
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read().decode())
        finally:
            connection.close()

    def lines_of(self, request_id: str, last: str = "request_finished") -> list[Line]:
        """Return the lines of one request, once the event that comes last is there."""

        def lines() -> list[Line]:
            text = self.logs.text()
            if not text.endswith("\n"):  # read in the middle of a write
                return []
            found = [line for line in parsed(text) if line["request_id"] == request_id]
            return found if any(line["event"] == last for line in found) else []

        return wait_for(lines)


@contextmanager
def running_server(
    folder: Path, arguments: Sequence[str] = RUNSERVER, **changes: str
) -> Iterator[Server]:
    """Run a server as a process of its own, with a database of its own; stop it at the end."""
    migrated = manage(folder, "migrate", "--verbosity=0")
    assert migrated.returncode == 0, migrated.stderr
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, *(argument.format(port=port) for argument in arguments)]
    variables = environment(folder, BIND=f"127.0.0.1:{port}", **changes)
    with (
        (folder / "stdout").open("wb") as stdout,
        (folder / "stderr").open("wb") as stderr,
        subprocess.Popen(
            command, cwd=PROJECT, env=variables, stdout=stdout, stderr=stderr
        ) as process,
    ):
        server = Server(folder, port)
        try:
            wait_for(lambda: process.poll() is not None or _listens(port), seconds=30)
            assert process.poll() is None, server.console()
            yield server
        finally:
            process.terminate()
            process.wait(timeout=30)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
