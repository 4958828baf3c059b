"""The LOGGING setting as data: a pure function of its arguments, standard library only."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
HANDLERS = ("console", "file", "error_file")
ROTATIONS = ("logrotate", "size")
# The audit file belongs to `file`: it is no handler to ask for.
FILES = {
    "file": "app.json.log",
    "error_file": "errors.json.log",
    "audit_file": "audit.json.log",
}
CONSOLE_FORMATS = ("json", "pretty")

# Rotation by size: eleven files of ten megabytes each are kept.
MAX_FILE_BYTES = 10_000_000
ROTATED_FILES = 10

# A line longer than this is shortened; shorter still where workers share a pipe, which keeps
# their lines apart up to PIPE_BUF bytes (POSIX.1, write()).
MAX_LINE_BYTES = 262_144
MAX_PIPE_LINE_BYTES = 4096

# Values under keys with one of these in their name are masked, in any case, with any
# separators, at any depth. One of up to four letters must be a word of its own.
SENSITIVE_KEYS = (
    *("password", "passwd", "pwd", "passphrase", "pin", "otp"),
    *("secret", "token", "api_key", "access_key", "private_key", "authorization", "credential"),
    *("cookie", "session", "csrf"),
    *("card_number", "credit_card", "pan", "cvv", "cvc", "iban", "ssn"),
)


def logging_config(
    *,
    namespace: str,
    level: str,
    error_level: str,
    handlers: Iterable[str],
    log_dir: Path | str,
    rotation: str,
    console_format: str = "json",
    console_stream: str = "stdout",
    sensitive_keys: Iterable[str] = SENSITIVE_KEYS,
    max_line_bytes: int = MAX_LINE_BYTES,
    max_pipe_line_bytes: int = MAX_PIPE_LINE_BYTES,
) -> dict[str, Any]:
    """Return the dictConfig dictionary for one namespace.

    The console and `app.json.log` take `level` and above, `errors.json.log` takes
    `error_level` and above; audit events go to `audit.json.log` as well, whatever `level` is.
    An unknown value never raises: the nearest safe one is used, and the system checks name the
    mistake (a service that cannot log must still start).

    https://docs.python.org/3/library/logging.config.html#dictionary-schema-details
    """
    level = level if level in LEVELS else "INFO"
    error_level = error_level if error_level in LEVELS else "ERROR"
    asked = set(handlers)
    chosen = [name for name in HANDLERS if name in asked] or ["console"]
    audit = ["audit_file"] if "file" in chosen else []
    levels = {"console": level, "file": level, "error_file": error_level, "audit_file": "INFO"}
    observability = f"{namespace}.observability"

    def handler(name: str) -> dict[str, Any]:
        common = {"level": levels[name], "formatter": "json"}
        if name == "console":
            shown = {"pretty": "reading.pretty.PrettyConsoleHandler"}
            console = shown.get(console_format, "line.handlers.ConsoleHandler")
            return common | {
                "class": f"{observability}.{console}",
                "stream": "ext://sys.stderr" if console_stream == "stderr" else "ext://sys.stdout",
                "max_pipe_bytes": max_pipe_line_bytes,
            }
        filename = str(Path(log_dir) / FILES[name])
        if rotation == "size":
            return common | {
                "class": f"{observability}.line.handlers.SizeRotatedFileHandler",
                "filename": filename,
                "max_bytes": MAX_FILE_BYTES,
                "backup_count": ROTATED_FILES,
            }
        return common | {
            "class": f"{observability}.line.handlers.LogFileHandler",
            "filename": filename,
        }

    # The handlers hold the levels that were asked for; a logger passes what any of them takes.
    lowest = min((levels[name] for name in chosen), key=LEVELS.index)
    # Libraries at DEBUG drown the service's own lines, so the root stops at INFO.
    root_level = max(lowest, "INFO", key=LEVELS.index)
    # Django's default configuration gives both handlers of their own. What runserver says of a
    # request, `request_finished` says better, and without the query string.
    to_root: dict[str, Any] = {"handlers": [], "level": "NOTSET", "propagate": True}
    silent: dict[str, Any] = {"handlers": [], "level": "CRITICAL", "propagate": False}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "json": {
                "()": f"{observability}.line.formatter.JSONLineFormatter",
                "sensitive_keys": list(sensitive_keys),
                "max_bytes": max_line_bytes,
            }
        },
        "handlers": {
            **{name: handler(name) for name in [*chosen, *audit]},
            "security_events": {"class": f"{observability}.security.DjangoSecurityHandler"},
        },
        "root": {"handlers": chosen, "level": root_level},
        "loggers": {
            namespace: {"handlers": chosen, "level": lowest, "propagate": False},
            # The levels are the handlers' to decide: an audit event reaches its file in any case.
            f"{namespace}.audit": {"level": "DEBUG", "handlers": audit, "propagate": True},
            "django": to_root,
            "django.security": {"handlers": ["security_events"], "propagate": False},
            "django.server": silent,
            # Of a 4xx `request_finished` says more.
            "django.request": {"level": "ERROR"},
            # The security events say it once, and without user names.
            "axes": silent,
        },
    }
