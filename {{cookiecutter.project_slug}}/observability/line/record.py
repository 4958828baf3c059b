"""The log record: stamped with its context in the thread that logs, and not changed after that.

https://docs.python.org/3/library/logging.html#logging.setLogRecordFactory
"""

import logging
import os
from time import time
from typing import Any

from ..context import context_of, ids_of
from ..settings import setting
from .exceptions import describe, summary
from .values import safe_values


class Record(logging.LogRecord):
    """A record that knows its request, its exception and, if it is one, its event.

    These stand in slots: no `extra` can set or collide with them, and no handler that copies a
    record's dictionary finds the finished line there.
    """

    __slots__ = ("described", "event", "first_report", "ids", "line", "payload", "request_id")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.event: str | None = None
        self.payload: dict[str, Any] = {}
        self.line: str | None = None  # once a formatter has made it
        error = _error_in(self.exc_info) if self.exc_info else None
        context = context_of(error)
        self.request_id = context.request_id if context else None
        self.ids = ids_of(context)
        self.first_report = True
        self.described: dict[str, Any] | None = None
        if error is not None:
            # A view, DRF and Django each report the exception that passes through them.
            self.first_report = not (context and context.has_reported(error, self.levelno))
            if context and self.first_report:
                context.report(error, self.levelno)
            self.described = describe(error) if self.first_report else summary(error)

    @classmethod
    def of_event(cls, module: str, level: int, event: str, payload: dict[str, Any]) -> "Record":
        """Return the record of an event of the machinery itself."""
        record = cls(f"{setting('LOG_NAMESPACE')}.{module}", level, "", 0, "", (), None)
        record.set_event(event, payload)
        return record

    def set_event(self, name: object, payload: object) -> None:
        """Make this the record of an event: its name and payload, masked and bounded."""
        values = safe_values()
        self.event, self.payload = values.event_name(name), values.payload(payload)
        self.msg = self.event
        # For handlers that are not ours, which read the dictionary.
        self.__dict__.update(event=self.event, payload=self.payload, request_id=self.request_id)


class Event:
    """An event that only handlers of ours will see: a record without what they do not read.

    The one of `logging` takes as long to make as the line.
    """

    __slots__ = ("created", "event", "ids", "levelno", "line", "name", "payload", "request_id")

    described = None
    process = os.getpid()

    def __init__(self, logger: str, level: int, name: object, payload: object) -> None:
        self.created, self.name, self.levelno = time(), logger, level
        values, context = safe_values(), context_of(None)
        self.event, self.payload = values.event_name(name), values.payload(payload)
        self.request_id = context.request_id if context else None
        self.ids = ids_of(context)
        self.line: str | None = None


class FirstReportFilter(logging.Filter):
    """Drops what Django says of an exception that a line of this request has reported."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep the first report."""
        return getattr(record, "first_report", True)


def install() -> None:
    """Have every logger make these records, unless somebody has a factory of their own."""
    if logging.getLogRecordFactory() is logging.LogRecord:
        logging.setLogRecordFactory(Record)


def _error_in(exc_info: Any) -> BaseException | None:
    """Return the exception of what was passed as exc_info, which can be anything."""
    parts = exc_info if isinstance(exc_info, tuple) else ()
    return next((part for part in parts if isinstance(part, BaseException)), None)
