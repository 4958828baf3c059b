"""Builds the LOGGING setting: a pure function of its arguments, standard library only."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
HANDLERS = ("console", "file", "error_file")
# The audit file is written wherever `file` is asked for.
FILES = {"file": "app.json.log", "error_file": "errors.json.log", "audit_file": "audit.json.log"}
CONSOLE_FORMATS = {"json": "line.handlers.ConsoleHandler", "pretty": "pretty.PrettyConsoleHandler"}
CONSOLE_STREAMS = {"stdout": "ext://sys.stdout", "stderr": "ext://sys.stderr"}
# By size there are eleven files of ten megabytes each.
ROTATIONS = {"logrotate": {}, "size": {"max_bytes": 10_000_000, "backup_count": 10}}
_FORMATTER = "observability.line.formatter.JSONLineFormatter"


def logging_config(
    *,
    namespace: str,
    level: str = "INFO",
    error_level: str = "ERROR",
    handlers: Iterable[str] = HANDLERS,
    log_dir: Path | str = "logs",
    rotation: str = "logrotate",
    console_format: str = "json",
    console_stream: str = "stdout",
) -> dict[str, Any]:
    """Return the dictConfig dictionary for one namespace.

    The console and `app.json.log` take `level` and above, `errors.json.log` takes
    `error_level` and above. Audit events go to `audit.json.log` as well, at any `level`.
    Nothing is raised for an unknown value: a safe one is used in its place, and the system
    checks name the mistake.

    https://docs.python.org/3/library/logging.config.html#dictionary-schema-details
    """
    level = level if level in LEVELS else "INFO"
    error_level = error_level if error_level in LEVELS else "ERROR"
    asked = set(handlers)
    chosen = [name for name in HANDLERS if name in asked] or ["console"]
    audit = ["audit_file"] if "file" in chosen else []
    levels = {"console": level, "file": level, "error_file": error_level, "audit_file": "INFO"}
    # A handler has the level that was asked for; a logger passes what any of them takes.
    lowest = min((levels[name] for name in chosen), key=LEVELS.index)

    console = CONSOLE_FORMATS.get(console_format, CONSOLE_FORMATS["json"])
    stream = CONSOLE_STREAMS.get(console_stream, CONSOLE_STREAMS["stdout"])
    file = {"class": "observability.line.handlers.LogFileHandler", **ROTATIONS.get(rotation, {})}
    known = {name: {**file, "filename": str(Path(log_dir) / FILES[name])} for name in FILES}
    known["console"] = {"class": f"observability.{console}", "stream": stream}
    made = {n: {**known[n], "level": levels[n], "formatter": "json"} for n in [*chosen, *audit]}
    made["security_events"] = {"class": "observability.security.DjangoSecurityHandler"}

    # `request_finished` takes the place of every access log, which would quote query strings.
    silent = {"level": "CRITICAL", "propagate": False}
    server = {"level": "INFO", "propagate": True, "filters": ["server"]}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {
            "server": {"()": "observability.server_lines.ServerLogFilter"},
            "first_report": {"()": "observability.line.record.FirstReportFilter"},
        },
        # Several processes may share a file; a console has its own.
        "formatters": {"json": {"()": _FORMATTER, "with_pid": chosen != ["console"]}},
        "handlers": made,
        # Libraries at DEBUG would drown the service's own lines, so the root stops at INFO.
        "root": {"handlers": chosen, "level": max(lowest, "INFO", key=LEVELS.index)},
        "loggers": {
            namespace: {"handlers": chosen, "level": lowest, "propagate": False},
            # The handlers decide by their levels: the audit file takes every audit event.
            f"{namespace}.audit": {"level": "DEBUG", "handlers": audit, "propagate": True},
            "django.security": {"handlers": ["security_events"], "propagate": False},
            "django.request": {"level": "ERROR", "filters": ["first_report"]},
            # Below ERROR axes prints user names; the security events say the same without them.
            "axes": {"level": "ERROR"},
            **{name: {"level": "NOTSET", "propagate": True} for name in ("django", "uvicorn")},
            **dict.fromkeys(("gunicorn.error", "uvicorn.error"), server),
            **dict.fromkeys(("django.server", "gunicorn.access", "uvicorn.access"), silent),
        },
    }
