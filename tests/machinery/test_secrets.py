"""Secrets: masked wherever their key says what they are, and found in no file and on no console."""

import base64
import json
import logging
import random
from time import perf_counter
from uuid import uuid4

import pytest

from observability.events import log_event
from observability.line.redact import Redactor
from observability.settings import SENSITIVE_KEYS

from .support import NAMESPACE, Logs, Server, logging_to, wait_for

SENSITIVE = [
    *("password", "Password", "PASSWORD", "user_password", "userPassword", "password1", "passwd"),
    *("api_key", "apiKey", "API-Key", "X-Api-Key", "api key", "apikey", "API.KEY", "HTTP_API_KEY"),
    *("token", "accessToken", "refresh_token", "csrfmiddlewaretoken", "X-CSRFToken", "secret"),
    *("client_secret", "SECRET_KEY", "Authorization", "HTTP_AUTHORIZATION", "Cookie", "Set-Cookie"),
    *("sessionid", "session_key", "credentials", "private_key", "card_number", "cardNumber"),
    *("creditCard", "iban", "IBAN", "customer_iban", "ssn", "customerSSN", "cvv", "cvc", "pin"),
    *("pin_code", "otp", "pwd", "passphrase", "pan"),
]
HARMLESS = [
    *("classname", "japan", "shipping", "company", "opinion", "spinner", "expand", "panel"),
    *("name", "key", "keyboard", "author", "lessness", "option", "passage", "sector", "harvest"),
]


@pytest.mark.parametrize("key", SENSITIVE)
def test_a_value_under_a_sensitive_key_is_masked_at_any_depth(logs: Logs, key):
    payload = {
        key: "canary",
        "inner": {"list": [{key: ["canary", {"a": "canary"}]}]},
        "pairs": [[key, "canary"], (key, "canary")],
        "bytes": {key.encode(): b"canary"},
    }
    log_event("spoken", payload)
    log_event("spoken", {key: "canary"})
    log_event("spoken", [(key, "canary")])
    logger = logging.getLogger(f"{NAMESPACE}.tests")
    logger.info("spoken", extra={key.replace("name", "nam"): "canary", "inner": payload})
    logger.info(payload)
    assert "canary" not in logs.text()
    shown = logs.lines()[0]["payload"]
    assert shown[key] == "***"
    assert shown["inner"] == {"list": [{key: "***"}]}
    assert shown["pairs"] == [[key, "***"]] * 2


@pytest.mark.parametrize("key", HARMLESS)
def test_a_value_under_a_harmless_key_is_shown(logs: Logs, key):
    log_event("spoken", {key: "shown", "inner": [{key: "shown"}]})
    assert logs.only()["payload"] == {key: "shown", "inner": [{key: "shown"}]}


def test_nothing_under_a_sensitive_key_is_shown_as_nothing(logs: Logs):
    log_event("spoken", {"password": None})
    assert logs.only()["payload"] == {"password": None}


@pytest.mark.parametrize(
    "text",
    [
        "password=canary",
        "PASSWORD = canary",
        "user_password: canary",
        'password="canary with spaces"',
        "{'password': 'canary'}",
        '{"api_key": "canary"}',
        "api-key=canary&page=2",
        "https://shop.example.com/?token=canary",
        "Authorization: Bearer canary",
        "Authorization: Basic canary",
        "Authorization: Token canary",
        "sent Bearer canarycanary to them",
        "Cookie: canary",
        "sessionid=canary; theme=dark",
        "postgresql://shop:canary@db.example.com/shop",
        "redis://:canary@cache.example.com",
        "client_secret%3D is not it, client_secret=canary is",
    ],
)
def test_a_secret_in_free_text_is_masked(logs: Logs, text):
    logger = logging.getLogger(f"{NAMESPACE}.tests")
    logger.info(text)
    logger.info("with %s", text)
    try:
        raise LookupError(text) from KeyError(text)
    except LookupError as error:
        error.add_note(text)
        log_event("spoken", {"error": error}, level="ERROR")
    assert "canary" not in logs.text("app")
    assert "canary" not in logs.text("errors")
    assert "***" in logs.lines()[0]["message"]


@pytest.mark.parametrize(
    "text",
    [
        "the password was changed",
        "class=Product, japan: 5, mapping=1",
        "a token is missing",
        "https://shop.example.com:8000/api/?page=2",
        "2026-11-22 16:47:37 started",
        "sent to ann@example.com",
    ],
)
def test_a_harmless_text_is_left_alone(text):
    assert Redactor(["password", "token", "pan", "pin", "session"]).text(text) == text


def test_the_setting_replaces_the_list(settings, tmp_path):
    settings.LOG_SENSITIVE_KEYS = ["color"]
    with logging_to(tmp_path / "own") as logs:
        log_event("spoken", {"Color": "canary", "password": "shown"})
    assert logs.only()["payload"] == {"Color": "***", "password": "shown"}


LONG = {
    "keys without a value": "_token" * 20_000,
    "keys with a value each": "token=" * 20_000,
    "addresses without an end": "://:" * 20_000,
    "a key and a long space": ("token" + " " * 1_000) * 100,
    "quotes that are never closed": "token='\\" * 20_000,
    "headers without a value": "authorization" * 10_000 + ":",
}


@pytest.mark.parametrize("text", LONG.values(), ids=LONG)
def test_a_text_made_to_take_long_does_not(text):
    started = perf_counter()
    Redactor(["token", "authorization", "pin"]).text(text)
    assert perf_counter() - started < 10  # minutes, where the time grows with the square


DOORS = {
    "json body": ("POST", "/api/products/", {"name": "A", "password": "CANARY"}, {}),
    "json body that is refused": ("POST", "/api/products/", {"name": "A", "stock": "CANARY"}, {}),
    "body that is no json": ("POST", "/api/products/", "{CANARY", {}),
    "query string": ("GET", "/api/products/?token=CANARY&q=CANARY", "", {}),
    "query string of an unknown path": ("GET", "/nowhere/?token=CANARY", "", {}),
    "page that is refused": ("GET", "/api/products/?page=CANARY", "", {}),
    "query string of a crash": ("GET", "/test/crash?password=CANARY", "", {}),
    "exception text": ("GET", "/test/crash?text=password%3DCANARY", "", {}),
    "header": ("GET", "/api/products/", "", {"X-Api-Key": "CANARY"}),
    "request id": ("GET", "/api/products/", "", {"X-Request-ID": "password=CANARY"}),
    "cookie": ("GET", "/admin/", "", {"Cookie": "sessionid=CANARY; csrftoken=CANARY"}),
    "basic auth": ("GET", "/api/test/guarded", "", {"Authorization": "Basic BASE64"}),
    "wrong token": ("GET", "/api/test/guarded", "", {"Authorization": "Token CANARY"}),
    "bearer token": ("GET", "/api/products/", "", {"Authorization": "Bearer CANARY"}),
    "drf exception": ("POST", "/api/test/refused", {"password": "CANARY"}, {}),
    "failing sql": ("GET", "/test/sql?token=CANARY", "", {}),
    "form without csrf token": (
        "POST",
        "/admin/login/",
        "username=CANARY&password=CANARY",
        {"Content-Type": "application/x-www-form-urlencoded"},
    ),
}


@pytest.mark.parametrize("door", DOORS)
def test_a_secret_sent_through_any_door_is_found_nowhere(server: Server, door):
    method, path, body, headers = DOORS[door]
    canary = f"canary{uuid4().hex}"
    encoded = base64.b64encode(f"{canary}:{canary}".encode()).decode()

    def with_canary(text: str) -> str:
        return text.replace("CANARY", canary).replace("BASE64", encoded)

    sent = with_canary(body if isinstance(body, str) else json.dumps(body))
    headers = {"Content-Type": "application/json"} | headers
    headers = {name: with_canary(value) for name, value in headers.items()}
    answer = server.ask(with_canary(path), method, sent, headers)
    assert_found_nowhere(server, answer.headers["X-Request-ID"], canary, encoded)


def test_the_password_of_a_login_form_is_found_nowhere(server: Server):
    canary = f"canary{uuid4().hex}"
    cookie = server.ask("/admin/login/").headers["Set-Cookie"].partition(";")[0]
    form = f"username=ann&password={canary}&csrfmiddlewaretoken={cookie.partition('=')[2]}"
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": cookie}
    answer = server.ask("/admin/login/", "POST", form, headers)
    assert answer.status == 200  # the form again, with its error
    assert_found_nowhere(server, answer.headers["X-Request-ID"], canary)


def assert_found_nowhere(server: Server, request_id: str, *canaries: str) -> None:
    assert wait_for(lambda: server.lines_of(request_id))
    places = {path.name: path.read_text("utf-8") for path in server.logs.folder.iterdir()}
    places["console"] = server.console()
    for canary in canaries:
        found = [place for place, text in places.items() if canary.lower() in text.lower()]
        assert not found


TEXTS = {
    "a dictionary's repr": "{'password': ['canary'], 'a': 1}",
    "bytes": "{'authorization': b'Token canary'}",
    "camelCase": '{"accessToken":"canary","clientSecret":"canary"}',
    "an escaped quote": r'{"password": "ab\"canary"}',
    "an escaped line break": '{"password": "ab\\\ncanary"}',
    "a scheme in capitals": "sent BEARER canarycanary to them",
    "a quote that is never closed": '{"password": "ab canary',
    "a quote that ends in the middle of an escape": '{"password": "canary\\',
    "a nested object": "{'token': {'value': 'canary'}}",
    "a scheme nobody knows": "Authorization: Digest username=x, response=canary",
    "a DRF token": "Token 9canary9canary9canary9canary9canary9",
    "a URL": "postgres://user:canary@db/shop",
    "a form": "next=/&password=canary",
    "a cookie header": "Cookie: sessionid=canary; theme=canary",
}


@pytest.mark.parametrize("name", TEXTS)
def test_a_secret_in_a_text_is_masked_wherever_the_text_stands(logs: Logs, name):
    text = TEXTS[name]
    log_event("checked", {"note": text, "deep": [{"notes": (text,)}]})
    log_event("checked", {"note": text})
    logging.getLogger(NAMESPACE).warning("%s", text, extra={"note": text})
    assert len(logs.lines()) == 3
    assert "canary" not in logs.text()


def test_a_secret_in_the_code_of_a_stack_is_masked(logs: Logs):
    logging.getLogger(NAMESPACE).info("here", stack_info=bool("password=canary"))
    assert "password=***" in logs.only()["payload"]["stack"]
    assert "canary" not in logs.text()


PIECES = [
    *("password", "paſſword", "api", "key", "session", "id", "ssn", "pin"),
    *("Token", "Bearer", "BASIC"),
    *("Authorization", "cookie", "canary", "canary9canary9canary9", "://", "@", ":", "=", "_", "-"),
    *(" ", '"', "'", "\n", "{", "}", ",", "\\"),
]


def test_a_text_is_suspect_if_something_in_it_is_masked():
    redactor = Redactor(SENSITIVE_KEYS)
    chance = random.Random(20)
    for _ in range(20_000):
        text = "".join(chance.choices(PIECES, k=chance.randint(2, 12)))
        assert redactor.is_suspect(text) is (redactor.text(text) != text), text


HEADERS = {
    "pairs": [("Authorization", "Token canary"), ("Accept", "*/*")],
    "pairs of bytes, as ASGI has them": [(b"authorization", b"Token canary")],
    "a view of items": {"Authorization": "Token canary"}.items(),
    "a very long key": {"x" * 300 + "password": "canary"},
}


@pytest.mark.parametrize("name", HEADERS)
def test_a_secret_among_headers_is_masked(logs: Logs, name):
    log_event("checked", {"headers": HEADERS[name]})
    assert "canary" not in logs.text()


HARMLESS = {
    "a path": "/api/products/?page=2",
    "a time": "2026-11-22T16:47:37Z",
    "a sentence": "The token authentication of the shop is on; basic, too.",
    "a fruit": "pineapple: 3",
}


@pytest.mark.parametrize("text", HARMLESS.values(), ids=HARMLESS)
def test_a_harmless_text_stays(logs: Logs, text):
    log_event("checked", {"note": text})
    assert logs.only()["payload"]["note"] == text
