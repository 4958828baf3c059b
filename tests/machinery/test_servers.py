"""gunicorn and uvicorn, started by their plain commands: whose lines they write, and which."""

import socket
import struct
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from uuid import uuid4

import pytest

from .fault_urls import USER
from .support import Line, Server, parsed, running_server, wait_for

BIN = Path(sys.executable).parent
COMMANDS = {
    "gunicorn": [str(BIN / "gunicorn"), "config.wsgi"],
    "uvicorn": [str(BIN / "uvicorn"), "config.asgi:application", "--port", "{port}"],
}
SECRET = "secret-in-the-query"
CANARY = "canary-in-the-request"
REQUEST = b"POST /api/auth/login/ HTTP/1.1\r\nHost: 127.0.0.1\r\n"
# What a client sends, and gunicorn's class of fault.
MALFORMED = {
    "no request line": (b"CANARY\r\n\r\n", "InvalidRequestLine"),
    "query string": (b"GET /?password=CANARY HTTP/1.1 more\r\n\r\n", "InvalidHTTPVersion"),
    "path": (b"GET http://[CANARY/ HTTP/1.1\r\n\r\n", "InvalidRequestLine"),
    "method": (b"CANARY{} / HTTP/1.1\r\n\r\n", "InvalidRequestMethod"),
    "version": (b"GET / CANARY/1.1\r\n\r\n", "InvalidHTTPVersion"),
    "header without a colon": (REQUEST + b"X-Api-Key CANARY\r\n\r\n", "InvalidHeader"),
    "name of a header": (REQUEST + b"X CANARY: 1\r\n\r\n", "InvalidHeaderName"),
    "folded header": (REQUEST + b"X-CANARY: 1\r\n CANARY\r\n\r\n", "ObsoleteFolding"),
    "length": (REQUEST + b"Content-Length: CANARY\r\n\r\n", "InvalidHeader"),
    "coding": (REQUEST + b"Transfer-Encoding: CANARY\r\n\r\n", "UnsupportedTransferCoding"),
    "expectation": (REQUEST + b"Expect: CANARY\r\n\r\n", "ExpectationFailed"),
    "chunk": (REQUEST + b"Transfer-Encoding: chunked\r\n\r\nCANARY\r\n", "InvalidChunkSize"),
    "body longer than its length": (
        REQUEST + b"Content-Length: 2\r\n\r\n{}password: CANARY: %s\r\n\r\n",
        "InvalidRequestMethod",
    ),
}
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: on, no seconds


def started(
    kind: str, folder: Path, workers: int = 1, **changes: str
) -> AbstractContextManager[Server]:
    """Start a server by its plain command: gunicorn with one thread in each worker."""
    # WEB_CONCURRENCY is uvicorn's own variable, too: more than one worker is another mode.
    own = {"WEB_CONCURRENCY": str(workers), "WEB_THREADS": "1"}
    changes |= own if kind == "gunicorn" else {"UVICORN_TIMEOUT_KEEP_ALIVE": "1"}
    settings = {"DJANGO_SETTINGS_MODULE": "machinery.fault_settings"}
    return running_server(folder, COMMANDS[kind], **settings, **changes)


@pytest.fixture(scope="module", params=COMMANDS)
def server(request: pytest.FixtureRequest, tmp_path_factory) -> Iterator[Server]:
    """Return a server that runs for all tests of its kind."""
    with started(request.param, tmp_path_factory.mktemp(request.param)) as server:
        yield server


@pytest.fixture(scope="module")
def gunicorn(tmp_path_factory) -> Iterator[Server]:
    with started("gunicorn", tmp_path_factory.mktemp("gunicorn")) as server:
        yield server


def new_id() -> str:
    return f"wanted-{uuid4().hex}"


def send(server: Server, data: bytes, read: int = 0, reset: bool = False) -> bytes:
    """Send bytes, and return the answer: all of it, or the beginning, after which we leave."""
    answer = b""
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall(data)
        while not read or len(answer) < read:
            if not (part := connection.recv(read or 65_536)):
                break
            answer += part
        if reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    return answer


def get(path: str, request_id: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Request-ID: {request_id}\r\n".encode()


def lines_with(server: Server, text: str) -> list[Line]:
    """Return the lines with a text in their message, once there is one; a torn end is awaited."""

    def found() -> list[Line]:
        written = server.logs.text()
        lines = parsed(written) if written.endswith("\n") else []
        return [line for line in lines if text in line.get("message", "")]

    return wait_for(found)


def failures(lines: list[Line]) -> list[Line]:
    return [line for line in lines if line["level"] in ("ERROR", "CRITICAL")]


@pytest.mark.parametrize("kind", COMMANDS)
def test_all_that_the_plain_command_prints_is_lines(tmp_path, kind):
    wanted = {new_id(): path for path in ("/api/products/", "/nowhere", "/test/crash", "/test/ids")}
    with started(kind, tmp_path) as server:
        for request_id, path in wanted.items():
            server.ask(f"{path}?{SECRET}=1", headers={"X-Request-ID": request_id})
            server.lines_of(request_id)
    console = server.console()
    assert SECRET not in console
    assert SECRET not in server.logs.text()
    lines = parsed(console)  # what is no line is refused
    assert any(line["logger"].startswith(kind) for line in lines[:2])
    ended = [line["request_id"] for line in lines if line["event"] == "request_finished"]
    assert Counter(each for each in ended if each in wanted) == dict.fromkeys(wanted, 1)
    # The access logs of the servers would say each request a second time.
    assert not [line for line in lines if line["logger"] == f"{kind}.access"]


@pytest.mark.parametrize(
    "path",
    [
        "/fault/operation",
        "/test/crash",
        "/test/async-crash",
        "/api/test/crash",
        "/api/test/drf-crash",
    ],
)
def test_a_crash_is_one_error_with_its_traceback(server: Server, path):
    request_id = new_id()
    assert server.ask(path, headers={"X-Request-ID": request_id}).status == 500
    lines = server.lines_of(request_id)
    (error,) = failures(lines)
    assert "Traceback" in error["exception"]["stacktrace"]
    assert "LookupError" in error["exception"]["stacktrace"]
    assert [line["level"] for line in lines if line["event"] == "request_finished"] == ["WARNING"]


@pytest.mark.parametrize("path", ["/fault/broken", "/fault/failing-at-once"])
def test_a_body_that_fails_is_one_error_of_its_request(server: Server, path):
    request_id = new_id()
    send(server, get(f"{path}?{SECRET}=1", request_id) + b"Connection: close\r\n\r\n")
    server.lines_of(request_id)
    errors = wait_for(lambda: failures(server.lines_of(request_id)))
    (error,) = errors
    assert error["exception"]["message"] == "the body failed"
    assert "Traceback" in error["exception"]["stacktrace"]
    assert error["user_id"] == USER
    assert SECRET not in server.console()
    assert SECRET not in server.logs.text()


@pytest.mark.parametrize("name", MALFORMED)
def test_gunicorn_names_the_fault_of_a_malformed_request_and_echoes_nothing(gunicorn: Server, name):
    data, fault = MALFORMED[name]
    before = len(refused(gunicorn))
    send(gunicorn, data.replace(b"CANARY", CANARY.encode()))
    (line,) = wait_for(lambda: refused(gunicorn)[before:])
    assert line["level"] == "WARNING"
    assert line["message"] == f"Invalid request from ip=127.0.0.1: {fault}"
    assert CANARY not in gunicorn.logs.text()
    assert CANARY not in gunicorn.logs.text("errors")
    assert CANARY not in gunicorn.console()


def refused(server: Server) -> list[Line]:
    return [line for line in server.logs.lines() if "Invalid request" in line.get("message", "")]


def test_uvicorn_echoes_nothing_of_a_malformed_request(tmp_path):
    with started("uvicorn", tmp_path) as server:
        for data, _ in MALFORMED.values():
            send(server, data.replace(b"CANARY", CANARY.encode()))
        lines_with(server, "Invalid HTTP request")
    assert CANARY not in server.logs.text()
    assert CANARY not in server.console()


@pytest.mark.parametrize("path", ["/fault/large", "/fault/broken", "/fault/operation"])
def test_gunicorn_refuses_a_stranger_under_nobodys_id(gunicorn: Server, path):
    """One worker of one thread: what the request before it has left would be on the line."""
    request_id = new_id()
    leaves = path == "/fault/large"
    data = get(path, request_id) + b"Connection: close\r\n\r\n"
    send(gunicorn, data, read=100 if leaves else 0, reset=leaves)
    before = gunicorn.lines_of(request_id)
    assert {line["user_id"] for line in before if "user_id" in line} == {USER}
    refusals = len(refused(gunicorn))
    assert b"400" in send(gunicorn, b"STRANGER\r\n\r\n")
    for line in wait_for(lambda: refused(gunicorn)[refusals:]):
        assert line["request_id"] is None
        assert "user_id" not in line


def test_uvicorn_refuses_a_pipelined_stranger_under_nobodys_id(tmp_path):
    request_id = new_id()
    with started("uvicorn", tmp_path) as server:
        data = get("/fault/whole", request_id) + b"\r\nSTRANGER\r\n\r\n"
        answer = send(server, data)
        server.lines_of(request_id)
        refused = lines_with(server, "Invalid HTTP request")
    assert b"whole" in answer
    assert [(line["request_id"], "user_id" in line) for line in refused] == [(None, False)]


def test_uvicorn_closes_a_connection_that_comes_just_when_it_stops(tmp_path):
    """Its stop does not know that connection: with a busy client it would never end."""
    go_on = tmp_path / "go_on"
    with started("uvicorn", tmp_path) as server, ThreadPoolExecutor() as pool:
        stopping = get(f"/fault/stopping?until={go_on}", new_id()) + b"\r\n"
        first = pool.submit(send, server, stopping)
        wait_for(lambda: "stopping" in server.logs.events())
        with socket.create_connection(("127.0.0.1", server.port), timeout=20) as late:
            late.sendall(get("/fault/whole", new_id()) + b"\r\n")
            go_on.touch()
            answers = first.result(timeout=20), late.recv(10_000)
    for answer in answers:
        assert b"200 OK" in answer
        assert b"connection: close" in answer


@pytest.mark.parametrize("path", ["/fault/large", "/fault/broken"])
def test_nothing_outside_a_request_has_an_id(tmp_path, path):
    """What uvicorn logs when it stops, after a client left or a body failed, is of no request."""
    request_id = new_id()
    with started("uvicorn", tmp_path) as server:
        data = get(path, request_id) + b"Connection: close\r\n\r\n"
        send(server, data, read=100, reset=path == "/fault/large")
        server.lines_of(request_id)
    stopped = [line for line in server.logs.lines() if "Shutting" in line.get("message", "")]
    assert stopped
    assert {line["request_id"] for line in stopped} == {None}


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("charset", ["hex", "rot13", "base64", "undefined"])
def test_a_charset_that_is_none_is_a_bad_request(server: Server, charset, method):
    request_id = new_id()
    kind = f"application/x-www-form-urlencoded; charset={charset}"
    headers = {"Content-Type": kind, "X-Request-ID": request_id}
    answer = server.ask("/api/products/?a=1", method, "a=1", headers)
    check_answer(server, answer.headers["X-Request-ID"], request_id, answer.status, 400)


def test_a_header_that_cannot_be_sent_is_a_crash_with_an_id(server: Server):
    request_id = new_id()
    answer = server.ask("/fault/header", headers={"X-Request-ID": request_id})
    check_answer(server, answer.headers["X-Request-ID"], request_id, answer.status, 500)
    (error,) = failures(server.lines_of(request_id))
    assert "Traceback" in error["exception"]["stacktrace"]


def check_answer(server: Server, got: str, wanted: str, status: int, expected: int) -> None:
    """Hold an answer, its id, and its one end against what was wanted."""
    assert (status, got) == (expected, wanted)
    ended = [line for line in server.lines_of(wanted) if line["event"] == "request_finished"]
    assert [line["payload"]["status"] for line in ended] == [expected]


def test_without_a_proxy_no_header_says_who_asks_for_what(server: Server):
    """Both servers believe a peer at 127.0.0.1 by themselves; a header moved gunicorn's path."""
    request_id = new_id()
    forged = {"X-Forwarded-For": "6.6.6.6", "X-Forwarded-Proto": "https", "SCRIPT_NAME": "/x"}
    answer = server.ask("/x/admin/login/", headers=forged | {"X-Request-ID": request_id})
    assert answer.status == 404
    (ended,) = (line for line in server.lines_of(request_id) if line["event"] == "request_finished")
    assert (ended["payload"]["ip"], ended["payload"]["path"]) == ("127.0.0.1", "/x/admin/login/")


@pytest.mark.parametrize(("kind", "workers"), [("gunicorn", 2), ("uvicorn", 1)])
def test_a_misspelt_level_is_one_warning_of_each_worker(tmp_path, kind, workers):
    with started(kind, tmp_path, workers, LOG_LEVEL="LOUD") as server:
        wait_for(lambda: server.logs.text().count('"event":"wrong_setting"') >= workers)
    warnings = [line for line in server.logs.lines() if line["event"] == "wrong_setting"]
    assert len(warnings) == len({line["pid"] for line in warnings}) == workers
    for line in warnings:
        assert line["level"] == "WARNING"
        assert "LOG_LEVEL" in line["payload"]["problem"]
        assert "LOUD" in line["payload"]["problem"]
        assert "DEBUG" in line["payload"]["fix"]
    assert parsed(server.console())


def test_a_body_that_fails_before_its_beginning_says_the_status_that_was_sent(server: Server):
    request_id = new_id()
    data = get("/fault/failing-at-once", request_id) + b"Connection: close\r\n\r\n"
    answer = send(server, data)
    lines = server.lines_of(request_id)
    (ended,) = (line for line in lines if line["event"] == "request_finished")
    assert str(ended["payload"]["status"]).encode() == answer.split()[1]
    assert request_id.encode() in answer
