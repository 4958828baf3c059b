"""How each peer writes one event to one real file: the same facts, in its own documented way."""

import fcntl
import logging
import logging.handlers
import os
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from . import project
from .project import LOGGER, REQUEST_ID, Log

EVENT = "fetch_products_success"
SEVEN: dict[str, Any] = {"id": 17, "name": "Teapot, blue", "stock": 3, "price": 12.5}
SEVEN |= {"active": True, "currency": "EUR", "supplier": None}
NESTED: dict[str, Any] = {"id": 17, "url": "https://shop.example.com/api/products/17/?page=2"}
NESTED |= {"restocked": "2026-11-22T16:47:37Z", "tags": ["blue", "china", "new"], "price": 12.5}
NESTED |= {"supplier": {"id": 3, "country": "PT"}, "active": True}
PAYLOADS: dict[str, dict[str, Any]] = {
    "0 keys": {},
    "7 keys": SEVEN,
    "7 keys, nested": NESTED,
    "50 keys": {f"field_{number}": f"value {number}" for number in range(50)},
    "20 KB": {"text": "word " * 4_000},
}
_FIELDS = {"fmt": ["asctime", "levelname", "name", "request_id", "message"]}
_FORMAT = {"fmt": "{asctime}{levelname}{name}{request_id}{message}", "style": "{"}


def floor(folder: Path, sinks: int = 1) -> Log:
    """Write `orjson.dumps` of the line, with its time and ids given as constants, to each sink."""
    import orjson

    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    files = [os.open(folder / f"floor-{number}.log", flags, 0o640) for number in range(sinks)]

    def log(event: str, payload: dict[str, Any]) -> None:
        line = {
            "timestamp": "2026-11-22T16:47:37.584123Z",
            "level": "INFO",
            "logger": LOGGER,
            "request_id": REQUEST_ID,
            "event": event,
            "payload": payload,
        }
        data = orjson.dumps(line) + b"\n"
        for file in files:
            os.write(file, data)

    return log


class _CarefulFile:
    """What this project does for its file, for structlog: notice a renaming, lock, repair."""

    def __init__(self, path: Path) -> None:
        self._path, self._file, self._inode, self._whole_until = str(path), -1, -1, 0

    def info(self, line: bytes) -> None:
        with suppress(FileNotFoundError):
            if os.stat(self._path).st_ino == self._inode:  # noqa: PTH116
                self._append(line + b"\n")
                return
        if self._file >= 0:
            os.close(self._file)
        self._file = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o640)
        self._inode = os.fstat(self._file).st_ino
        self._append(line + b"\n")

    def _append(self, data: bytes) -> None:
        fcntl.flock(self._file, fcntl.LOCK_EX)
        try:
            end = os.lseek(self._file, 0, os.SEEK_END)
            if end not in (0, self._whole_until) and os.pread(self._file, 1, end - 1) != b"\n":
                data = b"\n" + data
            self._whole_until = end + os.write(self._file, data)
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)


def _structlog(careful: bool, folder: Path) -> Log:
    """As structlog's page on performance has it: orjson, bytes, no standard library."""
    import orjson
    import structlog

    path, makers = folder / "structlog.log", structlog.processors
    plain = structlog.BytesLoggerFactory(file=path.open("ab"))
    processors = [structlog.contextvars.merge_contextvars, makers.add_log_level]
    processors += [makers.format_exc_info, makers.TimeStamper(fmt="iso", utc=True)]
    structlog.configure(
        cache_logger_on_first_use=True,
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        processors=[*processors, makers.JSONRenderer(serializer=orjson.dumps)],
        logger_factory=(lambda *_: _CarefulFile(path)) if careful else plain,
    )
    structlog.contextvars.bind_contextvars(request_id=REQUEST_ID)
    logger = structlog.get_logger().bind(logger=LOGGER)
    return lambda event, fields: logger.info(event, **fields)


def configure_structlog(*more: Any, **settings: Any) -> None:
    """Hand structlog's events to the standard library, as django-structlog and wemake do."""
    import structlog

    stdlib, makers = structlog.stdlib, structlog.processors
    processors = [structlog.contextvars.merge_contextvars, stdlib.filter_by_level]
    processors += [makers.TimeStamper(fmt="iso"), stdlib.add_logger_name, stdlib.add_log_level]
    processors += [stdlib.PositionalArgumentsFormatter(), makers.StackInfoRenderer()]
    processors += [makers.format_exc_info, makers.UnicodeDecoder(), *more]
    structlog.configure(
        processors=[*processors, stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
        **settings,
    )


def structlog_formatter(kind: str, **options: Any) -> Any:
    """Return the formatter that gives structlog's events to one of its renderers."""
    import structlog

    renderer = getattr(structlog.processors, kind, None) or getattr(structlog.dev, kind)
    return structlog.stdlib.ProcessorFormatter(processor=renderer(**options))


def _django_structlog(folder: Path) -> Log:
    """As django-structlog's getting started has it: structlog through the standard library."""
    import structlog

    configure_structlog()
    handler = logging.handlers.WatchedFileHandler(folder / "django-structlog.log")
    _attach(handler, structlog_formatter("JSONRenderer"))
    structlog.contextvars.bind_contextvars(request_id=REQUEST_ID)
    logger = structlog.get_logger(LOGGER)
    return lambda event, fields: logger.info(event, **fields)


def _loguru(folder: Path) -> Log:
    """Loguru with serialize=True; the text beside its record is the message alone, for speed."""
    from loguru import logger as root

    root.remove()
    root.add(folder / "loguru.log", format="{message}", serialize=True)
    logger = root.bind(request_id=REQUEST_ID, logger=LOGGER)
    return lambda event, fields: logger.bind(**fields).info(event)


def _attach(handler: logging.Handler, formatter: logging.Formatter) -> logging.Logger:
    logger = logging.getLogger(LOGGER)
    logger.propagate = False
    logger.setLevel(logging.INFO)
    handler.setFormatter(formatter)
    logger.addHandler(handler)
    return logger


def _standard(module: str, formatter: str, arguments: dict[str, Any], folder: Path) -> Log:
    """Use the standard library, with a formatter as its documentation has it."""

    def add_request_id(record: logging.LogRecord) -> bool:
        record.request_id = REQUEST_ID
        return True

    handler = logging.FileHandler(folder / "standard.log")
    handler.addFilter(add_request_id)
    logger = _attach(handler, getattr(import_module(module), formatter)(**arguments))
    return lambda event, fields: logger.info(event, extra=fields)


_json = partial(_standard, "pythonjsonlogger.json", "JsonFormatter")
PEERS: dict[str, Callable[[Path], Log]] = {
    "floor": floor,
    "project": partial(project.set_up, "file"),
    "structlog": partial(_structlog, False),
    "careful": partial(_structlog, True),
    "json-orjson": partial(_standard, "pythonjsonlogger.orjson", "OrjsonFormatter", _FIELDS),
    "json": partial(_json, _FIELDS),
    "format": partial(_json, _FORMAT),
    "django-structlog": _django_structlog,
    "loguru": _loguru,
    "ecs": partial(_standard, "ecs_logging", "StdlibFormatter", {}),
    "floor-two": partial(floor, sinks=2),
    "project-three": partial(project.set_up, "console,file,error_file"),
}


def fields_of(peer: str, payload: dict[str, Any]) -> dict[str, Any]:
    """Return what a peer is given for a payload: the same key of the line has it everywhere."""
    return payload if peer.startswith(("floor", "project")) else {"payload": payload}
