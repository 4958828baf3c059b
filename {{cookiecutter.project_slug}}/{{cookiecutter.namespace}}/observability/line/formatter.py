"""Makes the line: python-json-logger's Orjson formatter, extended at its documented points."""

import logging
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from pythonjsonlogger.orjson import OrjsonFormatter

from ...logging_helper import Event
from ..request_id import current_request_id
from ..serving import current_user_id, now_serving
from .exceptions import exception_object
from .redact import Redactor
from .shorten import MARK, left_out_of, shortened
from .strict_json import clipped, dumps, printable, split_at
from .values import Values

# The attributes that every record has; what else stands on one came by `extra`.
_OWN_ATTRIBUTES = frozenset(vars(logging.makeLogRecord({}))) | {
    "message",
    "asctime",
    "taskName",
    "color_message",  # uvicorn's message once more, for terminals
    "_line",
}
_LEVELS = {10: "DEBUG", 20: "INFO", 30: "WARNING", 40: "ERROR", 50: "CRITICAL"}
_SNAKE_CASE = re.compile(r"[a-z][a-z0-9_]*")
_WORDS = re.compile(r"[a-z0-9]+")
_NAME = 100  # characters of the name of a logger or an event


class _Line(str):
    """A finished line, kept on its record: nothing that came from a caller has this type."""

    __slots__ = ()


class JSONLineFormatter(OrjsonFormatter):
    """One record, one line, one JSON object, formatted once however many handlers write it.

    https://nhairs.github.io/python-json-logger/latest/reference/core/
    """

    def __init__(self, sensitive_keys: Iterable[str], max_bytes: int) -> None:
        super().__init__()
        self._redactor = Redactor(sensitive_keys)
        self._values = Values(self._redactor, max_bytes)
        self._max_bytes = max_bytes

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record; never raises."""
        line = getattr(record, "_line", None)
        if type(line) is not _Line:
            try:
                line = _Line(shortened(self._made(record), self._max_bytes))
            except Exception as error:
                line = _Line(self._last_resort(record, error))
            record._line = line
        return line

    def _made(self, record: logging.LogRecord) -> str:
        """Return the line in full: an ordinary event's without the steps that it does not need."""
        if type(record.msg) is not Event:
            return super().format(record)
        log_data: dict[str, Any] = {}
        self.add_fields(log_data, record, {})
        return self.jsonify_log_record(log_data)

    def formatException(self, ei: Any) -> str:  # noqa: N802, ARG002 - logging's
        """Return nothing: the line has the exception as an object."""
        return ""

    def add_fields(
        self,
        log_data: dict[str, Any],
        record: logging.LogRecord,
        message_dict: dict[str, Any],  # noqa: ARG002 - it may be the caller's
    ) -> None:
        """Fill in the keys of the line, in their order, and nothing that a caller names."""
        message, left_out = "", 0
        if isinstance(record.msg, Event):
            event = self._event_name(record.msg.name) + record.msg.suffix
            payload = record.msg.payload
        else:
            event, payload = "log_message", _extra(record)
            beginning, left_out = split_at(record.message, self._max_bytes)
            message = self._redactor.text(beginning)  # looking at it all takes too long
            if isinstance(record.msg, dict):
                payload |= record.msg
        self._head(log_data, record, event)
        log_data["payload"] = self._values.payload(payload)
        if left_out:
            left_out += left_out_of(log_data["payload"])
            log_data["payload"] = {**log_data["payload"], MARK: left_out}
        if record.stack_info:
            stack = self._redactor.text(printable(record.stack_info))
            log_data["payload"] = {**log_data["payload"], "stack": stack}
        if message:
            log_data["message"] = message
        if (user_id := current_user_id()) is not None:
            log_data["user_id"] = user_id
        if record.exc_info and (error := record.exc_info[1]) is not None:
            log_data["exception"] = self._exception(error, record.levelno)

    def jsonify_log_record(self, log_data: dict[str, Any]) -> str:
        """Return the line's JSON."""
        try:
            return dumps(log_data)
        except TypeError:
            # A lone surrogate or an integer of more than 64 bits, which no quick look finds.
            texts = {k: printable(v) for k, v in log_data.items() if isinstance(v, str)}
            payload = self._values.converted(log_data["payload"])
            return dumps(log_data | texts | {"payload": payload})

    def _head(self, log_data: dict[str, Any], record: logging.LogRecord, event: str) -> None:
        log_data["timestamp"] = _timestamp(record.created)
        log_data["level"] = _LEVELS.get(record.levelno) or _nearest_level(record.levelno)
        log_data["logger"] = clipped(record.name, _NAME)
        log_data["request_id"] = current_request_id()
        log_data["event"] = event

    def _exception(self, error: BaseException, level: int) -> dict[str, Any]:
        """Return an exception as an object; without its frames where they were told before."""
        told = _told_before(error, level)
        described = exception_object(error, mask=self._redactor.text, frames=not told)
        return {k: described[k] for k in ("type", "module", "message")} if told else described

    def _event_name(self, name: Any) -> str:
        """Return the name in snake_case, whatever was passed."""
        if type(name) is str and len(name) <= _NAME and _is_snake_case(name):
            return name
        text = str(self._values.converted({"name": name})["name"])
        words = "_".join(_WORDS.findall(text.lower()))[:_NAME]
        return words if words[:1].isalpha() else f"event_{words}".rstrip("_")

    def _last_resort(self, record: logging.LogRecord, error: Exception) -> str:
        """Return the line of a record that cannot be formatted: what it is, and why not."""
        log_data: dict[str, Any] = {}
        try:
            self._head(log_data, record, "log_message")
            facts = {"args": record.args, "format_error": type(error).__name__}
            log_data["payload"] = self._values.converted(facts)
            log_data["message"] = str(self._values.converted({"message": record.msg})["message"])
            if record.exc_info and (failed := record.exc_info[1]) is not None:
                log_data["exception"] = exception_object(failed, mask=self._redactor.text)
            return shortened(self.jsonify_log_record(log_data), self._max_bytes)
        except Exception:
            # Nothing of the record can be trusted, not even its time or its logger's name.
            facts = {"format_error": type(error).__name__}
            record = logging.LogRecord(
                __name__, logging.ERROR, "", 0, Event("log_line_lost", facts), None, None
            )
            return super().format(record)


@lru_cache(maxsize=1_000)
def _is_snake_case(name: str) -> bool:
    return _SNAKE_CASE.fullmatch(name) is not None


def _timestamp(created: float) -> str:
    """Return seconds since the epoch as RFC 3339 in UTC, with microseconds."""
    microseconds = int(created * 1_000_000)
    return f"{_second(microseconds // 1_000_000)}.{microseconds % 1_000_000:06}Z"


@lru_cache(maxsize=4)
def _second(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).isoformat()[:-6]


def _nearest_level(number: int) -> str:
    """Return the name of the standard level at or below a number, DEBUG at the least."""
    return _LEVELS[max(10, min(50, number // 10 * 10))]


def _extra(record: logging.LogRecord) -> dict[str, Any]:
    """Return what a plain logging call passed as `extra`."""
    return {k: v for k, v in record.__dict__.items() if k not in _OWN_ATTRIBUTES}


def _told_before(exception: BaseException, level: int) -> bool:
    """Say whether this request has logged this exception's traceback, at this level or above.

    A view, DRF and Django each report the exception that passes through them; one traceback is
    enough. Outside a request it is told each time.
    """
    serving = now_serving()
    if serving is None:
        return False
    _, told_at = serving.told.get(id(exception), (None, -1))
    serving.told[id(exception)] = (exception, max(level, told_at))
    return told_at >= level
