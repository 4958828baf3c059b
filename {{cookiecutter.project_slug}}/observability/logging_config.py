"""Builds the LOGGING setting: a pure function of its arguments, standard library only."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
HANDLERS = ("console", "file", "error_file")
ROTATIONS = ("logrotate", "size")
CONSOLE_FORMATS = ("json", "pretty")
# The audit file is written wherever `file` is asked for.
FILES = {"file": "app.json.log", "error_file": "errors.json.log", "audit_file": "audit.json.log"}
# Rotation by size keeps eleven files of ten megabytes each.
MAX_FILE_BYTES = 10_000_000
ROTATED_FILES = 10


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

    def handler(name: str) -> dict[str, Any]:
        options: dict[str, Any] = {"level": levels[name], "formatter": "json"}
        kind = "line.handlers.LogFileHandler"
        if name == "console":
            pretty = console_format == "pretty"
            kind = "pretty.PrettyConsoleHandler" if pretty else "line.handlers.ConsoleHandler"
            options["stream"] = f"ext://sys.{'stderr' if console_stream == 'stderr' else 'stdout'}"
        else:
            options["filename"] = str(Path(log_dir) / FILES[name])
            if rotation == "size":
                kind = "line.rotation.SizeRotatedFileHandler"
                options |= {"max_bytes": MAX_FILE_BYTES, "backup_count": ROTATED_FILES}
        return {"class": f"observability.{kind}", **options}

    # A handler has the level that was asked for; a logger passes what any of them takes.
    lowest = min((levels[name] for name in chosen), key=LEVELS.index)
    # Libraries at DEBUG would drown the service's own lines, so the root stops at INFO.
    root_level = max(lowest, "INFO", key=LEVELS.index)
    # `request_finished` takes the place of every access log, which would quote query strings.
    to_root: dict[str, Any] = {"handlers": [], "level": "NOTSET", "propagate": True}
    silent: dict[str, Any] = {"handlers": [], "level": "CRITICAL", "propagate": False}
    # Several processes may share a file; a console has its own.
    formatter = {
        "()": "observability.line.formatter.JSONLineFormatter",
        "with_pid": chosen != ["console"],
    }
    server = {"handlers": [], "level": "INFO", "propagate": True, "filters": ["server"]}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {
            "server": {"()": "observability.servers.ServerLogFilter"},
            "first_report": {"()": "observability.line.record.FirstReportFilter"},
        },
        "formatters": {"json": formatter},
        "handlers": {
            **{name: handler(name) for name in [*chosen, *audit]},
            "security_events": {"class": "observability.security.DjangoSecurityHandler"},
        },
        "root": {"handlers": chosen, "level": root_level},
        "loggers": {
            namespace: {"handlers": chosen, "level": lowest, "propagate": False},
            # The handlers decide by their levels: the audit file takes every audit event.
            f"{namespace}.audit": {"level": "DEBUG", "handlers": audit, "propagate": True},
            "django": to_root,
            "django.security": {"handlers": ["security_events"], "propagate": False},
            "django.server": silent,
            "django.request": {"level": "ERROR", "filters": ["first_report"]},
            # Below ERROR axes prints user names; the security events say the same without them.
            "axes": {"level": "ERROR"},
            "gunicorn.error": server,
            "gunicorn.access": silent,
            "uvicorn": to_root,
            "uvicorn.error": server,
            "uvicorn.access": silent,
        },
    }
