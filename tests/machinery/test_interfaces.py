"""The outermost wrappers as servers call them: every end has its id, its answer and one line."""

import asyncio
import logging
import signal
from asyncio import CancelledError
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import Any

import pytest
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from config.wsgi import application as project
from observability import servers
from observability.context import current_request_id
from observability.servers import asgi, wsgi

from .support import Line, Logs

Header = tuple[bytes, bytes]
ID = "of-this-request"
START = {"type": "http.response.start", "status": 200, "headers": []}
BODY = {"type": "http.response.body", "body": b"whole"}


class Vanished(BaseException):
    """An exception that ends the process, and that nobody knows."""


ENDS = [SystemExit, KeyboardInterrupt, Vanished]
# With the status of the answer.
FAILURES = [(LookupError, 400), (UnicodeError, 400), (RuntimeError, 500)]


class WSGIServer:
    """Calls an application as PEP 3333 says, and keeps what it was given."""

    status = ""
    headers: dict[str, str]
    body = b""

    def start_response(self, status: str, headers: Iterable[Any], exc_info: Any = None) -> None:
        assert exc_info or not self.status, "a second answer without the reason"
        self.status, self.headers = status, dict(headers)

    def serve(self, application: Callable[..., Any]) -> None:
        environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/some/path", "HTTP_X_REQUEST_ID": ID}
        environ |= {"REMOTE_ADDR": "192.0.2.1", "SERVER_NAME": "testserver", "SERVER_PORT": "80"}
        environ |= {"wsgi.url_scheme": "http", "wsgi.input": BytesIO(), "QUERY_STRING": "a=1"}
        parts = application(environ, self.start_response)
        try:
            for part in parts:
                self.body += part
        finally:
            if hasattr(parts, "close"):
                parts.close()


class ASGIServer:
    """Calls an application as the ASGI specification says, and keeps what it was given."""

    http_version = "1.1"

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.ids: list[str | None] = []  # that are current while the server works

    async def receive(self) -> dict[str, Any]:
        self.ids.append(current_request_id())
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(self, message: dict[str, Any]) -> None:
        self.ids.append(current_request_id())
        self.sent.append(message)

    def serve(self, application: Callable[..., Any], kind: str = "http", *more: Header) -> None:
        scope = {"type": kind, "method": "GET", "path": "/some/path", "query_string": b"a=1"}
        scope |= {"headers": [(b"x-request-id", ID.encode()), *more], "scheme": "http"}
        scope |= {"client": ("192.0.2.1", 1), "http_version": self.http_version}

        async def run() -> None:
            try:
                await application(scope, self.receive, self.send)
            finally:
                self.ids.append(current_request_id())

        asyncio.run(run())


def after_start(logs: Logs) -> list[Line]:
    """Return the lines but for the one that says that a service has started."""
    return [line for line in logs.lines() if line["event"] != "service_started"]


def one_end(logs: Logs, status: int) -> list[Line]:
    """Hold the one end of the request against what was sent, and return all of its lines."""
    lines = after_start(logs)
    (ended,) = (line for line in lines if line["event"] == "request_finished")
    payload = ended["payload"]
    assert (payload["status"], payload["path"], payload["ip"]) == (
        status,
        "/some/path",
        "192.0.2.1",
    )
    assert {line["request_id"] for line in lines} == {ID}
    assert current_request_id() is None
    return lines


def check_report(lines: list[Line], error: type[BaseException], status: int) -> None:
    """Hold the line that says why there was no answer against the reason."""
    (report,) = (line for line in lines if line["event"] != "request_finished")
    if status == 400:
        assert (report["event"], report["level"]) == ("unreadable_request", "WARNING")
        assert report["payload"] == {"error": error.__name__}
    else:
        assert (report["event"], report["level"]) == ("request_failed", "ERROR")
        assert report["exception"]["type"] == error.__name__
        assert "Traceback" in report["exception"]["stacktrace"]


def check_server_line(error: BaseException, logs: Logs) -> None:
    """Log an exception as the server does, outside the request: the line is of that request."""
    logging.getLogger("gunicorn.error").error("Error handling request", exc_info=error)
    line = logs.lines()[-1]
    assert (line["request_id"], line["message"]) == (ID, "Error handling request")
    assert "Traceback" in line["exception"]["stacktrace"]


@pytest.mark.parametrize("has_started", [False, True], ids=["before", "after start_response"])
@pytest.mark.parametrize(("error", "status"), FAILURES)
def test_a_wsgi_application_that_raises_is_answered(logs: Logs, error, status, has_started):
    @wsgi
    def application(environ, start_response):
        if has_started:
            start_response("200 OK", [])
        raise error("raised")

    server = WSGIServer()
    server.serve(application)
    assert server.status.startswith(str(status))
    assert server.headers["X-Request-ID"] == ID
    assert ID in server.body.decode()
    check_report(one_end(logs, status), error, status)


@pytest.mark.parametrize("error", ENDS)
def test_the_end_of_the_process_passes_through_wsgi(logs: Logs, error):
    @wsgi
    def application(environ, start_response):
        raise error

    server = WSGIServer()
    with pytest.raises(error) as caught:
        server.serve(application)
    assert server.status == ""
    one_end(logs, 500)
    check_server_line(caught.value, logs)


def test_a_wsgi_header_that_cannot_be_sent_is_a_crash(logs: Logs):
    @wsgi
    def application(environ, start_response):
        start_response("200 OK", [("X-Echo", "a\r\nSet-Cookie: b")])
        return [b"whole"]

    server = WSGIServer()
    server.serve(application)
    assert server.status.startswith("500")
    check_report(one_end(logs, 500), RuntimeError, 500)


@pytest.mark.django_db
@pytest.mark.usefixtures("test_views")
def test_an_answer_of_the_project_has_one_end(logs: Logs):
    server = WSGIServer()
    server.serve(project)
    assert server.status.startswith("404")
    assert server.headers["X-Request-ID"] == ID
    one_end(logs, 404)


def test_an_asgi_application_that_answers_is_left_alone(logs: Logs):
    inside = []

    @asgi
    async def application(scope, receive, send):
        await receive()
        await send(START)
        inside.append(current_request_id())
        await send(BODY)
        inside.append(current_request_id())

    server = ASGIServer()
    server.serve(application)
    assert server.sent == [START, BODY]
    assert inside == [ID, ID]
    assert server.ids == [None] * 4
    one_end(logs, 200)


@pytest.mark.parametrize(("error", "status"), FAILURES)
def test_an_asgi_application_that_raises_before_its_answer(logs: Logs, error, status):
    @asgi
    async def application(scope, receive, send):
        raise error("raised")

    server = ASGIServer()
    server.serve(application)
    assert [message["type"] for message in server.sent] == [START["type"], BODY["type"]]
    assert server.sent[0]["status"] == status
    assert (b"x-request-id", ID.encode()) in server.sent[0]["headers"]
    assert set(server.ids) == {None}
    check_report(one_end(logs, status), error, status)


@pytest.mark.parametrize("error", [RuntimeError, CancelledError, *ENDS])
def test_an_exception_within_an_asgi_answer_is_the_servers_to_report(logs: Logs, error):
    @asgi
    async def application(scope, receive, send):
        await send(START)
        raise error

    server = ASGIServer()
    with pytest.raises(error) as caught:
        server.serve(application)
    assert server.sent == [START]
    assert set(server.ids) == {None}
    one_end(logs, 200)
    check_server_line(caught.value, logs)


@pytest.mark.parametrize(
    ("error", "status"), [(CancelledError, 499), *((error, 500) for error in ENDS)]
)
def test_what_ends_an_asgi_request_before_its_answer(logs: Logs, error, status):
    @asgi
    async def application(scope, receive, send):
        raise error

    server = ASGIServer()
    with pytest.raises(error) as caught:
        server.serve(application)
    assert server.sent == []
    one_end(logs, status)
    check_server_line(caught.value, logs)


def test_an_asgi_header_that_cannot_be_sent_is_a_crash(logs: Logs):
    @asgi
    async def application(scope, receive, send):
        await send(START | {"headers": [(b"x-echo", b"a\0b")]})

    server = ASGIServer()
    server.serve(application)
    assert [message["status"] for message in server.sent[:1]] == [500]
    check_report(one_end(logs, 500), RuntimeError, 500)


def test_what_is_no_request_passes_through_asgi(logs: Logs):
    ids = []

    @asgi
    async def application(scope, receive, send):
        ids.append(current_request_id())

    ASGIServer().serve(application, "websocket")
    assert ids == [None]
    assert after_start(logs) == []


def lifespan() -> list[str]:
    """Take the wrapper through the life of a server; return the types of what it sends."""
    messages, sent = iter(["lifespan.startup", "lifespan.shutdown"]), []

    async def receive() -> dict[str, Any]:
        return {"type": next(messages)}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message["type"])

    asyncio.run(asgi(None)({"type": "lifespan"}, receive, send))
    return sent


def test_the_wrapper_itself_takes_part_in_the_lifespan_of_an_asgi_server(logs: Logs):
    sent = lifespan()
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert logs.events() == ["service_started", "service_stopped"]


@pytest.fixture
def server_handler(monkeypatch) -> Iterator[list[int]]:
    """Handle SIGTERM as a server does; return what came."""
    monkeypatch.setattr(servers, "_stop_signals", [])
    came: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _frame: came.append(number))
    yield came
    signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize(("version", "closes"), [("1.1", True), ("2", False)])
def test_after_sigterm_an_answer_closes_its_connection(server_handler, version, closes):
    """HTTP/2 has no such header (RFC 9113, section 8.2.2)."""

    @asgi
    async def application(scope, receive, send):
        await send(START)

    server = ASGIServer()
    server.http_version = version
    lifespan()
    server.serve(application)
    signal.raise_signal(signal.SIGTERM)
    server.serve(application)
    assert server_handler == [signal.SIGTERM]
    close = [(b"connection", b"close")]
    assert [message["headers"] for message in server.sent] == [[], close * closes]


def test_where_no_server_handles_sigterm_the_wrapper_leaves_it_alone():
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    lifespan()
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_in_another_thread_the_wrapper_leaves_signals_alone(server_handler):
    with ThreadPoolExecutor() as pool:
        assert len(pool.submit(lifespan).result()) == 2


def ips(logs: Logs) -> list[str | None]:
    """Return the client's address of each request that has ended."""
    return [line["payload"]["ip"] for line in logs.lines() if line["event"] == "request_finished"]


def test_uvicorns_own_belief_in_forwarded_headers_is_off(logs: Logs):
    """Whatever it is told to trust, TRUSTED_PROXIES alone decides."""
    seen = []

    @asgi
    async def application(scope, receive, send):
        seen.append((scope["client"], scope["scheme"]))
        await send(START)

    forged = (b"x-forwarded-for", b"6.6.6.6"), (b"x-forwarded-proto", b"https")
    behind_uvicorn = ProxyHeadersMiddleware(application, trusted_hosts="*")
    ASGIServer().serve(behind_uvicorn, "http", *forged)
    assert seen == [(("192.0.2.1", 1), "http")]
    assert ips(logs) == ["192.0.2.1"]


def test_a_header_that_came_twice_is_a_list_as_under_wsgi(logs: Logs, settings):
    settings.TRUSTED_PROXIES = 2

    @asgi
    async def application(scope, receive, send):
        await send(START)

    twice = (b"x-forwarded-for", b"198.51.100.7"), (b"x-forwarded-for", b"10.0.0.1")
    ASGIServer().serve(application, "http", *twice)
    assert ips(logs) == ["198.51.100.7"]


@pytest.mark.parametrize("name", ["gunicorn.error", "uvicorn.error"])
def test_what_a_server_says_of_a_request_quotes_no_query_string(logs: Logs, name):
    logging.getLogger(name).error("Error handling request %s", "/a?token=canary")
    assert logs.only()["message"] == "Error handling request /a"


@pytest.mark.parametrize("wrap", [wsgi, asgi])
def test_a_wrong_setting_is_one_warning_when_a_server_starts(logs: Logs, settings, wrap):
    settings.LOG_LEVEL = "LOUD"
    wrap(lambda: None)
    (line,) = after_start(logs)
    assert (line["level"], line["event"]) == ("WARNING", "wrong_setting")
    assert "LOG_LEVEL: 'LOUD'" in line["payload"]["problem"]
