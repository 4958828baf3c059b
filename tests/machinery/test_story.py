"""A day of the service, played against each server: every event once, with its id and its actor."""

import json
import socket
from collections import Counter
from contextlib import closing
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command

from .support import Line, Server, manage, parsed, running_server, wait_for

SERVERS = {
    "gunicorn": ("-m", "gunicorn", "config.wsgi"),
    "uvicorn": ("-m", "uvicorn", "config.asgi:application", "--port", "{port}"),
}
NAME, PASSWORD = "shopkeeper", "correct-horse-7"
FAILURES = 5


@pytest.fixture(scope="module", params=SERVERS)
def served(request, tmp_path_factory: pytest.TempPathFactory) -> Server:
    """Return a server that has been through the whole day, and has stopped."""
    folder = tmp_path_factory.mktemp(request.param)
    # On a busy machine a server's first requests are slow, and are not what this is about.
    settings = {"SLOW_REQUEST_MS": "60000", "SLOW_QUERY_MS": "100", "LOG_LEVEL": "INFO"}
    # Several uvicorn processes have a supervisor, which never loads the application.
    settings["WEB_CONCURRENCY"] = "2" if request.param == "gunicorn" else "1"
    with running_server(folder, SERVERS[request.param], **settings) as server:
        _make_user(folder)
        _play(server)
    return server


def _make_user(folder: Path) -> None:
    made = manage(
        folder,
        *("createsuperuser", "--noinput", "--username", NAME, "--email", ""),
        DJANGO_SUPERUSER_PASSWORD=PASSWORD,
    )
    assert made.returncode == 0, made.stderr


def _play(server: Server) -> None:
    """Send the day's requests, one after the other, each with an id that says what it is."""

    def ask(name: str, path: str, body: dict[str, object] | None = None, token: str = "") -> str:
        headers = {"X-Request-ID": f"story-{name}", "Content-Type": "application/json"}
        headers |= {"Authorization": f"Token {token}"} if token else {}
        method = "POST" if body else "GET"
        answer = server.ask(path, method, json.dumps(body) if body else "", headers)
        assert answer.headers["X-Request-ID"] == f"story-{name}"
        return answer.body

    right = {"username": NAME, "password": PASSWORD}
    token = json.loads(ask("login", "/api/auth/token/", right))["token"]
    ask("create", "/api/products/", {"name": "Laptop", "stock": 1, "price": 2}, token)
    ask("slow-query", "/test/slow-query")
    ask("n-plus-one", "/test/n-plus-one")
    ask("crash", "/api/test/drf-crash")
    ask("moved", "/api/products")
    ask("wrong-token", "/api/products/", token="0" * 40)
    with closing(socket.create_connection(("127.0.0.1", server.port), timeout=10)) as client:
        client.sendall(
            b"GET /test/endless HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Request-ID: story-left\r\n\r\n"
        )
        assert b"200" in client.recv(100)
    wait_for(lambda: "request_finished" in _events(server, "story-left"))
    for attempt in range(FAILURES + 1):
        ask(f"guess-{attempt}", "/api/auth/token/", right | {"password": f"guess {attempt}"})


def _lines(server: Server, request_id: str) -> list[Line]:
    return [line for line in server.logs.lines() if line["request_id"] == request_id]


def _events(server: Server, request_id: str) -> Counter[str]:
    return Counter(line["event"] for line in _lines(server, request_id))


DAY = {
    "login": ["token_created", "login_succeeded", "request_finished"],
    "create": [
        *("create_product_start", "create_product_success"),
        *("object_created", "request_finished"),
    ],
    "slow-query": ["slow_query", "request_finished"],
    "n-plus-one": ["many_queries", "request_finished"],
    "crash": ["log_message", "request_finished"],
    "moved": ["request_finished"],
    "wrong-token": ["authentication_failed", "request_finished"],
    "left": ["request_finished"],
    "guess-0": ["login_failed", "request_finished"],
    f"guess-{FAILURES - 1}": ["account_locked", "login_failed", "request_finished"],
    f"guess-{FAILURES}": ["login_failed", "request_finished"],
}


@pytest.mark.parametrize("name", DAY)
def test_each_request_has_its_events_once(served: Server, name: str):
    assert _events(served, f"story-{name}") == Counter(DAY[name])


def test_one_traceback_tells_of_the_crash(served: Server):
    traces = [line for line in served.logs.lines() if "stacktrace" in line.get("exception", {})]
    assert [line["request_id"] for line in traces] == ["story-crash"]
    assert [line["request_id"] for line in served.logs.lines("errors")] == ["story-crash"]


def test_the_actor_stands_on_the_line_of_what_was_done(served: Server):
    by_event = {line["event"]: line for line in _lines(served, "story-create")}
    created = by_event["object_created"]
    assert created["payload"]["actor_id"] == created["user_id"] == 1
    assert by_event["request_finished"]["user_id"] == 1
    assert created in served.logs.lines("audit")


def test_statuses_are_those_the_clients_got(served: Server):
    statuses = {
        line["request_id"].removeprefix("story-"): line["payload"]["status"]
        for line in served.logs.lines()
        if line["event"] == "request_finished" and line["request_id"].startswith("story-")
    }
    expected = {"create": 201, "crash": 500, "moved": 301, "wrong-token": 401, "left": 200}
    assert {name: statuses[name] for name in expected} == expected


def test_nothing_on_the_console_is_not_a_line(served: Server):
    console = (served.folder / "stdout").read_text("utf-8")
    assert (served.folder / "stderr").read_text("utf-8") == ""
    lines = parsed(console)  # what is no line is refused
    assert {line["logger"].split(".")[0] for line in lines[:2]} & SERVERS.keys()
    events = [line["event"] for line in lines]
    assert events.count("service_started") == events.count("service_stopped") > 0
    assert PASSWORD not in console
    assert "guess 1" not in console


@pytest.mark.parametrize("name", DAY)
def test_the_logs_command_tells_the_story_of_a_request(served: Server, settings, name: str):
    settings.LOG_DIR = served.logs.folder
    told = StringIO()
    call_command("logs", "--json", "--request-id", f"story-{name}", stdout=told)
    assert Counter(line["event"] for line in parsed(told.getvalue())) == Counter(DAY[name])
