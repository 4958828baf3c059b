"""Shows a line as text for people: in `manage.py logs` and on a developer's console."""

import re
from contextlib import suppress
from typing import Any

import orjson
from rich.console import Console
from rich.text import Text

from .line.handlers import ConsoleHandler
from .line.strict_json import dumps
from .logging_config import LEVELS

_STYLES = dict(zip(LEVELS, ("dim", "green", "yellow", "red", "bold white on red"), strict=True))
_KEYS = ("timestamp", "level", "logger", "request_id", "event", "payload")  # that all lines have
_NEEDS_NO_QUOTES = re.compile(r"[^\s\"'=\\{}\[\],]+")


def pretty(line: bytes) -> Text:
    """Return a line as readable text: a stack trace below it, all else in one line.

    Nothing in it controls a terminal. A torn or foreign line is shown as it is.
    """
    with suppress(Exception):  # no JSON, or no line of ours
        return _shown(orjson.loads(line))
    return Text(harmless(line.decode(errors="backslashreplace")))


def console_on(stream: Any, **options: Any) -> Console:
    """Return rich's console on a stream: in colour when that is a terminal and wants colour."""
    return Console(file=stream, markup=False, highlight=False, soft_wrap=True, **options)


def harmless(text: str) -> str:
    """Return a text without what controls a terminal, ends a line or reorders what one reads.

    All characters that Python does not take for printable are escaped.
    """
    return "".join(one if one.isprintable() else repr(one)[1:-1] for one in text)


class PrettyConsoleHandler(ConsoleHandler):
    """Writes the finished line, masked and bounded, as readable text.

    The text is not longer than the line: that has more quotes and key names than the text has
    indentation.
    """

    takes_events = True

    def shown(self, line: str) -> str:
        """Return a finished line as text."""
        console = console_on(self.stream)
        with console.capture() as captured:
            console.print(pretty(line.encode()), end="")
        return captured.get()


def _shown(data: dict[str, Any]) -> Text:
    time, level, logger, request_id, event, payload = map(data.pop, _KEYS)
    message, exception = data.pop("message", event), data.pop("exception", None)
    # To the millisecond, in a form that --since takes.
    parts = [(f"{time[:23]}Z ", "dim"), (f"{level:<8} ", _STYLES[level]), (logger, "cyan")]
    parts.append((f" {message}", "bold"))
    for key, value in [*payload.items(), *data.items()]:
        parts += [(f" {_value(key)}=", "dim"), (_value(value), "")]
    if request_id:
        parts.append((f" [{request_id[:8]}…]", "magenta"))
    text = Text.assemble(*((harmless(part), style) for part, style in parts))
    for line in _exception_lines(exception) if exception else ():
        text.append(f"\n  {harmless(line)}", "red")
    return text


def _value(value: Any) -> str:
    return value if isinstance(value, str) and _NEEDS_NO_QUOTES.fullmatch(value) else dumps(value)


def _exception_lines(error: dict[str, Any]) -> list[str]:
    """Return the lines of an exception, and of those that it came from or holds."""
    lines: list[str] = error.get("stacktrace", f"{error['type']}: {error['message']}").split("\n")
    lines += error.get("notes", [])
    if "cause" in error:
        lines += ["caused by:", *_exception_lines(error["cause"])]
    for member in error.get("exceptions", []):
        lines += ["together with:", *_exception_lines(member)]
    return lines
