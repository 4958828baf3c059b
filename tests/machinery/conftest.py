"""Fixtures: every test logs into a folder of its own, and its lines must be valid."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from observability import context

from .support import NAMESPACE, Logs, Server, logging_to, running_server


@pytest.fixture(autouse=True)
def logs(tmp_path: Path) -> Iterator[Logs]:
    """Send every line of the test to a folder of its own, and hold it against the schema."""
    with logging_to(tmp_path / "logs") as logs:
        yield logs
        context.end_request()
        logs.lines("app")
        logs.lines("errors")


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Take pytest's handlers off the service's logger, but for a test that asks for them.

    With handlers of others, an event is made in another way than in a service.
    """
    logger = logging.getLogger(NAMESPACE)
    if "caplog" not in getattr(item, "fixturenames", ()):
        for handler in logger.handlers[:]:
            if type(handler).__module__ == "_pytest.logging":
                logger.removeHandler(handler)
    return (yield)


@pytest.fixture
def deaf_pytest(caplog, monkeypatch) -> None:
    """Have pytest's own handlers ignore all records: they fail a test whose logging call is wrong.

    They also format exceptions as Python does, which for some that are odd takes for ever.
    """
    monkeypatch.setattr(type(caplog.handler), "emit", lambda _handler, _record: None)


@pytest.fixture
def test_views(settings, tmp_path: Path) -> None:
    """Serve machinery/urls.py, which has the project's URLs and views that only tests need."""
    settings.ROOT_URLCONF = "machinery.urls"
    settings.ALLOWED_HOSTS = ["testserver", "127.0.0.1"]
    settings.STATIC_ROOT = tmp_path  # whitenoise warns where there is none


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Return the development server, running as a process of its own."""
    with running_server(tmp_path_factory.mktemp("server")) as server:
        yield server
