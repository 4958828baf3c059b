"""Settings: the rendered project's API, its logging replaced by the peer in BENCHMARK_PEER."""

import logging
import os
from collections.abc import Callable
from importlib import import_module
from time import perf_counter
from typing import Any

from config.settings import *  # noqa: F403
from django.http import HttpRequest, HttpResponse

from . import peers, project

_PEER = os.environ["BENCHMARK_PEER"]
_theirs: dict[str, Any] = vars(import_module("config.settings"))
_theirs["REST_FRAMEWORK"]["DEFAULT_PERMISSION_CLASSES"] = ["rest_framework.permissions.AllowAny"]
# Opening SQLite and its journal anew for every request would drown what is measured.
_theirs["DATABASES"]["default"]["CONN_MAX_AGE"] = None
_folder = _theirs["LOG_DIR"]
_log: project.Log


class _Access:
    """Logs the end of a request for a peer that does not: method, path, status and duration."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        started = perf_counter()
        response = self.get_response(request)
        facts = {"method": request.method, "path": request.path, "status": response.status_code}
        facts["duration_ms"] = round((perf_counter() - started) * 1000, 3)
        _log("request_finished", facts)
        if _PEER == "wemake":
            import_module("structlog").contextvars.clear_contextvars()
        return response


class _Operation:
    """Logs the view's two events by the peer."""

    def __init__(self, name: str, _payload: object = None) -> None:
        self.name, self.outcome = name, dict[str, Any]()

    def __enter__(self) -> dict[str, Any]:
        _log(f"{self.name}_start", {})
        return self.outcome

    def __exit__(self, *_exception: object) -> None:
        _log(f"{self.name}_success", self.outcome)


def _logging(loggers: list[str], **handlers: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    """Return a configuration: a handler is the kind of its formatter, and where it writes."""
    make, keys = {"()": peers.structlog_formatter}, ["timestamp", "level", "event", "logger"]
    text = "%(otelTraceID)s " if _PEER == "opentelemetry" else ""
    text += "%(levelname)s %(asctime)s %(module)s %(process)d %(thread)d %(message)s"
    kinds = {
        "text": {"format": text},
        "json": make | {"kind": "JSONRenderer"},
        "pairs": make | {"kind": "KeyValueRenderer", "key_order": keys},
        "console": make | {"kind": "ConsoleRenderer"},
    }
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {kind: kinds[kind] for kind, _ in handlers.values()},
        "handlers": {name: to | {"formatter": kind} for name, (kind, to) in handlers.items()},
        "loggers": {name: {"handlers": [*handlers], "level": "INFO"} for name in loggers},
    }


def _watched(name: str) -> tuple[str, dict[str, Any]]:
    file = {"class": "logging.handlers.WatchedFileHandler", "filename": _folder / f"{name}.log"}
    return name, file


def _by_structlog(event: str, fields: dict[str, Any]) -> None:
    _logger.info(event, **fields)


def _by_text(event: str, fields: dict[str, Any]) -> None:
    _logger.info("%s %s", event, fields)


if _PEER in ("project_otlp", "project_dead"):
    LOG_WATCHERS = [*_theirs["LOG_WATCHERS"], "telemetry"]
if not _PEER.startswith("project"):
    LOG_WATCHERS = []
    _folder.mkdir(parents=True, exist_ok=True)
    _console = {"class": "logging.StreamHandler", "stream": "ext://sys.stdout"}
    _logger: Any = logging.getLogger(project.LOGGER)
    _app = project.NAMESPACE
    _log = lambda *_: None  # noqa: E731
    _access = [] if _PEER == "without_logging" else [f"{__name__}._Access"]
    if "structlog" in _PEER or _PEER == "wemake":
        import structlog

        _log, _logger = _by_structlog, structlog.get_logger(project.LOGGER)
    if _PEER in ("without_logging", "floor"):
        LOGGING = _logging(["django"], none=("text", {"class": "logging.NullHandler"}))
        LOGGING["root"] = {"handlers": ["none"], "level": "CRITICAL"}
    if _PEER == "floor":
        _log = peers.floor(_folder, 2)
    if _PEER in ("cookiecutter_django", "opentelemetry"):  # the former mails errors, too
        LOGGING, _log = _logging([""], console=("text", _console)), _by_text
    if _PEER == "wemake":  # it would drop the events of the project's own loggers
        LOGGING = _logging(["django", _app], console=("pairs", _console))
        _printer = structlog.processors.ExceptionPrettyPrinter()
        peers.configure_structlog(_printer, wrapper_class=structlog.stdlib.BoundLogger)
    if _PEER.startswith("django_structlog"):
        _files = {"flat": _watched("pairs"), "json": _watched("json")}
        if _PEER == "django_structlog_json":
            del _files["flat"]
        _shown = ("json" if len(_files) == 1 else "console", _console)
        LOGGING = _logging(["django_structlog", _app], console=_shown, **_files)
        INSTALLED_APPS = [*_theirs["INSTALLED_APPS"], "django_structlog"]
        peers.configure_structlog()
        _access = ["django_structlog.middlewares.RequestMiddleware"]
    _kept = [name for name in _theirs["MIDDLEWARE"] if name not in project.MIDDLEWARE]
    MIDDLEWARE = _kept + _access if "structlog" in _PEER else _access + _kept
    _helper: Any = import_module(project.HELPER)
    _helper.log_operation, _helper.log_event = _Operation, lambda *_, **__: None
