"""Proves the logging: a probe through every handler, read back from where it landed."""

import json
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import uuid4

from django.conf import settings
from jsonschema import Draft202012Validator

from config.logging import HANDLERS

from ..logging_helper import Event
from .reading.pretty import PrettyConsoleHandler
from .request_id import bind_request_id, current_request_id

SCHEMA = json.loads((Path(__file__).parent / "log_line.schema.json").read_text("utf-8"))
PROBE = "logging_probe"
_VALIDATOR = Draft202012Validator(SCHEMA)


@dataclass(frozen=True)
class Proof:
    """What was found of one handler: where its lines go, and what is wrong, if anything."""

    handler: str
    where: str
    problem: str = ""

    def __str__(self) -> str:
        return f"{self.handler:<12}{'FAILED' if self.problem else 'proven':<8}{self.where}"


def schema_problems(line: dict[str, Any]) -> list[str]:
    """Return what of a line is not as the schema has it; nothing when it is valid."""
    return [f"{error.json_path}: {error.message}" for error in _VALIDATOR.iter_errors(line)]


def verify() -> list[Proof]:
    """Send one probe event through every handler that is asked for, and read it back."""
    audit = logging.getLogger(f"{settings.LOG_NAMESPACE}.audit")
    handlers = [*logging.getLogger(settings.LOG_NAMESPACE).handlers, *audit.handlers]
    asked = [name for name in HANDLERS if name in settings.LOG_HANDLERS]
    asked += ["audit_file"] if "file" in asked else []
    attached = [handler.name for handler in handlers]
    proofs = [
        Proof(name, "-", "is asked for, but not on the namespace's loggers")
        for name in asked
        if name not in attached
    ]
    if not attached:
        return proofs
    level = max(handler.level for handler in handlers)
    probe, outer = uuid4().hex, current_request_id()
    bind_request_id(probe)
    with _landings(handlers) as landings:
        # What the audit logger is told reaches its own handler, and those of the namespace.
        audit.log(level, Event(PROBE, {"probe": probe}))
    bind_request_id(outer)
    for handler, landing in landings:
        proofs.append(Proof(str(handler.name), landing.where, _problem(handler, landing, probe)))
    return proofs


class _Landing:
    """Where a handler's lines land, and what has landed there since we began to look."""

    def __init__(self, handler: logging.Handler) -> None:
        self.file = getattr(handler, "baseFilename", None)
        self.where = self.file or "the console"
        self.start = os.path.getsize(self.file) if self.file and os.path.exists(self.file) else 0
        self.console = StringIO()

    def text(self) -> str:
        if self.file is None:
            return self.console.getvalue()
        with open(self.file, "rb") as file:
            file.seek(self.start if os.path.getsize(self.file) >= self.start else 0)
            return file.read().decode("utf-8")


class _Tee:
    """A stream that passes on what it is given, and keeps a copy of what was taken."""

    def __init__(self, stream: Any, copy: StringIO) -> None:
        self._stream = stream
        self._copy = copy

    def write(self, text: str) -> int:
        written: int = self._stream.write(text)
        self._copy.write(text)
        return written

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def _landings(
    handlers: list[logging.Handler],
) -> Iterator[list[tuple[logging.Handler, _Landing]]]:
    """Watch where the handlers' lines land, for as long as the block lasts."""
    landings = [(handler, _Landing(handler)) for handler in handlers]
    streams = []
    for handler, landing in landings:
        if landing.file is None and isinstance(handler, logging.StreamHandler):
            streams.append((handler, handler.setStream(_Tee(handler.stream, landing.console))))
    try:
        yield landings
    finally:
        for handler, stream in streams:
            handler.setStream(stream)


def _problem(handler: logging.Handler, landing: _Landing, probe: str) -> str:
    """Return what is wrong with the probe's line in one place, or nothing."""
    try:
        lines = [line for line in landing.text().splitlines() if probe in line]
        if len(lines) != 1:
            reason = getattr(handler, "last_error", "") or "no error was reported"
            return f"{len(lines)} lines of the probe arrived instead of one ({reason})"
        if isinstance(handler, PrettyConsoleHandler):
            return "" if PROBE in lines[0] else "the probe's event is not named"
        line = json.loads(lines[0])
    except (OSError, ValueError) as error:
        return f"the probe cannot be read back: {error}"
    if problems := schema_problems(line):
        return f"the line is not as the schema has it: {'; '.join(problems)}"
    if line["request_id"] != probe or line["payload"] != {"probe": probe}:
        return f"the line does not say what was logged: {lines[0]}"
    return ""
