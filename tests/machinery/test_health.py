"""What probes are told: that it serves, and that all it needs for that works, or what does not."""

import json
from pathlib import Path

import pytest
from asgiref.sync import async_to_sync
from django.core.cache import cache
from django.db import OperationalError, connection
from django.test import AsyncClient, Client
from django.test.utils import CaptureQueriesContext

from ecommerce.api import health

from .support import NAMESPACE, Logs, python

pytestmark = pytest.mark.django_db

READY, LIVE = "/health/ready", "/health/live"


@pytest.fixture(autouse=True)
def folder(settings, tmp_path: Path) -> None:
    settings.LOG_DIR = tmp_path / "logs"


def refused(answer, logs: Logs, check: str, error: str) -> None:
    """Hold an answer and its line against what is wrong."""
    assert answer.status_code == 503
    assert answer.json() == {"status": "unavailable", "check": check, "error": error}
    (line,) = (line for line in logs.lines() if line["event"] == "not_ready")
    assert (line["level"], line["logger"]) == ("ERROR", f"{NAMESPACE}.api.health")
    assert line["payload"] == {"check": check}
    assert line["exception"]["type"] == error


PROBES = """
from django.core.management import call_command
from django.test import Client
first = Client().get("/health/ready")
call_command("migrate", verbosity=0)
second = Client().get("/health/ready")
print(first.status_code, second.status_code, first.content.decode(), sep="\\n")
"""


def test_a_database_without_its_migrations_is_not_ready(tmp_path):
    ran = python(tmp_path, "manage.py", "shell", "-v0", "--command", PROBES, LOG_HANDLERS="file")
    first, second, body = ran.stdout.splitlines()
    assert (first, second) == ("503", "200")
    assert json.loads(body)["error"] == "UnmigratedError"


def test_a_probe_of_a_migrated_service_is_one_query():
    assert Client().get(READY).status_code == 200
    with CaptureQueriesContext(connection) as queries:
        assert Client().get(READY).status_code == 200
    assert len(queries) == 1


def test_a_database_that_does_not_answer_is_told_without_its_secrets(logs: Logs, monkeypatch):
    def cursor():
        raise OperationalError("connection to postgres://shop:canary@db failed")

    monkeypatch.setattr(connection, "cursor", cursor)
    refused(Client().get(READY), logs, "database", "OperationalError")
    assert "canary" not in logs.text()
    assert Client().get(LIVE).status_code == 200


@pytest.mark.parametrize(
    ("backend", "error"),
    [("dummy.DummyCache", "RuntimeError"), ("filebased.FileBasedCache", "FileExistsError")],
)
def test_a_cache_that_does_not_keep_or_fails_is_not_ready(
    logs: Logs, settings, tmp_path, backend, error
):
    (tmp_path / "file").touch()
    backend = f"django.core.cache.backends.{backend}"
    settings.CACHES = {"default": {"BACKEND": backend, "LOCATION": tmp_path / "file"}}
    refused(Client().get(READY), logs, "cache", error)


def test_a_log_folder_that_takes_no_file_is_not_ready(logs: Logs, settings, tmp_path):
    (tmp_path / "file").touch()
    settings.LOG_DIR = tmp_path / "file"
    settings.LOG_HANDLERS = ["console", "error_file"]
    refused(Client().get(READY), logs, "log_folder", "FileExistsError")


def test_without_a_file_handler_there_is_no_folder_to_look_at(settings, tmp_path):
    settings.LOG_DIR = tmp_path / "none"
    settings.LOG_HANDLERS = ["console"]
    assert Client().get(READY).status_code == 200
    assert not settings.LOG_DIR.exists()


def test_a_folder_that_is_not_there_yet_is_made_and_left_empty(settings, tmp_path):
    settings.LOG_DIR = tmp_path / "new" / "logs"
    settings.LOG_HANDLERS = ["file"]
    assert Client().get(READY).status_code == 200
    assert list(settings.LOG_DIR.iterdir()) == []


def test_a_check_is_added_in_one_line(logs: Logs, monkeypatch):
    def broker():
        raise ConnectionRefusedError

    monkeypatch.setitem(health.CHECKS, "broker", broker)
    refused(Client().get(READY), logs, "broker", "ConnectionRefusedError")


@pytest.mark.parametrize("path", [LIVE, READY])
def test_a_probe_by_address_is_answered_without_tls(settings, path):
    settings.SECURE_SSL_REDIRECT = True
    settings.ALLOWED_HOSTS = ["shop.example.com"]
    answer = Client().get(path, headers={"host": "10.0.0.7:8000"})
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


@pytest.mark.parametrize("path", [LIVE, READY])
@pytest.mark.django_db(transaction=True)
def test_under_asgi_it_is_the_same(path):
    answer = async_to_sync(AsyncClient().get)(path)
    assert (answer.status_code, json.loads(answer.content)) == (200, {"status": "ok"})


def test_what_is_well_is_worth_no_line(logs: Logs):
    cache.clear()
    Client().get(READY)
    assert {line["level"] for line in logs.lines()} == {"DEBUG"}
