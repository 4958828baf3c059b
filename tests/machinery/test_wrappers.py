"""The wrappers of both server interfaces, called as a server calls them."""

import asyncio
import logging

import pytest
from django.test import RequestFactory

from observability import context, servers

from .support import Logs

ENVIRON = {"PATH_INFO": "/somewhere", "REMOTE_ADDR": "192.0.2.7"}


def serve_wsgi(application, **environ):
    """Serve one request; return status and headers as the server was given them, and the body."""
    given = []

    def start_response(status, headers, exc_info=None):
        given[:] = [status, dict(headers)]

    request = RequestFactory().get("/somewhere").environ | ENVIRON | environ
    body = servers.wsgi(application)(request, start_response)
    return *given, b"".join(body)


def serve_asgi(application):
    """Serve one request; return what the server was sent."""
    sent = []

    async def receive():
        return {"type": "http.request"}

    async def send(message):
        assert context.current_request() is None, "the server works outside the request"
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": "/somewhere", "headers": []}
    asyncio.run(servers.asgi(application)(scope, receive, send))
    return sent


def refuses(error):
    def application(environ, start_response):
        raise error

    return application


@pytest.mark.parametrize(
    ("error", "status", "event", "level"),
    [
        (LookupError("hex is no text encoding"), 400, "unreadable_request", "WARNING"),
        (UnicodeDecodeError("utf-8", b"", 0, 1, "odd"), 400, "unreadable_request", "WARNING"),
        (RuntimeError("broken"), 500, "request_failed", "ERROR"),
    ],
    ids=["charset", "bytes", "fault"],
)
def test_a_request_that_django_never_saw_has_its_answer_and_its_end(
    logs: Logs, error, status, event, level
):
    answered, headers, body = serve_wsgi(refuses(error))
    assert answered.startswith(str(status))
    first, end = logs.lines()
    assert (first["event"], first["level"]) == (event, level)
    assert (end["event"], end["payload"]["status"]) == ("request_finished", status)
    assert {first["request_id"], end["request_id"]} == {headers["X-Request-ID"]}
    assert headers["X-Request-ID"] in body.decode()
    assert context.current_request() is None


def test_a_header_that_no_server_can_send_becomes_a_500(logs: Logs):
    def application(environ, start_response):
        start_response("200 OK", [("X-Odd", "a\x00b")])
        return [b"never sent"]

    status, headers, _ = serve_wsgi(application)
    assert status.startswith("500")
    assert "X-Odd" not in headers
    assert [line["payload"].get("status") for line in logs.lines()] == [None, 500]


def test_the_end_of_the_process_leaves_no_request_behind(logs: Logs):
    with pytest.raises(SystemExit):
        serve_wsgi(refuses(SystemExit()))
    assert context.current_request() is None
    assert logs.events() == ["request_finished"]


def test_an_asgi_request_that_fails_is_answered_and_ends_once(logs: Logs):
    async def application(scope, receive, send):
        await receive()
        raise RuntimeError("broken")

    start, body = serve_asgi(application)
    assert start["status"] == 500
    assert logs.events() == ["request_failed", "request_finished"]
    request_id = dict(start["headers"])[b"x-request-id"].decode()
    assert {line["request_id"] for line in logs.lines()} == {request_id}
    assert request_id in body["body"].decode()


@pytest.mark.parametrize("error", [RuntimeError("broken"), asyncio.CancelledError()], ids=type)
def test_after_the_answer_has_begun_an_exception_is_the_server_s_to_report(logs: Logs, error):
    async def application(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise error

    with pytest.raises(type(error)) as raised:
        serve_asgi(application)
    # What the server says of it has the request's id, outside the request.
    logging.getLogger("uvicorn.error").error("Exception", exc_info=raised.value)
    end, report = logs.lines()
    assert (end["event"], end["payload"]["status"]) == ("request_finished", 200)
    assert report["request_id"] == end["request_id"]
    assert context.current_request() is None


def test_a_server_s_line_quotes_no_query_string(logs: Logs):
    logging.getLogger("gunicorn.error").error("Error handling request %s", "/a?token=canary")
    assert logs.only()["message"] == "Error handling request /a"


def test_a_wrong_setting_is_one_warning_when_a_server_starts(logs: Logs, settings):
    settings.LOG_LEVEL = "LOUD"
    servers.wsgi(refuses(RuntimeError()))
    line = logs.only()
    assert (line["level"], line["event"]) == ("WARNING", "wrong_setting")
    assert "LOG_LEVEL: 'LOUD'" in line["payload"]["problem"]
