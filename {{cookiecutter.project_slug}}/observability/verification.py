"""Proves the logging: a probe through every handler, read back from where it landed."""

import json
import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from jsonschema import Draft202012Validator

from .context import RequestContext, bound
from .line.record import Record
from .logging_config import HANDLERS
from .pretty import PrettyConsoleHandler
from .settings import setting

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
    """Send one probe through every handler that is asked for, and read it back."""
    namespace = setting("LOG_NAMESPACE")
    loggers = [logging.getLogger(name) for name in (namespace, f"{namespace}.audit")]
    handlers = {handler.name: handler for logger in loggers for handler in logger.handlers}
    asked = [name for name in HANDLERS if name in setting("LOG_HANDLERS")]
    asked += ["audit_file"] if "file" in asked else []
    missing = "is asked for, but not on the namespace's loggers"
    return [
        _prove(name, handlers[name]) if name in handlers else Proof(name, "-", missing)
        for name in asked
    ]


def _prove(name: str, handler: Any) -> Proof:
    """Hand a probe to one handler, at a level that no alert on errors looks at."""
    probe = uuid4().hex
    with bound(RequestContext(probe, {})):
        record = Record.of_event(__name__, logging.INFO, PROBE, {"probe": probe})
    file: str | None = getattr(handler, "baseFilename", None)
    start = os.path.getsize(file) if file and os.path.exists(file) else 0
    try:
        handler.handle(record)
        # A console cannot be read back: it has what its handler wrote without an error.
        text = _read(file, start) if file else getattr(handler, "last_text", "")
        problem = _problem(handler, text, probe)
    except (OSError, ValueError) as error:
        problem = f"the probe cannot be read back: {error}"
    return Proof(name, file or "the console", problem)


def _read(file: str, start: int) -> str:
    with open(file, "rb") as stream:
        stream.seek(start if os.path.getsize(file) >= start else 0)
        return stream.read().decode("utf-8")


def _problem(handler: logging.Handler, text: str, probe: str) -> str:
    """Return what is wrong with the probe's line in one place, or nothing."""
    lines = [line for line in text.splitlines() if probe in line]
    if len(lines) != 1:
        reason = getattr(handler, "last_error", "") or "no error was reported"
        return f"{len(lines)} lines of the probe arrived instead of one ({reason})"
    if isinstance(handler, PrettyConsoleHandler):
        return "" if PROBE in lines[0] else "the probe's event is not named"
    line = json.loads(lines[0])
    if problems := schema_problems(line):
        return f"the line is not as the schema has it: {'; '.join(problems)}"
    if line["request_id"] != probe or line["payload"] != {"probe": probe}:
        return f"the line does not say what was logged: {lines[0]}"
    return ""
