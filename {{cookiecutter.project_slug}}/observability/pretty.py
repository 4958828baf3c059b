"""Shows a line as text for people: in `manage.py logs` and on a developer's console."""

import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import orjson
from rich.console import Console
from rich.text import Text

from .line.handlers import ConsoleHandler
from .line.strict_json import dumps
from .logging_config import LEVELS

_STYLES = dict(zip(LEVELS, ("dim", "green", "yellow", "red", "bold white on red"), strict=True))
_HEAD = ("timestamp", "level", "logger", "request_id", "event", "payload", "message", "exception")
_ID_LENGTH = 8
_NEEDS_NO_QUOTES = re.compile(r"[^\s\"'=\\{}\[\],]+")
# What controls a terminal, ends a line or reorders what a person reads; and surrogates.
_CONTROLS = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)


def pretty(line: bytes) -> Text:
    """Return a line as readable text: a stack trace below it, all else in one line.

    Nothing in it controls a terminal. A torn or foreign line is shown as it is.
    """
    with suppress(Exception):  # no JSON, or no line of ours
        if data := orjson.loads(line):
            return _shown(data)
    return Text(harmless(line))


def console_on(stream: Any, **options: Any) -> Console:
    """Return rich's console on a stream: in colour when that is a terminal and wants colour."""
    return Console(file=stream, markup=False, highlight=False, soft_wrap=True, **options)


def harmless(text: bytes | str) -> str:
    """Return a text in which all that controls a terminal or ends a line is escaped."""
    if isinstance(text, bytes):
        text = text.decode("utf-8", "backslashreplace")
    return _CONTROLS.sub(lambda found: repr(found[0])[1:-1], text)


class PrettyConsoleHandler(ConsoleHandler):
    """Writes the finished line, masked and bounded, as readable text.

    The text is not longer than the line: that has more quotes and key names than the text has
    indentation.
    """

    def shown(self, line: str) -> str:
        """Return a finished line as text."""
        console = console_on(self.stream)
        with console.capture() as captured:
            console.print(pretty(line.encode()), end="")
        return captured.get()


def _shown(data: dict[str, Any]) -> Text:
    level, request_id, payload = (data.get(key) for key in ("level", "request_id", "payload"))
    # To the millisecond, in a form that --since takes.
    time = re.sub(r"(\.\d{3})\d+Z$", r"\1Z", str(data.get("timestamp")))
    values = list((payload if isinstance(payload, dict) else {"payload": payload}).items())
    values += [(key, value) for key, value in data.items() if key not in _HEAD]
    text = Text()
    text.append(f"{harmless(time)} ", "dim")
    text.append(f"{harmless(str(level)):<8} ", _STYLES.get(str(level), ""))
    text.append(harmless(str(data.get("logger"))), "cyan")
    text.append(f" {harmless(str(data.get('message') or data.get('event')))}", "bold")
    for key, value in values:
        text.append(f" {_value(key)}=", "dim").append(_value(value))
    if isinstance(request_id, str):
        short = f"{request_id[:_ID_LENGTH]}…" if len(request_id) > _ID_LENGTH + 1 else request_id
        text.append(f" [{harmless(short)}]", "magenta")
    for line in _exception_lines(data.get("exception")):
        text.append(f"\n  {harmless(line)}", "red")
    return text


def _value(value: Any) -> str:
    is_plain = isinstance(value, str) and _NEEDS_NO_QUOTES.fullmatch(value)
    return harmless(value if is_plain else dumps(value))


def _exception_lines(exception: Any) -> Iterator[str]:
    """Yield the lines of an exception, and of those that it came from or holds."""
    if isinstance(exception, dict):
        summary = f"{exception.get('type')}: {exception.get('message')}"
        yield from str(exception.get("stacktrace") or summary).split("\n")
        yield from map(str, exception.get("notes", []))
        for title, others in (
            ("caused by:", [exception.get("cause")]),
            ("together with:", exception.get("exceptions", [])),
        ):
            for other in filter(None, others):
                yield title
                yield from _exception_lines(other)
