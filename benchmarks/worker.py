"""A candidate in a process of its own: `worker KIND NAME FOLDER`, started by `turns`.

It names its tasks, and reads commands: `clear` empties its files, `run N TASK` gives the CPU
seconds of N calls. Each answer is a line of JSON. What consoles write goes to a file.
"""

import fcntl
import io
import json
import logging
import os
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from functools import partial
from importlib import import_module
from itertools import repeat
from pathlib import Path
from time import process_time
from typing import Any
from wsgiref.util import setup_testing_defaults

from . import project
from .peers import EVENT, PAYLOADS, PEERS, SEVEN, fields_of
from .project import LOGGER
from .worth import worth

Tasks = dict[str, Callable[[], object]]

SIZES = (1_000, 10_000, 100_000, 200_000, 500_000, 1_000_000)
STATUSES = {"GET": "200 OK", "POST": "201 Created"}
PRODUCTS = 20
_PRODUCT = b'{"name": "Teapot, blue", "stock": 3, "price": "12.50"}'


def _events(peer: str, folder: Path) -> Tasks:
    log = PEERS[peer](folder)
    return {name: partial(log, EVENT, fields_of(peer, load)) for name, load in PAYLOADS.items()}


def _sizes(peer: str, folder: Path) -> Tasks:
    log, record = PEERS[peer](folder), SEVEN | {"notes": "word " * 180}
    text = {f"text {size}": {"text": "word " * (size // 5)} for size in SIZES}
    nested = {f"records {size}": {"records": [record] * max(1, size // 1_024)} for size in SIZES}
    return {name: partial(log, EVENT, payload) for name, payload in (text | nested).items()}


def _disabled(_name: str, folder: Path) -> Tasks:
    log_event: Any = project.set_up("file", folder)
    debug = logging.getLogger(LOGGER).debug
    return {  # as they are called: each in a function of its own, whose own cost is taken off
        "nothing": lambda: None,
        "plain": lambda: debug("fetch_products"),
        "with_payload": lambda: debug("fetch_products", extra={"payload": SEVEN}),
        "event": lambda: log_event("fetch_products", SEVEN, "DEBUG"),
    }


def _steps(_name: str, folder: Path) -> Tasks:
    """Take one event apart: what `log_event` does, step by step, and `logging` alone."""
    log_event, logger = project.set_up("file", folder), logging.getLogger(LOGGER)
    (handler,), idle = logging.getLogger(project.NAMESPACE).handlers, logging.Handler()
    idle.emit = lambda _record: None  # type: ignore[method-assign, assignment]
    own_handlers, make_event = project.steps()
    event, formatter = make_event(LOGGER, logging.INFO, EVENT, SEVEN), handler.formatter
    assert formatter
    line, write_line = formatter.format(event), handler.write_line  # type: ignore[attr-defined]
    path, data = str(folder / "steps.log"), line.encode() + b"\n"
    file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o640)
    flock: Callable[[int, int], object] = fcntl.flock

    def standard() -> None:
        idle.handle(logger.makeRecord(LOGGER, 20, __file__, 1, EVENT, (), None, "f"))

    return {
        "event": partial(log_event, EVENT, SEVEN),
        "handlers": partial(own_handlers, logger),
        "values": partial(make_event, LOGGER, logging.INFO, EVENT, SEVEN),
        "line": lambda: formatter.format(project.without_line(event)),
        "file": partial(write_line, line),
        "lock": lambda: (flock(file, fcntl.LOCK_EX), flock(file, fcntl.LOCK_UN)),
        "status": partial(os.fstat, file),
        "write": partial(os.write, file, data),
        "standard": standard,
    }


def _request(peer: str, _folder: Path) -> Tasks:
    """Call the WSGI application as a server does: the project's whole one, else Django's alone."""
    if peer == "opentelemetry":  # as its command `opentelemetry-instrument` does
        import_module("opentelemetry.instrumentation.auto_instrumentation").initialize()
    wsgi = import_module("config.wsgi" if peer.startswith("project") else "django.core.wsgi")
    application = getattr(wsgi, "application", None) or wsgi.get_wsgi_application()
    base: dict[str, Any] = {"PATH_INFO": "/api/products/", "REMOTE_ADDR": "127.0.0.1"}
    base |= {"SCRIPT_NAME": "", "CONTENT_TYPE": "application/json", "SERVER_PROTOCOL": "HTTP/1.1"}
    setup_testing_defaults(base)
    statuses: list[str] = []

    def request(method: str, body: bytes) -> None:
        environ = {**base, "REQUEST_METHOD": method, "wsgi.input": io.BytesIO(body)}
        environ["CONTENT_LENGTH"] = str(len(body))
        response = application(environ, lambda status, *_: statuses.append(status))
        b"".join(response)
        response.close()
        assert statuses.pop() == STATUSES[method]

    for _ in range(PRODUCTS):
        request("POST", _PRODUCT)
    return {"GET": partial(request, "GET", b""), "POST": partial(request, "POST", _PRODUCT)}


def _clear(folder: Path) -> None:
    """Empty the files, and take out of the database what POST has put there."""
    for path in folder.glob("*.log"):
        os.truncate(path, 0)
    for path in folder.glob("db.sqlite3"):
        with closing(sqlite3.connect(path, isolation_level=None)) as database:
            database.execute(f"DELETE FROM products_product WHERE id > {PRODUCTS}")
            database.execute("DELETE FROM auditlog_logentry")


def main() -> None:
    """Set the candidate up, and answer until there is nothing more to read."""
    kind, name, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    answers = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
    os.dup2(os.open(folder / "console.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640), 1)
    if kind == "worth":
        print(json.dumps(worth(PEERS[name](folder), folder)), file=answers)
        return
    tasks: Tasks = globals()[f"_{kind}"](name, folder)
    print(json.dumps(list(tasks)), file=answers)
    for command in sys.stdin:
        if command == "clear\n":
            _clear(folder)
            print("null", file=answers)
            continue
        _run, number, task = command.rstrip().split(maxsplit=2)
        call, calls, started = tasks[task], repeat(None, int(number)), process_time()
        for _ in calls:
            call()
        print(process_time() - started, file=answers)


if __name__ == "__main__":
    main()
