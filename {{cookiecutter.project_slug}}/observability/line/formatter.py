"""Makes the line: a pure function of the record, over python-json-logger's Orjson formatter.

https://nhairs.github.io/python-json-logger/latest/reference/core/
"""

import logging
from copy import copy
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from pythonjsonlogger.orjson import OrjsonFormatter

from ..settings import setting
from .record import Event, Record, install
from .shorten import shortened
from .strict_json import LEFT_OUT, clipped, dumps, printable, split_at
from .values import safe_values

# The attributes that every record has; what else stands on one came by `extra`. uvicorn's
# color_message is its message once more, for terminals.
_OWN_ATTRIBUTES = frozenset(vars(logging.makeLogRecord({}))).union(
    ("message", "asctime", "taskName", "color_message")
)
_LEVELS = {10: "DEBUG", 20: "INFO", 30: "WARNING", 40: "ERROR", 50: "CRITICAL"}
_NAME = 100  # characters of the name of a logger


class JSONLineFormatter(OrjsonFormatter):
    """One record, one line, one JSON object, made once however many handlers write it."""

    takes_events = True

    def __init__(self, with_pid: bool = False) -> None:
        super().__init__()
        install()
        self._with_pid = with_pid
        self._max_bytes: int = setting("LOG_MAX_LINE_BYTES")
        named = {"service": setting("LOG_SERVICE"), "version": setting("LOG_VERSION")}
        self._constants = {key: str(value) for key, value in named.items() if value}

    def format(self, record: logging.LogRecord | Event) -> str:
        """Return the line of a record; never raises."""
        if not isinstance(record, (Event, Record)):  # somebody has replaced the record factory
            plain, record = record, Record("", 0, "", 0, "", (), record.exc_info)
            record.__dict__.update(plain.__dict__)
        if record.line is None:
            try:
                record.line = shortened(self._made(record), self._max_bytes)
            except Exception as error:
                record.line = self._last_resort(record, error)
        return record.line

    def _made(self, record: Record | Event) -> str:
        """Return the line in full: an event's without the steps that it does not need."""
        if isinstance(record, Record) and record.event is None:
            return super().format(record)
        return dumps(self._line(record, "", record.payload))

    def formatException(self, ei: Any) -> str:  # noqa: N802, ARG002 - logging's
        """Return nothing: the line has the exception as an object."""
        return ""

    def add_fields(self, log_data: dict[str, Any], record: Any, _message_dict: Any) -> None:
        """Fill in the line of a plain logging call."""
        log_data |= self._line(record, *self._plain(record))

    def _line(self, record: Record | Event, message: str, payload: object) -> dict[str, Any]:
        """Return the keys of the line, in their order, and nothing that a caller names."""
        line = {
            "timestamp": _timestamp(record.created),
            "level": _LEVELS.get(record.levelno) or _nearest_level(record.levelno),
            "logger": _logger_name(record.name),
            "request_id": record.request_id,
            "event": record.event or "log_message",
            "payload": payload,
        }
        if message:
            line["message"] = message
        if record.described:
            line["exception"] = record.described
        if record.ids:
            line |= record.ids
        if self._constants:
            line |= self._constants
        if self._with_pid and record.process:
            line["pid"] = record.process
        return line

    def jsonify_log_record(self, log_data: dict[str, Any]) -> str:
        """Return the line's JSON."""
        return dumps(log_data)

    def _plain(self, record: logging.LogRecord) -> tuple[str, dict[str, Any]]:
        """Return the message and the payload of a plain logging call."""
        values = safe_values()
        beginning, left_out = split_at(record.message, self._max_bytes)
        message = values.redactor.text(printable(beginning))
        extra = {k: v for k, v in record.__dict__.items() if k not in _OWN_ATTRIBUTES}
        payload = values.payload(extra | (record.msg if isinstance(record.msg, dict) else {}))
        if record.stack_info:
            payload["stack"] = values.redactor.text(printable(record.stack_info))
        if left_out:
            payload[LEFT_OUT] = left_out + payload.get(LEFT_OUT, 0)
        return message, payload

    def _last_resort(self, record: Any, error: Exception) -> str:
        """Return the line of a record that cannot be formatted: what it is, and why not."""
        facts = {"format_error": type(error).__name__}
        try:
            shown = copy(record)  # its arguments do not fit its message, say
            shown.msg, shown.args = safe_values().text(record.msg), ()
            shown.__dict__.update(facts, args_given=record.args)
            return shortened(self._made(shown), self._max_bytes)
        except Exception:
            # Nothing of the record can be trusted, not even its time or its logger's name.
            return self._made(Record.of_event(__name__, logging.ERROR, "log_line_lost", facts))


def _timestamp(created: float) -> str:
    """Return seconds since the epoch as RFC 3339 in UTC, with microseconds."""
    microseconds = int(created * 1_000_000)
    return f"{_second(microseconds // 1_000_000)}.{microseconds % 1_000_000:06}Z"


@lru_cache(maxsize=1_000)
def _logger_name(name: str) -> str:
    return clipped(printable(name), _NAME)


@lru_cache(maxsize=4)
def _second(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).isoformat()[:-6]


def _nearest_level(number: int) -> str:
    """Return the name of the standard level at or below a number, DEBUG at the least."""
    return _LEVELS[max(10, min(50, number // 10 * 10))]
