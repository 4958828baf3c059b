"""The request id: one for each request, everywhere in it, and gone after it."""

import asyncio
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from uuid import UUID

import pytest
from asgiref.testing import ApplicationCommunicator
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished
from django.test import AsyncClient, Client, RequestFactory
from request_id.logging import RequestIdFilter

from observability.context import bind_request_id, current_request_id
from observability.events import log_event

from . import views
from .support import Logs

pytestmark = pytest.mark.usefixtures("test_views")

KINDS = ["sync", "async", "stream", "async-stream", "crash", "async-crash"]
TOGETHER = 12


def by_wsgi(application: WSGIHandler, path: str, request_id: str) -> tuple[dict[str, str], str]:
    """Serve one request as a WSGI server does, and return its headers and body."""
    headers: dict[str, str] = {}
    environ = RequestFactory().get(path, headers={"X-Request-ID": request_id}).environ
    response = application(environ, lambda _status, sent: headers.update(sent))
    try:
        return headers, b"".join(response).decode()
    finally:
        response.close()


async def by_asgi(application: ASGIHandler, path: str, request_id: str) -> tuple[dict, str]:
    """Serve one request as an ASGI server does, and return its headers and body."""
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "path": path,
        "query_string": b"",
        "headers": [(b"host", b"testserver"), (b"x-request-id", request_id.encode())],
    }
    communicator = ApplicationCommunicator(application, scope)
    await communicator.send_input({"type": "http.request", "body": b"", "more_body": False})
    start = await communicator.receive_output(timeout=10)
    body = b""
    while True:
        part = await communicator.receive_output(timeout=10)
        body += part.get("body", b"")
        if not part.get("more_body"):
            break
    await communicator.wait(timeout=10)
    return {name.decode(): value.decode() for name, value in start["headers"]}, body.decode()


def assert_every_line_has_its_own_id(logs: Logs, kind: str, ids: list[str]) -> None:
    """Hold every line of requests of one kind: each id has the same events, and none is missing."""
    events: dict[str | None, list[str]] = {}
    for line in logs.lines():
        events.setdefault(line["request_id"], []).append(line["event"])
    assert sorted(map(str, events)) == sorted(ids)
    assert len({tuple(sorted(told)) for told in events.values()}) == 1
    told = events[ids[0]]
    if "crash" not in kind:
        assert told[0] == f"{kind.replace('-', '_')}_begins"


def ids_of(kind: str) -> list[str]:
    return [f"{kind}-request-{number}" for number in range(TOGETHER)]


@pytest.mark.parametrize("kind", ["sync", "stream", "crash"])
def test_wsgi_threads_do_not_mix_their_ids(logs: Logs, monkeypatch, kind):
    monkeypatch.setattr(views, "threads_meet", threading.Barrier(TOGETHER))
    application, ids = WSGIHandler(), ids_of(kind)
    with ThreadPoolExecutor(TOGETHER) as pool:
        served = pool.map(lambda one: by_wsgi(application, f"/test/{kind}", one), ids)
    for sent, (headers, body) in zip(ids, served, strict=True):
        assert headers["X-Request-ID"] == sent
        assert "request-" not in body.replace(sent, "")
    assert_every_line_has_its_own_id(logs, kind, ids)


@pytest.mark.parametrize("kind", KINDS)
def test_asgi_requests_do_not_mix_their_ids(logs: Logs, monkeypatch, kind):
    async def all_at_once() -> list:
        monkeypatch.setattr(views, "tasks_meet", asyncio.Barrier(TOGETHER))
        return await asyncio.gather(
            *(by_asgi(application, f"/test/{kind}", request_id) for request_id in ids)
        )

    # One loop streams synchronous bodies one after the other: they cannot meet.
    meeting = 1 if kind == "stream" else TOGETHER
    monkeypatch.setattr(views, "threads_meet", threading.Barrier(meeting))
    application, ids = ASGIHandler(), ids_of(kind)
    told = pytest.warns(Warning, match="must consume synchronous iterators")
    with told if kind == "stream" else nullcontext():
        served = asyncio.run(all_at_once())
    for sent, (headers, body) in zip(ids, served, strict=True):
        assert headers["X-Request-ID"] == sent
        assert "request-" not in body.replace(sent, "")
    assert_every_line_has_its_own_id(logs, kind, ids)


def test_a_thread_that_serves_again_has_the_new_id(logs: Logs):
    application = WSGIHandler()
    with ThreadPoolExecutor(1) as pool:
        for request_id in ("first-request", "second-request"):
            pool.submit(by_wsgi, application, "/test/sync", request_id).result()
        pool.submit(log_event, "afterwards").result()
    ids = [line["request_id"] for line in logs.lines()]
    assert ids[0] == "first-request"
    assert ids[-2] == "second-request"
    assert ids[-1] is None


@pytest.mark.parametrize(
    "sent",
    [
        "12345678",
        "a" * 128,
        "d3b7e8f4-2f4a-4e3b-a123-9c8d7f1c5678",
        "A.b_c-123",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    ],
)
def test_a_well_formed_id_is_taken_over(logs: Logs, sent):
    response = Client().get("/test/ids", headers={"X-Request-ID": sent})
    assert response["X-Request-ID"] == sent
    assert {line["request_id"] for line in logs.lines()} <= {sent}


@pytest.mark.parametrize(
    "sent",
    [
        *("", "1234567", "a" * 129, "-12345678", ".12345678", "_12345678", "has a space"),
        *(
            'quote"quote',
            "<script>alert</script>",
            "../../etc/passwd",
            "12345678\n",
            "12345678\r\n",
        ),
        *(
            "12345678\x00",
            "12345678\x1b[2J",
            "idéidéidé",
            "id\u2028id\u2028id",
            "a,b,c,d,e",
            "x" * 9999,
        ),
        *("{'a': 'b'}", "%0d%0aSet-Cookie", "12345678;", "１２３４５６７８"),
    ],
    ids=ascii,
)
def test_anything_else_is_replaced(sent):
    response = Client().get("/test/ids", headers={"X-Request-ID": sent})
    assert str(UUID(response["X-Request-ID"])) == response["X-Request-ID"]
    assert response.json()["service"] == response["X-Request-ID"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/test/ids", 200),
        ("/health/live", 200),
        ("/admin/", 302),
        ("/admin", 301),
        ("/nowhere/", 404),
        ("/api/nowhere/", 404),
        ("/test/crash", 500),
        ("/api/test/drf-crash", 500),
        ("/test/async-crash", 500),
    ],
)
def test_it_is_returned_and_stands_in_every_line(logs: Logs, path, status):
    sent = "of-this-request"
    client = Client(raise_request_exception=False)
    response = client.get(path, headers={"X-Request-ID": sent})
    assert (response.status_code, response["X-Request-ID"]) == (status, sent)
    assert {line["request_id"] for line in logs.lines()} <= {sent}
    assert "request_finished" in logs.events()
    if status >= 500:
        assert any(line["logger"].startswith("django") for line in logs.lines())


def test_the_async_client_gets_it_too(logs: Logs):
    response = asyncio.run(AsyncClient().get("/test/async", headers={"X-Request-ID": "12345678"}))
    assert response["X-Request-ID"] == response.content.decode() == "12345678"
    assert {line["request_id"] for line in logs.lines()} == {"12345678"}


def test_every_way_of_asking_for_it_agrees():
    answers = Client().get("/test/ids", headers={"X-Request-ID": "12345678"}).json()
    assert set(answers) == {"attribute", "getter", "template tag", "service"}
    assert set(answers.values()) == {"12345678"}


def test_the_filter_of_the_package_agrees():
    record = logging.makeLogRecord({})
    bind_request_id("12345678")
    assert RequestIdFilter().filter(record)
    assert record.request_id == "12345678"


def test_it_is_null_outside_a_request(logs: Logs):
    log_event("spoken")
    assert logs.only()["request_id"] is None


@pytest.mark.django_db  # the signal also closes connections
def test_it_is_cleared_when_the_request_has_finished(logs: Logs):
    bind_request_id("12345678")
    request_finished.send(sender=None)
    assert current_request_id() is None


def test_it_goes_with_tasks_and_threads_of_a_request(logs: Logs):
    async def serve() -> None:
        bind_request_id("12345678")
        await asyncio.gather(asyncio.to_thread(log_event, "a"), asyncio.create_task(_log()))

    async def _log() -> None:
        log_event("b")

    asyncio.run(serve())
    assert len(logs.lines()) == 2
    assert {line["request_id"] for line in logs.lines()} == {"12345678"}


TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.mark.parametrize(
    ("traceparent", "trace_id"),
    [
        (f"00-{TRACE}-{SPAN}-01", TRACE),
        (f"00-{TRACE}-{SPAN}-01-more", None),  # version 00 has four parts
        (f"cc-{TRACE}-{SPAN}-01-more", TRACE),  # a later version may have more
        (f"cc-{TRACE}-{SPAN}-01more", None),
        (f"ff-{TRACE}-{SPAN}-01", None),
        (f"00-{TRACE.upper()}-{SPAN}-01", None),
        (f"00-{'0' * 32}-{SPAN}-01", None),
        (f"00-{TRACE}-{'0' * 16}-01", None),
        (f"00-{TRACE}-{SPAN}-01\n", None),
        ("", None),
    ],
)
def test_lines_join_the_trace_of_a_well_formed_traceparent(
    traceparent: str, trace_id: str | None, logs: Logs
) -> None:
    """See https://www.w3.org/TR/trace-context/#traceparent-header."""
    Client().get("/test/sync", headers={"traceparent": traceparent})
    lines = logs.lines()
    assert {line.get("trace_id") for line in lines} == {trace_id}
    assert "request_finished" in [line["event"] for line in lines]
