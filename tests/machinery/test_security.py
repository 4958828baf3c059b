"""Security events: logins, lock-outs and refusals, from every door, and never a secret."""

import base64
import json
from datetime import timedelta

import pytest
from axes.models import AccessAttempt
from django.core.cache import cache
from django.db import transaction
from django.http import HttpRequest
from django.test import Client, RequestFactory
from django.urls import path
from django.utils.timezone import now
from rest_framework.authentication import (
    BasicAuthentication,
    SessionAuthentication,
    TokenAuthentication,
)
from rest_framework.authtoken.models import Token
from rest_framework.permissions import AllowAny, IsAdminUser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import SimpleRateThrottle
from rest_framework.views import APIView

from config import urls
from ecommerce.accounts.models import User
from observability.context import client_ip
from observability.security import username_hash

from .support import NAMESPACE, Logs, manage

REQUEST_ID = "security-story-1"
ADDRESS = "203.0.113.7"
NAME = "Typed-Name-Canary"
PASSWORD = "right-password-canary"
WRONG = "wrong-password-canary"
SECURITY = f"{NAMESPACE}.observability.security"


class Closed(APIView):
    """Open to staff alone, whichever way they prove who they are."""

    authentication_classes = [TokenAuthentication, BasicAuthentication, SessionAuthentication]
    permission_classes = [IsAdminUser]

    def get(self, request: Request) -> Response:
        return Response({})

    def post(self, request: Request) -> Response:
        return Response(request.data)


class Open(APIView):
    permission_classes = [AllowAny]

    def get(self, request: Request) -> Response:
        return Response({})


urlpatterns = [
    *urls.urlpatterns,
    path("api/test/closed", Closed.as_view()),
    path("api/test/open", Open.as_view()),
]
handler403 = urls.handler403

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]


@pytest.fixture(autouse=True)
def quick_settings(settings, tmp_path) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.SECRET_KEY = "only-for-tests"
    settings.STATIC_ROOT = tmp_path  # whitenoise warns where there is none
    cache.clear()


@pytest.fixture
def user() -> User:
    return User.objects.create_user(NAME, password=PASSWORD, is_staff=True)


def client_with(enforce_csrf_checks: bool = False, address: str = ADDRESS, **headers: str):
    return Client(
        enforce_csrf_checks=enforce_csrf_checks,
        headers={"X-Request-ID": REQUEST_ID, **headers},
        REMOTE_ADDR=address,
    )


def signed_in(logs: Logs, user: User, **client) -> Client:
    """Return a client with a session of the user, whose beginning is not part of the story."""
    signed = client_with(**client)
    signed.force_login(user)
    (logs.folder / "app.json.log").write_bytes(b"")
    return signed


def told(logs: Logs) -> list[dict]:
    """Return the security lines, which must all be of the one request and client."""
    came_and_went = ("login_succeeded", "logout")  # in the audit file, too
    lines = [
        line
        for line in logs.lines()
        if line["logger"] == SECURITY or line["event"] in came_and_went
    ]
    for line in lines:
        assert line["request_id"] == REQUEST_ID
        assert line["payload"]["ip"] == ADDRESS
    return lines


def events(logs: Logs) -> list[str]:
    return [line["event"] for line in told(logs)]


def by_admin(name: str, password: str, **client):
    return client_with(**client).post("/admin/login/", {"username": name, "password": password})


def by_token_json(name: str, password: str, **client):
    body = {"username": name, "password": password}
    return client_with(**client).post("/api/auth/token/", body, "application/json")


def by_token_form(name: str, password: str, **client):
    body = {"username": name, "password": password}
    return client_with(**client).post("/api/auth/token/", body)


def by_basic(name: str, password: str, **client):
    sent = base64.b64encode(f"{name}:{password}".encode()).decode()
    return client_with(Authorization=f"Basic {sent}", **client).get("/api/test/closed")


DOORS = [by_admin, by_token_json, by_token_form, by_basic]
LOGINS = [by_admin, by_token_json, by_token_form]


@pytest.mark.parametrize("door", LOGINS)
def test_a_login_is_told_once_with_its_user(logs: Logs, user: User, door):
    assert door(NAME, PASSWORD).status_code in (200, 302)
    (line,) = told(logs)
    assert (line["event"], line["level"]) == ("login_succeeded", "INFO")
    assert line in logs.lines("audit")
    assert line["user_id"] == line["payload"]["user_id"] == user.pk
    assert line["payload"]["path"].endswith(("/admin/login/", "/api/auth/token/"))


@pytest.mark.parametrize("door", DOORS)
def test_a_failed_login_is_told_once_by_the_hash_of_its_name(logs: Logs, user: User, door):
    door(NAME, WRONG)
    (line,) = [line for line in told(logs) if line["event"] == "login_failed"]
    assert line["level"] == "WARNING"
    assert line["payload"]["username_hash"] == hashed(NAME)
    assert line["payload"]["locked_out"] is False
    assert "canary" not in logs.text().lower()


def hashed(name: str) -> str:
    return username_hash(None, {"username": name})


@pytest.mark.parametrize("same", ["typed-name-canary", f" {NAME} ", "Ｔyped-Name-Canary"])
def test_a_name_has_one_hash_however_it_is_typed(same: str):
    assert hashed(same) == hashed(NAME)
    assert len(hashed(NAME)) == 16
    assert hashed("another") != hashed(NAME)


def test_the_hash_of_a_name_is_keyed(settings):
    before = hashed(NAME)
    settings.SECRET_KEY = "another-key"
    assert hashed(NAME) != before


def test_a_logout_is_told(logs: Logs, user: User):
    signed_in(logs, user).post("/admin/logout/")
    (line,) = told(logs)
    assert (line["event"], line["level"]) == ("logout", "INFO")
    where = {"ip": ADDRESS, "path": "/admin/logout/"}
    assert line["payload"] == {"user_id": user.pk, **where, "owasp": "session_expired"}


def tokens_created(logs: Logs, file: str) -> list[dict]:
    return [line for line in logs.lines(file) if line["event"] == "token_created"]


@pytest.mark.django_db(transaction=True)
def test_a_new_token_is_told_once_and_not_shown(logs: Logs, user: User):
    keys = {by_token_json(NAME, PASSWORD).json()["token"] for _ in range(2)}
    (line,) = tokens_created(logs, "audit")
    assert (line["logger"], line["level"]) == (f"{NAMESPACE}.audit", "INFO")
    where = {"ip": ADDRESS, "path": "/api/auth/token/"}
    assert line["payload"] == {"user_id": user.pk, **where, "owasp": "authn_token_created"}
    assert keys.pop() not in logs.text()


@pytest.mark.django_db(transaction=True)
def test_a_new_token_of_the_admin_is_told(logs: Logs, user: User):
    admin = User.objects.create_superuser("the-boss")
    signed_in(logs, admin).post("/admin/authtoken/tokenproxy/add/", {"user": user.pk})
    (line,) = tokens_created(logs, "audit")
    assert (line["user_id"], line["payload"]["user_id"]) == (admin.pk, user.pk)


@pytest.mark.django_db(transaction=True)
def test_a_token_that_is_rolled_back_is_not_told(logs: Logs, user: User):
    with transaction.atomic():
        Token.objects.create(user=user)
        transaction.set_rollback(True)
    assert tokens_created(logs, "app") == []


@pytest.mark.parametrize("door", DOORS)
def test_the_last_failure_locks_and_says_so_once(logs: Logs, settings, user: User, door):
    answers = [door(NAME, WRONG).status_code for _ in range(settings.AXES_FAILURE_LIMIT + 2)]
    assert answers[-3:] == [429, 429, 429]
    assert 429 not in answers[:-3]
    assert events(logs).count("login_failed") == settings.AXES_FAILURE_LIMIT + 2
    (line,) = [line for line in told(logs) if line["event"] == "account_locked"]
    assert line["level"] == "WARNING"
    assert line["payload"]["username_hash"] == hashed(NAME)
    assert line["payload"]["failures"] == settings.AXES_FAILURE_LIMIT
    failed = [line for line in told(logs) if line["event"] == "login_failed"]
    locked_out = [line["payload"]["locked_out"] for line in failed]
    assert locked_out == [False] * (settings.AXES_FAILURE_LIMIT - 1) + [True] * 3
    assert logs.lines(logger="axes") == []
    assert "canary" not in logs.text().lower()


def lock(settings) -> None:
    for _ in range(settings.AXES_FAILURE_LIMIT):
        by_token_json(NAME, WRONG)


@pytest.mark.parametrize("door", DOORS)
def test_locked_out_at_one_door_is_locked_out_at_every_door(logs, settings, user, door):
    lock(settings)
    assert door(NAME, PASSWORD).status_code == 429
    assert "login_succeeded" not in events(logs)


def test_a_lock_out_is_answered_as_a_problem_below_api(settings, user: User):
    lock(settings)
    answer = by_token_json(NAME, PASSWORD)
    assert answer["Content-Type"] == "application/problem+json"
    assert answer["Retry-After"] == str(int(settings.AXES_COOLOFF_TIME.total_seconds()))
    assert (answer.json()["code"], answer.json()["request_id"]) == ("account_locked", REQUEST_ID)


def test_a_lock_out_holds_for_the_name_in_any_case(settings, user: User):
    lock(settings)
    assert by_token_json(NAME.lower(), WRONG).status_code == 429


def test_others_are_not_locked_out(settings, user: User):
    lock(settings)
    User.objects.create_user("somebody-else", password=PASSWORD)
    assert by_token_json("somebody-else", PASSWORD).status_code == 200
    assert by_token_json(NAME, PASSWORD, address="203.0.113.8").status_code == 200


def test_a_lock_out_ends_however_often_somebody_tries_meanwhile(settings, user: User):
    lock(settings)
    AccessAttempt.objects.update(
        attempt_time=now() - settings.AXES_COOLOFF_TIME + timedelta(seconds=30)
    )
    assert by_token_json(NAME, WRONG).status_code == 429
    AccessAttempt.objects.update(
        attempt_time=AccessAttempt.objects.get().attempt_time - timedelta(seconds=31)
    )
    assert by_token_json(NAME, PASSWORD).status_code == 200


@pytest.mark.parametrize("door", LOGINS)
def test_a_login_makes_the_failures_forgotten(settings, user: User, door):
    for _ in range(settings.AXES_FAILURE_LIMIT - 1):
        by_token_json(NAME, WRONG)
    door(NAME, PASSWORD)
    assert by_token_json(NAME, WRONG).status_code == 400


@pytest.mark.parametrize("content_type", ["text/plain", "application/json", "multipart/form-data"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_unreadable_body_does_not_hide_a_guess(settings, user, method: str, content_type: str):
    sent = base64.b64encode(f"{NAME}:{WRONG}".encode()).decode()
    client = client_with(Authorization=f"Basic {sent}")
    for _ in range(settings.AXES_FAILURE_LIMIT):
        answer = client.generic(method, "/api/test/closed", b"{", content_type)
    assert answer.status_code == 429


def test_axes_keeps_no_name_and_no_body(settings, user: User):
    by_admin(NAME, WRONG)
    attempt = AccessAttempt.objects.get()
    assert attempt.username == hashed(NAME)
    assert "canary" not in json.dumps(AccessAttempt.objects.values_list().get(), default=str)


def test_a_lock_out_is_shared_by_all_processes(tmp_path):
    """Two workers of a service have the database in common, and no memory."""
    ask = """
from django.conf import settings
from django.core.management import call_command
from django.test import Client
from ecommerce.accounts.models import User
settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
def ask(password):
    body = {"username": "somebody", "password": password}
    return Client(SERVER_NAME="127.0.0.1").post("/api/auth/token/", body).status_code
"""
    first = """
call_command("migrate", verbosity=0)
User.objects.create_user("somebody", password="right")
assert [ask("wrong") for _ in range(4)] == [400] * 4
"""
    second = """
assert [ask("wrong"), ask("right")] == [429, 429]
"""
    for code in (first, second):
        worker = manage(
            tmp_path, "shell", "--no-imports", "-c", ask + code, LOGIN_FAILURE_LIMIT="5"
        )
        assert worker.returncode == 0, worker.stderr


REFUSED = {
    "wrong token": ("authentication_failed", "token", {"Authorization": "Token wrong-canary"}),
    "no token": ("authentication_failed", "token", {"Authorization": "Token"}),
    "not base64": ("authentication_failed", "basic", {"Authorization": "Basic canary"}),
    "unknown scheme": ("not_authenticated", "other", {"Authorization": "canary-secret x"}),
    "expired session": ("not_authenticated", "session", {"Cookie": "sessionid=gone-canary"}),
    "nothing": ("not_authenticated", None, {}),
}


@pytest.mark.parametrize("case", REFUSED)
def test_who_cannot_prove_who_they_are_is_told_once(logs: Logs, case: str):
    code, scheme, headers = REFUSED[case]
    answer = client_with(**headers).get("/api/test/closed?token=canary")
    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, "Token")
    (line,) = told(logs)
    assert (line["event"], line["level"]) == ("authentication_failed", "WARNING")
    assert line["payload"] == {
        "code": code,
        "scheme": scheme,
        "ip": ADDRESS,
        "path": "/api/test/closed",
        "owasp": "authn_login_fail",
    }
    assert "canary" not in logs.text()


def test_a_wrong_basic_password_is_a_failed_login_and_a_refused_request(logs: Logs, user: User):
    by_basic(NAME, WRONG)
    assert events(logs) == ["login_failed", "authentication_failed"]


def test_the_api_answers_a_wrong_token_with_401(logs: Logs):
    answer = client_with(Authorization="Token wrong").get("/api/products/")
    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, "Token")
    assert events(logs) == ["authentication_failed"]


@pytest.mark.parametrize("url", ["/api/test/closed", "/admin/accounts/user/"])
def test_who_may_not_is_told_once(logs: Logs, user: User, url: str):
    user.is_staff = url.startswith("/admin/")
    user.save()
    assert signed_in(logs, user).get(url).status_code == 403
    (line,) = told(logs)
    assert (line["event"], line["level"]) == ("permission_denied", "WARNING")
    facts = {"code": "permission_denied", "ip": ADDRESS, "path": url}
    assert line["payload"] == {**facts, "owasp": "authz_fail"}
    assert line["user_id"] == user.pk


@pytest.mark.parametrize("scope", ["anon", "login"])
def test_who_asks_too_often_is_told_when_to_come_back(logs: Logs, monkeypatch, scope: str):
    monkeypatch.setitem(SimpleRateThrottle.THROTTLE_RATES, scope, "1/minute")
    url = "/api/test/open" if scope == "anon" else "/api/auth/token/"
    ask = client_with().get if scope == "anon" else client_with().post
    assert ask(url).status_code != 429
    answer = ask(url)
    (line,) = told(logs)
    assert answer.status_code == 429
    assert (line["event"], line["level"]) == ("throttled", "WARNING")
    assert line["payload"]["wait_seconds"] == int(answer["Retry-After"])


def test_the_throttles_are_on_and_let_a_person_work(settings):
    rates = settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"]
    assert set(rates) == {"anon", "login"}
    assert {client_with().get("/api/test/open").status_code for _ in range(25)} == {200}


def test_a_suspicious_host_is_told_in_place_of_djangos_line(logs: Logs):
    assert client_with(Host="evil-canary.example").get("/admin/login/").status_code == 400
    (line,) = told(logs)
    assert (line["event"], line["level"]) == ("suspicious_operation", "WARNING")
    assert line["payload"]["kind"] == "DisallowedHost"
    assert line["payload"]["host"] == "evil-canary.example"
    assert logs.lines(logger="django.security") == []
    assert logs.text().count("canary") == 1


def test_a_request_with_too_many_fields_is_suspicious(logs: Logs, settings):
    settings.DATA_UPLOAD_MAX_NUMBER_FIELDS = 1
    client_with().post("/admin/login/", {"a": 1, "b": 2, "c": 3})
    (line,) = told(logs)
    assert (line["event"], line["payload"]["kind"]) == ("suspicious_operation", "TooManyFieldsSent")


@pytest.mark.parametrize("headers", [{}, {"Origin": "https://evil-canary.example"}])
@pytest.mark.parametrize("url", ["/admin/login/", "/api/test/closed"])
def test_a_forged_request_is_told_once(logs: Logs, user: User, url: str, headers: dict):
    client = signed_in(logs, user, enforce_csrf_checks=True, **headers)
    assert client.post(url, {}).status_code == 403
    (line,) = told(logs)
    assert (line["event"], line["level"]) == ("csrf_failed", "WARNING")
    reason = "Origin checking failed" if headers else "CSRF cookie not set"
    facts = {"reason": reason, "ip": ADDRESS, "path": url}
    assert line["payload"] == {**facts, "owasp": "authz_fail"}
    assert logs.lines(logger="django.security") == []
    assert "canary" not in logs.text()


def test_a_token_is_in_no_line(logs: Logs, user: User):
    key = by_token_json(NAME, PASSWORD).json()["token"]
    assert key == Token.objects.get().key
    client_with(Authorization=f"Token {key}").get("/api/products/")
    assert key not in logs.text()


def test_an_address_that_the_client_makes_up_is_not_believed(logs: Logs, settings, user: User):
    for number in range(settings.AXES_FAILURE_LIMIT):
        spoofed = {"X-Forwarded-For": f"198.51.100.{number}"}
        answer = by_token_json(NAME, WRONG, **spoofed)
    assert answer.status_code == 429
    assert "198.51.100" not in logs.text()


def test_behind_a_proxy_it_is_the_address_that_the_proxy_saw(settings, user: User):
    settings.TRUSTED_PROXIES = 1
    for _ in range(settings.AXES_FAILURE_LIMIT):
        by_token_json(NAME, WRONG, **{"X-Forwarded-For": "198.51.100.1"})
    same, other = (
        by_token_json(NAME, PASSWORD, **{"X-Forwarded-For": f"6.6.6.6, 198.51.100.{number}"})
        for number in (1, 2)
    )
    assert (same.status_code, other.status_code) == (429, 200)


CHAIN = "6.6.6.6, 198.51.100.1, 198.51.100.2"


@pytest.mark.parametrize(
    ("proxies", "remote", "forwarded", "expected"),
    [
        (0, ADDRESS, CHAIN, ADDRESS),
        (1, ADDRESS, CHAIN, "198.51.100.2"),
        (2, ADDRESS, CHAIN, "198.51.100.1"),
        (9, ADDRESS, CHAIN, "6.6.6.6"),
        (1, ADDRESS, "", ADDRESS),
        (1, ADDRESS, "nonsense", ADDRESS),
        (1, ADDRESS, "198.51.100.2:4711", "198.51.100.2"),
        (1, ADDRESS, "[2001:db8::1]:4711", "2001:db8::1"),
        (1, ADDRESS, "2001:DB8:0::1", "2001:db8::1"),
        (1, ADDRESS, "fe80::1%<script>", "fe80::1"),
        (0, "::ffff:198.51.100.2", "", "198.51.100.2"),
        (0, "", "", None),
        (0, "/run/service.sock", "", None),
    ],
)
def test_the_address_is_the_one_that_a_trusted_machine_saw(
    settings, proxies: int, remote: str, forwarded: str, expected: str | None
):
    settings.TRUSTED_PROXIES = proxies
    request: HttpRequest = RequestFactory().get("/")
    request.META |= {"REMOTE_ADDR": remote, "HTTP_X_FORWARDED_FOR": forwarded}
    assert client_ip(request) == expected


def test_a_request_without_any_address_has_none(settings):
    settings.TRUSTED_PROXIES = 1
    assert client_ip(HttpRequest()) is None
