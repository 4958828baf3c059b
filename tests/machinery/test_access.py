"""What speaks by itself of a request, its queries, and of what nobody caught."""

import asyncio
import gc
import json
import sys
import threading
from contextlib import suppress
from types import SimpleNamespace

import pytest
from asgiref.sync import async_to_sync
from django.test import AsyncClient, Client

from config.asgi import application
from observability import uncaught

from . import views
from .support import Line, Logs, manage, parsed

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("test_views")]


@pytest.fixture
def client() -> Client:
    return Client(raise_request_exception=False)


def finished(logs: Logs) -> Line:
    """Return the line that says how the request ended, of which there must be one."""
    (line,) = (line for line in logs.lines() if line["event"] == "request_finished")
    return line


@pytest.mark.parametrize(
    ("path", "status", "level", "route"),
    [
        ("/api/products/", 200, "INFO", "api/products/"),
        ("/api/products", 301, "INFO", None),
        ("/api/nowhere/", 404, "WARNING", None),
        ("/test/crash", 500, "WARNING", "test/crash"),
        ("/api/test/drf-crash", 500, "WARNING", "api/test/drf-crash"),
        ("/health/live", 200, "DEBUG", None),
        ("/health/ready", 200, "DEBUG", None),
    ],
)
def test_a_request_ends_once(client, logs: Logs, path, status, level, route):
    assert client.get(path).status_code == status
    line = finished(logs)
    assert line["level"] == level
    assert {key: line["payload"][key] for key in ("method", "path", "route", "status", "ip")} == {
        "method": "GET",
        "path": path,
        "route": route,
        "status": status,
        "ip": "127.0.0.1",
    }


def test_a_method_that_is_not_allowed_is_a_warning(client, logs: Logs):
    client.delete("/api/products/")
    assert (finished(logs)["payload"]["status"], finished(logs)["level"]) == (405, "WARNING")


def test_a_foreign_host_is_a_warning(client, logs: Logs):
    client.get("/api/products/", headers={"host": "elsewhere.example"})
    assert finished(logs)["payload"]["status"] == 400


def test_the_query_string_is_not_logged(client, logs: Logs):
    client.get("/api/products/?secret-in-the-query=1")
    assert "secret-in-the-query" not in logs.text()


def test_a_streamed_body_ends_when_it_was_sent(client, logs: Logs):
    response = client.get("/test/stream")
    assert "request_finished" not in logs.events()
    list(response.streaming_content)
    response.close()
    assert logs.events()[-1] == "request_finished"


def test_closing_a_response_twice_tells_of_it_once(client, logs: Logs):
    response = client.get("/api/products/")
    response.close()
    assert logs.events().count("request_finished") == 1


def test_an_async_request_ends_once(logs: Logs):
    async_to_sync(AsyncClient().get)("/test/async")
    assert finished(logs)["payload"]["route"] == "test/async"
    assert finished(logs)["request_id"] is not None


def test_queries_are_counted_and_timed(client, logs: Logs):
    client.get("/test/n-plus-one")
    payload = finished(logs)["payload"]
    assert payload["db_queries"] == 60
    assert 0 < payload["db_ms"] < payload["duration_ms"]


def test_many_queries_name_the_statement_that_is_repeated(client, logs: Logs, settings):
    settings.MAX_QUERIES_PER_REQUEST = 59
    client.get("/test/n-plus-one")
    (line,) = (line for line in logs.lines() if line["event"] == "many_queries")
    assert line["payload"]["times"] == 60
    assert "products_product" in line["payload"]["most_repeated"]


def test_as_many_queries_as_allowed_are_no_event(client, logs: Logs, settings):
    settings.MAX_QUERIES_PER_REQUEST = 60
    client.get("/test/n-plus-one")
    assert "many_queries" not in logs.events()


def test_a_slow_query_is_told_without_its_parameters(client, logs: Logs, settings):
    settings.SLOW_QUERY_MS = 0
    client.get("/test/n-plus-one")
    line = next(line for line in logs.lines() if line["event"] == "slow_query")
    assert "%s" in line["payload"]["sql"]
    assert line["payload"]["database"] == "default"
    assert line["level"] == "WARNING"


def test_a_slow_request_is_told_beside_its_end(client, logs: Logs, settings):
    settings.SLOW_REQUEST_MS = 0
    client.get("/api/products/")
    slow, ended = (
        next(line for line in logs.lines() if line["event"] == event)
        for event in ("slow_request", "request_finished")
    )
    assert slow["payload"] == ended["payload"]
    assert slow["level"] == "WARNING"


def test_the_user_stands_at_the_top_level(client, logs: Logs, django_user_model):
    client.force_login(user := django_user_model.objects.create_user("somebody"))
    client.get("/api/products/")
    assert finished(logs)["user_id"] == user.pk


def test_nobody_is_asked_who_they_are(client, logs: Logs):
    response = client.get("/test/sync")
    assert "user_id" not in finished(logs)
    assert "Cookie" not in response.headers.get("Vary", "")


@pytest.fixture
def hooks(monkeypatch) -> None:
    """Have Python's own hooks in place, until the end of the test."""
    monkeypatch.setattr(threading, "excepthook", threading.__excepthook__)
    for name in ("excepthook", "unraisablehook"):
        monkeypatch.setattr(sys, name, getattr(sys, f"__{name}__"))


def test_an_exception_of_a_thread_is_a_line(logs: Logs, hooks, capsys):
    uncaught.connect()
    thread = threading.Thread(target=lambda: 1 / 0, name="importer")
    thread.start()
    thread.join()
    line = logs.only()
    assert (line["event"], line["level"]) == ("uncaught_exception", "CRITICAL")
    assert line["payload"] == {"thread": "importer", "owasp": "sys_crash"}
    assert line["exception"]["type"] == "ZeroDivisionError"
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("module", "name"),
    [(sys, "excepthook"), (sys, "unraisablehook"), (threading, "excepthook")],
    ids=["main", "unraisable", "thread"],
)
def test_the_hook_that_was_there_before_is_called_too(logs: Logs, hooks, monkeypatch, module, name):
    seen = []
    monkeypatch.setattr(module, name, lambda *args: seen.append(args))
    uncaught.connect()
    error = LookupError("lost")
    parts = (type(error), error, None)
    if name == "unraisablehook":
        given = (SimpleNamespace(exc_value=error, exc_traceback=None, object=None),)
    elif module is threading:
        given = (threading.ExceptHookArgs((*parts, threading.current_thread())),)
    else:
        given = parts
    getattr(module, name)(*given)
    assert seen == [given]
    assert logs.only()["exception"]["message"] == "lost"


def test_an_exception_that_ends_the_program_is_a_line(tmp_path):
    ended = manage(tmp_path, "shell", "-v0", "--command", "1 / 0")
    (line,) = Logs(tmp_path / "logs").lines("errors")
    assert ended.returncode == 1
    assert line["exception"]["type"] == "ZeroDivisionError"
    assert parsed(ended.stderr) == [line]


def test_a_warning_is_a_line(tmp_path):
    manage(tmp_path, "shell", "-v0", "--command", "import warnings; warnings.warn('old')")
    (line,) = Logs(tmp_path / "logs").lines()
    assert (line["logger"], line["level"]) == ("py.warnings", "WARNING")


@pytest.mark.filterwarnings("ignore:Unclosed file:ResourceWarning")
@pytest.mark.parametrize(
    ("path", "leaves", "status"),
    [("/test/waiting", True, 499), ("/test/broken-stream", False, 200)],
    ids=["the client leaves before the response", "the body fails"],
)
def test_an_end_that_django_does_not_see_is_logged(logs: Logs, path, leaves, status):
    async def receive() -> dict[str, object]:
        if not asked:
            asked.append(True)
            return {"type": "http.request", "body": b"", "more_body": False}
        if leaves:
            await asyncio.to_thread(views.waits.wait, 10)
            return {"type": "http.disconnect"}
        return await asyncio.Future()

    async def send(_message: dict[str, object]) -> None:
        pass

    async def run() -> None:
        headers = [(b"host", b"testserver"), (b"x-request-id", b"of-this-request")]
        scope = {"type": "http", "method": "GET", "path": path, "headers": headers}
        scope |= {"query_string": b"", "client": ("127.0.0.1", 1), "http_version": "1.1"}
        with suppress(LookupError):
            await asyncio.wait_for(application(scope, receive, send), 10)

    asked: list[bool] = []
    asyncio.run(run())
    gc.collect()  # where a body fails, Django leaves its request's open: not for a later test
    line = finished(logs)
    assert line["request_id"] == "of-this-request"
    assert line["payload"]["status"] == status


def test_a_view_that_ends_the_process_is_logged(logs: Logs):
    with pytest.raises(SystemExit):
        Client().get("/test/exit")
    assert finished(logs)["payload"]["status"] == 500
    assert finished(logs)["request_id"] is not None


def test_a_response_is_free_once_it_is_closed(client, logs: Logs):
    response = client.get("/api/products/")
    response.close()
    assert "close" not in vars(response)


def test_what_python_cannot_raise_is_a_line(tmp_path):
    code = "class A:\n  def __del__(self): raise ValueError('in del')\nA()"
    ended = manage(tmp_path, "shell", "-v0", "--command", code)
    (line,) = Logs(tmp_path / "logs").lines("errors")
    assert line["exception"]["message"] == "in del"
    assert parsed(ended.stderr) == [line]


def test_without_a_console_the_end_of_the_program_is_printed_too(tmp_path):
    ended = manage(tmp_path, "shell", "-v0", "--command", "1 / 0", LOG_HANDLERS="file")
    assert "ZeroDivisionError" in ended.stderr


def test_what_a_command_prints_is_not_mixed_with_its_lines(tmp_path):
    manage(tmp_path, "migrate", "--verbosity=0")
    dumped = manage(tmp_path, "dumpdata", "products", SLOW_QUERY_MS="0")
    assert json.loads(dumped.stdout) == []
    assert '"event":"slow_query"' in dumped.stderr
