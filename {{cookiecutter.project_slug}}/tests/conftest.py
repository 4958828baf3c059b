"""Fixtures: every test logs into a folder of its own, and its lines must be valid."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from .service import serving
from .support import Logs, Server, logging_to, running_server


def pytest_sessionstart(session: pytest.Session) -> None:
    """Keep pytest's own handlers away: they format records too, and raise for an odd one."""
    session.config.pluginmanager.unregister(name="logging-plugin")


@pytest.fixture(autouse=True)
def logs(tmp_path: Path) -> Iterator[Logs]:
    """Send every line of the test to a folder of its own, and hold it against the schema."""
    with logging_to(tmp_path / "logs") as logs:
        yield logs
        serving.end_request()
        logs.lines("app")
        logs.lines("errors")


@pytest.fixture
def test_views(settings, tmp_path: Path) -> None:
    """Serve tests/urls.py, which has the project's URLs and views that only tests need."""
    settings.ROOT_URLCONF = "tests.urls"
    settings.ALLOWED_HOSTS = ["testserver", "127.0.0.1"]
    settings.STATIC_ROOT = tmp_path  # whitenoise warns where there is none


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Return the development server, running as a process of its own."""
    with running_server(tmp_path_factory.mktemp("server")) as server:
        yield server
