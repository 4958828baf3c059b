"""What the tests share. `events`, what a test has logged, comes from observability/testing.py."""

import logging
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings
from rest_framework.test import APIClient

from .lines import Line, valid_lines

pytest_plugins = ["observability.testing"]

PROJECT = Path(__file__).resolve().parent.parent


class EventNames(logging.Handler):
    """Remembers the name and the logger of every event of the run, for the list at its end."""

    seen: set[tuple[str, str]] = set()

    def emit(self, record: logging.LogRecord) -> None:
        if event := getattr(record, "event", None):
            self.seen.add((event, record.name))


@pytest.fixture
def client() -> APIClient:
    """Return a client that nobody knows; a crash is answered with 500, as by a server."""
    return APIClient(raise_request_exception=False)


@pytest.fixture
def api(client: APIClient, db, django_user_model) -> APIClient:
    """Return a client of somebody who is logged in."""
    client.force_authenticate(django_user_model.objects.create_user("ann"))
    return client


@pytest.fixture
def lines() -> Callable[[str], list[Line]]:
    """Return a function that reads what the test has written: `lines("app.json.log")`."""
    paths = {path.name: path.stat().st_size for path in Path(settings.LOG_DIR).glob("*.log")}

    def read(name: str) -> list[Line]:
        text = (Path(settings.LOG_DIR) / name).read_bytes()[paths.get(name, 0) :]
        return valid_lines(text.decode())

    return read


@pytest.fixture(scope="session", autouse=True)
def event_names() -> Iterator[None]:
    logger, handler = logging.getLogger(settings.LOG_NAMESPACE), EventNames()
    logger.addHandler(handler)
    yield
    logger.removeHandler(handler)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name the events that docs/logging.md does not list: a reminder, no failure."""
    catalogue = (PROJECT / "docs" / "logging.md").read_text("utf-8")
    listed = re.findall(r"^\| `(\w+)`", catalogue, re.MULTILINE)
    for event, logger in sorted(EventNames.seen):
        if event not in listed and ".tests." not in logger:
            where = "add a row for it to a table under '## Events' in docs/logging.md"
            text = f"WARNING: the event {event} of {logger} is not documented: {where}"
            terminalreporter.line(text, yellow=True)
