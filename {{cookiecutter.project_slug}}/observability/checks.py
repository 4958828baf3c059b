"""System checks for what can be known of the logging without writing a line.

https://docs.djangoproject.com/en/stable/topics/checks/
"""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error

from .logging_config import CONSOLE_FORMATS, FILES, HANDLERS, LEVELS, ROTATIONS
from .settings import setting

MIDDLEWARE = "observability.access.RequestMiddleware"
SHORTEST_LIMIT = 1_024
_CHOICES = {
    "LOG_LEVEL": ("E001", LEVELS),
    "LOG_ERROR_LEVEL": ("E002", LEVELS),
    "LOG_HANDLERS": ("E003", HANDLERS),
    "LOG_ROTATION": ("E004", ROTATIONS),
    "LOG_CONSOLE_FORMAT": ("E007", CONSOLE_FORMATS),
}


def check_logging(**_kwargs: Any) -> list[CheckMessage]:
    """Check the values of the LOG_ settings, and the log folder when files are written."""
    writes_files = {"file", "error_file"}.intersection(setting("LOG_HANDLERS"))
    return [*wrong_values(), *(_folder(Path(setting("LOG_DIR"))) if writes_files else ())]


def check_middleware(**_kwargs: Any) -> list[CheckMessage]:
    """Check that the request's context is bound before anything else can log."""
    if settings.MIDDLEWARE[:1] == [MIDDLEWARE]:
        return []
    place = "not first in" if MIDDLEWARE in settings.MIDDLEWARE else "missing from"
    text = f"{MIDDLEWARE} is {place} MIDDLEWARE: lines would lack their request id."
    return [Error(text, hint=f"Put '{MIDDLEWARE}' at the top of MIDDLEWARE.", id="logging.E006")]


def wrong_values() -> Iterator[CheckMessage]:
    """Yield an error for each value of a setting that is not used, and what to use."""
    for name, (number, known) in _CHOICES.items():
        given = setting(name)
        for value in [given] if isinstance(given, str) else given or [""]:
            if value not in known:
                text = f"{name}: {value!r} is unknown, and not used."
                yield Error(text, hint=f"Use {', '.join(known)}.", id=f"logging.{number}")
    for name in ("LOG_MAX_LINE_BYTES", "LOG_MAX_PIPE_LINE_BYTES"):
        if setting(name) < SHORTEST_LIMIT:
            text = f"{name}: lines of {setting(name)} bytes have no room for a payload."
            yield Error(text, hint=f"Use {SHORTEST_LIMIT} or more.", id="logging.E008")


def _folder(folder: Path) -> Iterator[CheckMessage]:
    try:
        if folder.is_dir():
            _try_to_write(folder)
            return
        if folder.exists():
            raise NotADirectoryError(f"{folder} is not a folder")
        _try_to_write(next(parent for parent in folder.absolute().parents if parent.exists()))
    except OSError as error:
        text = f"LOG_DIR: no log file can be written in {folder}: {error.strerror or error}."
        hint = "Make the folder writable for the user of the service, or set LOG_DIR."
        yield Error(text, hint=hint, id="logging.E005")
        return
    text = f"LOG_DIR: {folder} does not exist; it is made when the first line is written."
    hint = f"Create it for the user of the service: mkdir -m 750 '{folder}'"
    yield checks.Warning(text, hint=hint, id="logging.W001")


def _try_to_write(folder: Path) -> None:
    """Write a block to a file without a name: finds a full disk as well as missing rights."""
    with tempfile.TemporaryFile(dir=folder) as file:
        os.write(file.fileno(), bytes(4096))
    for path in (folder / name for name in FILES.values()):
        if path.is_symlink():
            raise OSError(f"{path} is a symbolic link, which is never followed")
        if path.exists() and not os.access(path, os.R_OK | os.W_OK):
            raise PermissionError(f"{path} is not writable")
