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

from config.logging import CONSOLE_FORMATS, FILES, HANDLERS, LEVELS, ROTATIONS

SHORTEST_LIMIT = 1_024
REQUEST_ID_MIDDLEWARE = f"{__package__}.request_id.RequestIDMiddleware"


def check_logging(**_kwargs: Any) -> list[checks.CheckMessage]:
    """Check the values of the LOG_ settings, and the log folder when files are written."""
    messages = [*_unknown_values(), *_limits()]
    if {"file", "error_file"}.intersection(settings.LOG_HANDLERS):
        messages += _folder(settings.LOG_DIR)
    return messages


def check_request_id(**_kwargs: Any) -> list[checks.CheckMessage]:
    """Check that the request id is bound before anything else can log."""
    if settings.MIDDLEWARE[:1] == [REQUEST_ID_MIDDLEWARE]:
        return []
    place = "not first in" if REQUEST_ID_MIDDLEWARE in settings.MIDDLEWARE else "missing from"
    return [
        checks.Error(
            f"The request id's middleware is {place} MIDDLEWARE: lines would lack their id.",
            hint=f"Put '{REQUEST_ID_MIDDLEWARE}' at the top of MIDDLEWARE.",
            id="logging.E006",
        )
    ]


def _unknown_values() -> Iterator[checks.CheckMessage]:
    named = [
        ("E001", "LOG_LEVEL", [settings.LOG_LEVEL], LEVELS),
        ("E002", "LOG_ERROR_LEVEL", [settings.LOG_ERROR_LEVEL], LEVELS),
        ("E003", "LOG_HANDLERS", settings.LOG_HANDLERS or [""], HANDLERS),
        ("E004", "LOG_ROTATION", [settings.LOG_ROTATION], ROTATIONS),
        ("E007", "LOG_CONSOLE_FORMAT", [settings.LOG_CONSOLE_FORMAT], CONSOLE_FORMATS),
    ]
    for number, name, values, known in named:
        for value in values:
            if value not in known:
                yield checks.Error(
                    f"{name}: {value!r} is unknown, and not used.",
                    hint=f"Use {', '.join(known)}.",
                    id=f"logging.{number}",
                )


def _limits() -> Iterator[checks.CheckMessage]:
    for name in ("LOG_MAX_LINE_BYTES", "LOG_MAX_PIPE_LINE_BYTES"):
        if getattr(settings, name) < SHORTEST_LIMIT:
            yield checks.Error(
                f"{name}: lines of {getattr(settings, name)} bytes have no room for a payload.",
                hint=f"Use {SHORTEST_LIMIT} or more.",
                id="logging.E008",
            )


def _folder(folder: Path) -> Iterator[checks.CheckMessage]:
    try:
        if folder.is_dir():
            _try_to_write(folder)
            return
        if folder.exists():
            raise NotADirectoryError(f"{folder} is not a folder")
        _try_to_write(next(parent for parent in folder.parents if parent.exists()))
    except OSError as error:
        yield checks.Error(
            f"LOG_DIR: no log file can be written in {folder}: {error.strerror or error}.",
            hint="Make the folder writable for the user of the service, or set LOG_DIR.",
            id="logging.E005",
        )
        return
    yield checks.Warning(
        f"LOG_DIR: {folder} does not exist; it is made when the first line is written.",
        hint=f"Create it for the user of the service: mkdir -m 750 '{folder}'",
        id="logging.W001",
    )


def _try_to_write(folder: Path) -> None:
    """Write a block to a file without a name: finds a full disk as well as missing rights."""
    with tempfile.TemporaryFile(dir=folder) as file:
        os.write(file.fileno(), bytes(4096))
    for name in FILES.values():
        path = folder / name
        if path.is_symlink():
            raise OSError(f"{path} is a symbolic link, which is never followed")
        if path.exists() and not os.access(path, os.R_OK | os.W_OK):
            raise PermissionError(f"{path} is not writable")
