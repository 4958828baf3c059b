"""How each peer writes one event to one real file: the same facts, in its own documented way.

Every line has a time, the level, the logger's name, the request id, the event and its payload.
What a line is worth beyond that is tried out by `worth`, and stands in the page.
"""

import logging
import logging.handlers
import os
import sys
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LOGGER = "ecommerce.products.views"
EVENT = "fetch_products_success"
REQUEST_ID = "d3b7e8f4-2f4a-4e3b-a123-9c8d7f1c5678"

Emit = Callable[[dict[str, Any]], object]
Log = Callable[[str, dict[str, Any]], object]


@dataclass(frozen=True)
class Peer:
    """One row of the table."""

    words: str
    set_up: Callable[[Path], Emit]
    log: Log | None = None
    """How those who use it log an event with fields; the floor has no such call."""


_request_id: ContextVar[str] = ContextVar("request_id", default=REQUEST_ID)


def _file(folder: Path, name: str) -> int:
    return os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)


def _floor(folder: Path, sinks: int) -> Emit:
    import orjson

    files = [_file(folder, f"floor-{number}.log") for number in range(sinks)]

    def emit(payload: dict[str, Any]) -> None:
        line = {
            "timestamp": "2026-11-22T16:47:37.584123Z",
            "level": "INFO",
            "logger": LOGGER,
            "request_id": REQUEST_ID,
            "event": EVENT,
            "payload": payload,
        }
        data = orjson.dumps(line) + b"\n"
        for file in files:
            os.write(file, data)

    return emit


def floor(folder: Path) -> Emit:
    """orjson.dumps of the same line, and one write."""
    return _floor(folder, 1)


def floor_two(folder: Path) -> Emit:
    """orjson.dumps of the same line, and two writes."""
    return _floor(folder, 2)


def set_up_project(folder: Path, handlers: str) -> None:
    """Start the rendered project with these handlers; the console is a file as well."""
    os.environ |= {"LOG_DIR": str(folder), "LOG_HANDLERS": handlers}
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    stdout, sys.stdout = sys.stdout, (folder / "console.log").open("a", encoding="utf-8")
    import django

    django.setup()
    sys.stdout = stdout
    from ecommerce.observability.request_id import bind_request_id

    bind_request_id(REQUEST_ID)


def _project(folder: Path, handlers: str) -> Emit:
    set_up_project(folder, handlers)
    from ecommerce.logging_helper import log_event

    def emit(payload: dict[str, Any]) -> None:
        log_event(EVENT, payload)

    return emit


def project(folder: Path) -> Emit:
    """Have the rendered project write to one file."""
    return _project(folder, "file")


def project_three(folder: Path) -> Emit:
    """Have the default handlers of the project: the console and the file take the event."""
    return _project(folder, "console,file,error_file")


def structlog_fastest(folder: Path) -> Emit:
    """As structlog's page on performance has it: orjson, bytes, no standard library."""
    import orjson
    import structlog

    structlog.configure(
        cache_logger_on_first_use=True,
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.format_exc_info,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(serializer=orjson.dumps),
        ],
        logger_factory=structlog.BytesLoggerFactory(
            file=(folder / "structlog.log").open("ab"),
        ),
    )
    structlog.contextvars.bind_contextvars(request_id=REQUEST_ID)
    logger = structlog.get_logger().bind(logger=LOGGER)

    def emit(payload: dict[str, Any]) -> None:
        logger.info(EVENT, payload=payload)

    return emit


def django_structlog(folder: Path) -> Emit:
    """As django-structlog's getting started has it: structlog through the standard library."""
    import structlog

    from .served.structlog_setup import configure_structlog, json_formatter

    configure_structlog()
    handler = logging.handlers.WatchedFileHandler(folder / "django-structlog.log")
    handler.setFormatter(json_formatter())
    _attach(handler)
    structlog.contextvars.bind_contextvars(request_id=REQUEST_ID)
    logger = structlog.get_logger(LOGGER)

    def emit(payload: dict[str, Any]) -> None:
        logger.info(EVENT, payload=payload)

    return emit


def python_json_logger(folder: Path) -> Emit:
    """As python-json-logger's quick start has it, with the fields named."""
    from pythonjsonlogger.json import JsonFormatter

    fields = ["asctime", "levelname", "name", "request_id", "message"]
    return _standard(folder, "json.log", JsonFormatter(fields))


def python_json_logger_orjson(folder: Path) -> Emit:
    """python-json-logger with its fast encoder."""
    from pythonjsonlogger.orjson import OrjsonFormatter

    fields = ["asctime", "levelname", "name", "request_id", "message"]
    return _standard(folder, "orjson.log", OrjsonFormatter(fields))


def format_string(folder: Path) -> Emit:
    """python-json-logger with a `{` format string, as this template was first asked for."""
    from pythonjsonlogger.json import JsonFormatter

    fields = "{asctime}{levelname}{name}{request_id}{message}"
    return _standard(folder, "format.log", JsonFormatter(fields, style="{"))


def ecs_logging(folder: Path) -> Emit:
    """As ecs-logging's documentation has it."""
    from ecs_logging import StdlibFormatter

    return _standard(folder, "ecs.log", StdlibFormatter())


def loguru(folder: Path) -> Emit:
    """Loguru with serialize=True; the text beside its record is the message alone, for speed."""
    from loguru import logger as root

    root.remove()
    root.add(folder / "loguru.log", format="{message}", serialize=True)
    logger = root.bind(request_id=REQUEST_ID, logger=LOGGER)

    def emit(payload: dict[str, Any]) -> None:
        logger.bind(payload=payload).info(EVENT)

    return emit


class _RequestIdFilter(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = _request_id.get()
        return True


def _attach(handler: logging.Handler) -> logging.Logger:
    logger = logging.getLogger(LOGGER)
    logger.propagate = False
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    return logger


def _standard(folder: Path, name: str, formatter: logging.Formatter) -> Emit:
    handler = logging.FileHandler(folder / name)
    handler.addFilter(_RequestIdFilter())
    handler.setFormatter(formatter)
    logger = _attach(handler)

    def emit(payload: dict[str, Any]) -> None:
        logger.info(EVENT, extra={"payload": payload})

    return emit


def _log_by_project(event: str, fields: dict[str, Any]) -> None:
    from ecommerce.logging_helper import log_event

    log_event(event, fields)


def _log_by_structlog(event: str, fields: dict[str, Any]) -> None:
    import structlog

    structlog.get_logger(LOGGER).info(event, **fields)


def _log_by_extra(event: str, fields: dict[str, Any]) -> None:
    logging.getLogger(LOGGER).info(event, extra=fields)


def _log_by_loguru(event: str, fields: dict[str, Any]) -> None:
    from loguru import logger

    logger.bind(request_id=REQUEST_ID).bind(**fields).info(event)


PEERS = {
    "floor": Peer("the floor: `orjson.dumps` and one write", floor),
    "project": Peer("**this project**, one file", project, _log_by_project),
    "structlog": Peer("structlog, its fastest recipe", structlog_fastest, _log_by_structlog),
    "json-orjson": Peer("python-json-logger, orjson", python_json_logger_orjson, _log_by_extra),
    "json": Peer("python-json-logger", python_json_logger, _log_by_extra),
    "format": Peer("python-json-logger, `{` format string", format_string, _log_by_extra),
    "django-structlog": Peer(
        "django-structlog, its JSON file", django_structlog, _log_by_structlog
    ),
    "loguru": Peer("loguru, `serialize=True`", loguru, _log_by_loguru),
    "ecs": Peer("ecs-logging", ecs_logging, _log_by_extra),
    "floor-two": Peer("the floor with two writes", floor_two),
    "project-three": Peer(
        "**this project**, console, file and error file", project_three, _log_by_project
    ),
}
