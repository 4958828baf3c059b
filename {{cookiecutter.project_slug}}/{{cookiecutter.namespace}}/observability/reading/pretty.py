"""Lines as text for people: one look for `manage.py logs` and the console of a developer."""

import re
from contextlib import suppress
from typing import Any

from rich.console import Console
from rich.text import Text

from ..line.handlers import ConsoleHandler
from ..line.strict_json import dumps
from .query import parsed

_STYLES = {
    "DEBUG": "dim",
    "INFO": "green",
    "WARNING": "yellow",
    "ERROR": "red",
    "CRITICAL": "bold white on red",
}
_HEAD = ("timestamp", "level", "logger", "request_id", "event", "payload", "message", "exception")
_SHORT_ID = 8
# What needs no quotes as a value.
_PLAIN = re.compile(r"[^\s\"'=\\{}\[\],]+")
# What steers a terminal, ends a line or reorders what a person reads; surrogates, too.
_STEERS = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)


def pretty(line: bytes) -> Text:
    """Return a line as readable text: a stack trace as lines of its own, the rest on one line.

    Nothing in it has a meaning to the terminal. A torn or foreign line is shown as it is.
    """
    if data := parsed(line):
        with suppress(Exception):  # an object, but not one of ours
            return _shown(data)
    return Text(harmless(line))


def console_on(stream: Any, **options: Any) -> Console:
    """Return rich's console on a stream: in colour when that is a terminal and wants colour."""
    return Console(file=stream, markup=False, highlight=False, soft_wrap=True, **options)


def harmless(text: bytes | str) -> str:
    """Return a text with what would steer a terminal or end a line written as escapes."""
    if isinstance(text, bytes):
        text = text.decode("utf-8", "backslashreplace")
    return _STEERS.sub(lambda found: repr(found[0])[1:-1], text)


class PrettyConsoleHandler(ConsoleHandler):
    """Writes the finished line, masked and bounded as ever, as readable text.

    The text is shorter than the line: the names and quotes that it lacks are more than the margin
    of a stack trace.
    """

    def shown(self, line: str) -> str:
        """Return a finished line as text."""
        console = console_on(self.stream)
        with console.capture() as captured:
            console.print(pretty(line.encode()), end="")
        return captured.get()


def _shown(data: dict[str, Any]) -> Text:
    level, request_id = str(data.get("level")), data.get("request_id")
    payload = data.get("payload")
    text = Text()
    text.append(harmless(_short_time(str(data.get("timestamp")))), "dim")
    text.append(f" {harmless(level):<8} ", _STYLES.get(level, ""))
    text.append(harmless(str(data.get("logger"))), "cyan")
    text.append(f" {harmless(str(data.get('message') or data.get('event')))}", "bold")
    _append_values(text, payload if isinstance(payload, dict) else {"payload": payload})
    _append_values(text, {key: value for key, value in data.items() if key not in _HEAD})
    if isinstance(request_id, str):
        short = f"{request_id[:_SHORT_ID]}…" if len(request_id) > _SHORT_ID + 1 else request_id
        text.append(f" [{harmless(short)}]", "magenta")
    if isinstance(exception := data.get("exception"), dict):
        _append_exception(text, exception, "")
    return text


def _short_time(timestamp: str) -> str:
    """Return a time to the millisecond, in a form that `--since` takes."""
    return f"{timestamp[:23]}Z" if timestamp.endswith("Z") else timestamp


def _append_values(text: Text, values: dict[str, Any]) -> None:
    for key, value in values.items():
        text.append(f" {_value(key)}=", "dim")
        text.append(_value(value))


def _value(value: Any) -> str:
    if isinstance(value, str) and _PLAIN.fullmatch(value):
        return harmless(value)
    return harmless(dumps(value))


def _append_exception(text: Text, exception: dict[str, Any], title: str) -> None:
    """Append an exception with what it came from, each line of it behind a margin."""
    summary = f"{exception.get('type')}: {exception.get('message')}"
    shown = str(exception.get("stacktrace") or summary)
    for line in [*filter(None, [title]), *shown.split("\n")]:
        text.append(f"\n  {harmless(line)}", "red")
    for note in exception.get("notes", []):
        text.append(f"\n  {harmless(str(note))}", "red")
    if isinstance(cause := exception.get("cause"), dict):
        _append_exception(text, cause, "caused by:")
    for member in exception.get("exceptions", []):
        if isinstance(member, dict):
            _append_exception(text, member, "together with:")
