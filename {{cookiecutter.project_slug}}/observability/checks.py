"""System checks for what can be known of the logging without writing a line.

https://docs.djangoproject.com/en/stable/topics/checks/
"""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core import checks

from .logging_config import CONSOLE_FORMATS, CONSOLE_STREAMS, FILES, HANDLERS, LEVELS, ROTATIONS
from .settings import DEFAULTS, setting

MIDDLEWARE = "observability.access.RequestMiddleware"
_SHORTEST_LINE = 1_024  # bytes
_CHOICES = {
    "LOG_LEVEL": ("E001", LEVELS),
    "LOG_ERROR_LEVEL": ("E002", LEVELS),
    "LOG_HANDLERS": ("E003", HANDLERS),
    "LOG_ROTATION": ("E004", ROTATIONS),
    "LOG_CONSOLE_FORMAT": ("E007", CONSOLE_FORMATS),
    "LOG_CONSOLE_STREAM": ("E009", CONSOLE_STREAMS),
}


def check_logging(**_kwargs: Any) -> list[checks.CheckMessage]:
    """Check the values of the LOG_ settings, and the log folder when files are written."""
    writes_files = {"file", "error_file"}.intersection(setting("LOG_HANDLERS"))
    return [*wrong_values(), *(_folder(Path(setting("LOG_DIR"))) if writes_files else ())]


def check_middleware(**_kwargs: Any) -> list[checks.CheckMessage]:
    """Check that the request's context is bound before anything else can log."""
    hint = f"Put '{MIDDLEWARE}' at the top of MIDDLEWARE."
    text = f"{MIDDLEWARE} is missing from MIDDLEWARE or not first: lines would lack their id."
    is_first = settings.MIDDLEWARE[:1] == [MIDDLEWARE]
    return [] if is_first else [checks.Error(text, hint, id="logging.E006")]


def check_audit(**_kwargs: Any) -> list[checks.CheckMessage]:
    """Check that every model that is to be audited is there, and that users are audited."""
    if not apps.is_installed("auditlog"):
        return []
    from auditlog.registry import auditlog

    entries: Any = settings.AUDITLOG_INCLUDE_TRACKING_MODELS
    names = [entry["model"] if isinstance(entry, dict) else entry for entry in entries]
    text = "AUDITLOG_INCLUDE_TRACKING_MODELS: {!r} is not used, so nothing is audited."
    hint = "Name a model that is installed and not replaced by another one."
    unused = [text.format(name) for name in names if not _is_used(name)]
    found: list[checks.CheckMessage] = [checks.Error(t, hint, id="logging.E011") for t in unused]
    if not auditlog.contains(get_user_model()):
        text = f"AUTH_USER_MODEL: changes of {settings.AUTH_USER_MODEL} are not audited."
        hint = "Put AUTH_USER_MODEL into AUDITLOG_INCLUDE_TRACKING_MODELS."
        found.append(checks.Warning(text, hint, id="logging.W002"))
    return found


def wrong_values() -> Iterator[checks.CheckMessage]:
    """Yield an error for each value of a setting that is not used, and what to use."""
    for name, (number, known) in _CHOICES.items():
        given = setting(name)
        for value in [given] if isinstance(given, str) else given or [""]:
            if value not in known:
                text = f"{name}: {value!r} is unknown, and not used."
                yield checks.Error(text, f"Use {', '.join(known)}.", id=f"logging.{number}")
    for name in DEFAULTS:
        if setting(name) != (given := getattr(settings, name, setting(name))):
            text = f"{name}: {given!r} is no number, and not used."
            yield checks.Error(text, "Use a whole number, 0 or more.", id="logging.E010")
    for name in ("LOG_MAX_LINE_BYTES", "LOG_MAX_PIPE_LINE_BYTES"):
        if setting(name) < _SHORTEST_LINE:
            text = f"{name}: lines of {setting(name)} bytes have no room for a payload."
            yield checks.Error(text, f"Use {_SHORTEST_LINE} or more.", id="logging.E008")


def _is_used(name: str) -> bool:
    """Say whether there is such a model, which none replaces, or such an application."""
    try:
        return not apps.get_model(name)._meta.swapped if "." in name else name in apps.app_configs
    except (LookupError, ValueError):
        return False


def _folder(folder: Path) -> Iterator[checks.CheckMessage]:
    """Write a block to a file without a name: finds a full disk as well as missing rights."""
    nearest = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    hint = f"Make the folder for the user of the service (mkdir -m 750 '{folder}'), or set LOG_DIR."
    try:
        with tempfile.TemporaryFile(dir=nearest) as file:
            os.write(file.fileno(), bytes(4096))
        for path in (folder / name for name in FILES.values()):
            if path.is_symlink():
                raise OSError(f"{path} is a symbolic link, which is never followed")
            if path.exists() and not os.access(path, os.R_OK | os.W_OK):
                raise PermissionError(f"{path} is not writable")
    except OSError as error:
        text = f"LOG_DIR: no log file can be written in {folder}: {error.strerror or error}."
        yield checks.Error(text, hint, id="logging.E005")
    else:
        if nearest != folder:
            text = f"LOG_DIR: {folder} does not exist; it is made when the first line is written."
            yield checks.Warning(text, hint, id="logging.W001")
