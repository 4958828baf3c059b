"""Proves the logging: a probe through every handler, read back from where it landed."""

import json
import logging
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

from jsonschema import Draft202012Validator

from .context import RequestContext, bound
from .line.record import Record
from .logging_config import HANDLERS
from .pretty import PrettyConsoleHandler
from .settings import setting

SCHEMA = json.loads(Path(__file__).with_name("log_line.schema.json").read_text("utf-8"))
PROBE = "logging_probe"
_VALIDATOR = Draft202012Validator(SCHEMA)


class Proof(NamedTuple):
    """What was found of one handler: where its lines go, and what is wrong, if anything."""

    handler: str
    where: str
    problem: str

    def __str__(self) -> str:
        return f"{self.handler:<12}{'FAILED' if self.problem else 'proven':<8}{self.where}"


def schema_problems(line: dict[str, Any]) -> list[str]:
    """Return what of a line is not as the schema has it; nothing when it is valid."""
    return [f"{error.json_path}: {error.message}" for error in _VALIDATOR.iter_errors(line)]


def verify() -> list[Proof]:
    """Send one probe through every handler that is asked for, and read it back."""
    logger = logging.getLogger(setting("LOG_NAMESPACE"))
    handlers = {each.name: each for each in logger.handlers + logger.getChild("audit").handlers}
    asked = [name for name in HANDLERS if name in setting("LOG_HANDLERS")]
    asked += ["audit_file"] if "file" in asked else []
    return [*(_prove(name, handlers.get(name)) for name in asked), *_workers(asked)]


def _workers(asked: list[str]) -> Iterator[Proof]:
    """Say of each watcher of tasks whether its worker, set up as at its start, has the handlers."""
    for watcher in setting("LOG_WATCHERS"):
        module = import_module(f"{__package__}.{watcher}")
        if hasattr(module, "worker_logger"):
            logger = module.worker_logger()
            names = {each.name for each in logging.getLogger().handlers}
            lost = ", ".join(name for name in asked if name not in {*names, "audit_file"})
            problem = f"the lines of {logger.name} do not reach {lost}" if lost else ""
            yield Proof("worker", logger.name, problem)


def _prove(name: str, handler: Any) -> Proof:
    """Hand a probe to one handler, at a level that no alert on errors looks at."""
    if handler is None:
        return Proof(name, "-", "is asked for, but not on the namespace's loggers")
    probe = uuid4().hex
    with bound(RequestContext(probe, {})):
        record = Record.of_event(__name__, logging.INFO, PROBE, {"probe": probe})
    handler.handle(record)
    file = getattr(handler, "baseFilename", "")
    try:
        # A console cannot be read back: it has what its handler wrote without an error.
        text = _end_of(file) if file else getattr(handler, "last_text", "")
        problem = _problem(handler, text, probe)
    except (OSError, ValueError) as error:
        problem = f"the probe cannot be read back: {error}"
    return Proof(name, file or "the console", problem)


def _end_of(file: str) -> str:
    """Return the last megabyte of a file."""
    with open(file, "rb") as stream:
        stream.seek(max(0, Path(file).stat().st_size - 1_000_000))
        return stream.read().decode("utf-8", "replace")


def _problem(handler: Any, text: str, probe: str) -> str:
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
    is_true = line["request_id"] == probe and line["payload"] == {"probe": probe}
    return "" if is_true else f"the line does not say what was logged: {lines[0]}"
