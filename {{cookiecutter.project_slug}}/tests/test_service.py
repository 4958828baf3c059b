"""The service around the example: health, logins, checks."""

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import OperationalError, connections

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


def test_it_is_not_ready_without_its_database(client, events, monkeypatch):
    monkeypatch.setattr(connections["default"], "cursor", no_cursor)
    assert client.get("/health/ready").status_code == 503
    assert events.only("not_ready", database="default").levelname == "ERROR"


def no_cursor():
    raise OperationalError("connection refused")


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
