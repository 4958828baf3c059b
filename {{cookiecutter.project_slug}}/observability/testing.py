"""A pytest plugin with the `events` fixture: what a test's code has logged.

Use it by `pytest_plugins = ["observability.testing"]` in the top conftest.py.
"""

import logging
from collections.abc import Iterator
from typing import Any

import pytest

from .line.record import Record
from .settings import setting


class Events(logging.Handler):
    """The events that were logged since the test began, at any level."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[Record] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep an event's record."""
        if isinstance(record, Record) and record.event:
            self.records.append(record)

    def only(self, name: str, **facts: Any) -> Record:
        """Return the record of an event that was logged once with these facts in its payload.

        Raises AssertionError, with the events that were logged, if it is not exactly one.
        """
        found = [record for record in self.records if record.event == name]
        found = [record for record in found if facts.items() <= record.payload.items()]
        logged = "\n".join(f"  {record.event} {record.payload}" for record in self.records)
        assert len(found) == 1, f"{len(found)} events {name} {facts}; logged were:\n{logged}"
        return found[0]

    def of(self, request_id: str) -> list[str]:
        """Return the names of the events of one request, the oldest first."""
        return [str(each.event) for each in self.records if each.request_id == request_id]


@pytest.fixture
def events(caplog: pytest.LogCaptureFixture) -> Iterator[Events]:
    """Collect the events of a test; at DEBUG and above, whatever LOG_LEVEL is."""
    logger = logging.getLogger(setting("LOG_NAMESPACE"))
    collected = Events()
    logger.addHandler(collected)
    with caplog.at_level(logging.DEBUG, logger.name):
        yield collected
    logger.removeHandler(collected)
