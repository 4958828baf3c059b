"""The service around the example: health, logins, checks."""

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db.migrations.executor import MigrationExecutor

from {{ cookiecutter.namespace }}.api import health

pytestmark = pytest.mark.django_db

LOGIN = "/api/auth/token/"
ANN = {"username": "ann", "password": "correct horse battery"}


@pytest.fixture
def ann(django_user_model):
    """Return a user who can log in."""
    return django_user_model.objects.create_user(**ANN)


def test_it_lives(client):
    assert client.get("/health/live").json() == {"status": "ok"}


def test_it_is_ready(client):
    assert client.get("/health/ready").json() == {"status": "ok"}


@pytest.mark.parametrize("check", health.CHECKS)
def test_it_is_not_ready_when_something_fails(client, events, monkeypatch, check):
    monkeypatch.setitem(health.CHECKS, check, lambda: 1 / 0)
    response = client.get("/health/ready")
    assert response.status_code == 503
    assert response.json()["check"] == check
    assert events.only("not_ready", check=check).levelname == "ERROR"


def test_it_is_not_ready_before_its_migrations(client, monkeypatch):
    health.require_migrations.cache_clear()
    monkeypatch.setattr(MigrationExecutor, "migration_plan", lambda *_: ["one"])
    assert client.get("/health/ready").json()["error"] == "UnmigratedError"


def test_a_page_runs_no_inline_script(client):
    policy = client.get("/admin/login/")["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy


def test_a_password_gives_a_token(client, ann, events):
    response = client.post(LOGIN, ANN)
    events.only("login_succeeded", user_id=ann.pk)
    client.credentials(HTTP_AUTHORIZATION=f"Token {response.json()['token']}")
    assert client.get("/api/schema/").status_code == 200


def test_a_wrong_password_is_refused(client, ann, events):
    response = client.post(LOGIN, ANN | {"password": "wrong"})
    assert response.status_code == 400
    assert events.only("login_failed", locked_out=False).levelname == "WARNING"


def test_who_guesses_is_locked_out(client, ann, events):
    for _ in range(settings.AXES_FAILURE_LIMIT):
        client.post(LOGIN, ANN | {"password": "wrong"})
    response = client.post(LOGIN, ANN)
    assert response.status_code == 429
    assert response.json()["request_id"] == response["X-Request-ID"]
    events.only("account_locked", failures=settings.AXES_FAILURE_LIMIT)


def test_a_wrong_token_is_a_security_event(client, events):
    client.credentials(HTTP_AUTHORIZATION="Token wrong")
    assert client.get("/api/schema/").status_code == 401
    events.only("authentication_failed", scheme="token")


def test_the_api_is_described(api):
    schema = api.get("/api/schema/", headers={"Accept": "application/vnd.oai.openapi+json"}).json()
    assert LOGIN in schema["paths"]


def test_the_checks_find_no_error():
    call_command("check")


def test_no_migration_is_missing():
    call_command("makemigrations", "--check", "--dry-run")
