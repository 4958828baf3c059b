"""What no well-meaning client sends: a refusal, one shape of error, and nothing that alarms.

Each request is sent byte by byte to gunicorn and to uvicorn, by a stranger and with a token.
"""

import json
import socket
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest

from .support import Line, Server, manage, parsed, running_server, wait_for
from .test_servers import COMMANDS, new_id

PRODUCTS, LOGIN, NOWHERE = "/api/products/", "/api/auth/token/", "/api/nowhere/"
JSON, FORM = "application/json", "application/x-www-form-urlencoded"
LAPTOP: dict[str, Any] = {"name": "Laptop", "stock": 10, "price": "50000.00"}
PROBLEM = {"type", "title", "status", "code", "request_id", "errors"}
HUGE = "9" * 400
KEY = "0123456789abcdef0123456789abcdef01234567"
MAKE_TOKEN = f"""
from django.contrib.auth import get_user_model
from rest_framework.authtoken.models import Token
Token.objects.create(key="{KEY}", user=get_user_model().objects.create_user("ann"))
"""


@dataclass(frozen=True)
class Hostile:
    """A request, and the statuses that may answer it when it comes with a token."""

    statuses: tuple[int, ...]
    path: str = PRODUCTS
    method: str = "GET"
    body: bytes = b""
    headers: str = ""  # lines; a Host of their own takes the place of the good one

    def raw(self, request_id: str, authorization: str) -> bytes:
        """Return the bytes to send."""
        host = "" if "Host:" in self.headers else "Host: 127.0.0.1\r\n"
        sent = f"{self.method} {self.path} HTTP/1.1\r\n{host}{authorization}"
        sent += f"X-Request-ID: {request_id}\r\nConnection: close\r\n"
        if self.body:
            sent += f"Content-Length: {len(self.body)}\r\n"
        lines = "".join(f"{line}\r\n" for line in self.headers.splitlines())
        return (sent + lines + "\r\n").encode("latin-1") + self.body


def posted(*statuses: int, body: bytes, kind: str = JSON, **more: Any) -> Hostile:
    return Hostile(statuses, method="POST", body=body, headers=f"Content-Type: {kind}", **more)


def product(**changes: Any) -> bytes:
    return json.dumps(LAPTOP | changes).encode()


def multipart(fields: int) -> bytes:
    part = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
    return part * fields + b"--x--\r\n"


REQUESTS = {
    # Too much
    "3 MB of JSON": posted(413, body=product(name="x" * 3_000_000)),
    "3 MB at the login": posted(413, body=b"a=" + b"x" * 3_000_000, kind=FORM, path=LOGIN),
    "3 MB in a part": posted(
        413,
        body=b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n' + b"x" * 3_000_000,
        kind="multipart/form-data; boundary=x",
    ),
    "1,500 fields": posted(400, body=b"a=1&" * 1_500, kind=FORM, path=LOGIN),
    "1,500 parts": posted(400, body=multipart(1_500), kind="multipart/form-data; boundary=x"),
    "990 brackets": posted(400, body=b"[" * 990 + b"]" * 990),
    "990 brackets at the login": posted(400, body=b"[" * 990 + b"]" * 990, path=LOGIN),
    "100,000 brackets": posted(400, body=b"[" * 100_000),
    "900 brackets in a field": posted(
        400, body=b'{"name":"a","price":1,"stock":' + b"[" * 900 + b"]" * 900 + b"}"
    ),
    "300 objects within each other": posted(400, body=b'{"a":' * 300 + b"1" + b"}" * 300),
    "a search of 1,500 words": Hostile((200,), PRODUCTS + "?search=" + "a," * 1_500),
    "a word of 3,000 characters": Hostile((200,), PRODUCTS + "?search=" + "a" * 3_000),
    "an order of 1,000 fields": Hostile((200,), PRODUCTS + "?ordering=" + "name," * 700),
    # No JSON, or another than is wanted
    "no JSON": posted(400, body=b"{"),
    "null": posted(400, body=b"null"),
    "a text": posted(400, body=b'"x"'),
    "a list": posted(400, body=b"[]"),
    "an empty object": posted(400, body=b"{}"),
    "no UTF-8": posted(400, body=b'{"name":"\xff\xfe"}'),
    "half a surrogate": posted(400, body=product(name="\ud800")),
    "a NUL in a name": posted(400, body=product(name="a\0b")),
    "a NUL in a form": posted(400, body=b"username=a%00b&password=%00", kind=FORM, path=LOGIN),
    "a name of spaces": posted(400, body=product(name=" \t ")),
    "a name that is an object": posted(400, body=product(name={"a": 1})),
    "a stock that is a text": posted(400, body=product(stock="many")),
    "true for a number": posted(400, body=product(stock=True, price=False)),
    "NaN": posted(400, body=product(stock=float("nan"))),
    "Infinity": posted(400, body=product(price=float("inf"))),
    "NaN as a text": posted(400, body=product(stock="NaN", price="sNaN")),
    "1e400": posted(400, body=b'{"name":"a","stock":1e400,"price":1e400}'),
    "10**400": posted(400, body=product(stock=10**400, price=10**400)),
    "10**5000": posted(400, body=b'{"name":"a","price":1,"stock":1' + b"0" * 5_000 + b"}"),
    "2**63": posted(400, body=product(stock=2**63)),
    # Kinds of content and charsets
    "XML": posted(415, body=b"<a/>", kind="application/xml"),
    "a text/plain": posted(415, body=b"a", kind="text/plain"),
    "no kind": posted(415, body=b"a", kind="x"),
    "half a kind": posted(400, 415, body=b"a", kind=";;=;charset"),
    "no boundary": posted(400, body=multipart(1), kind="multipart/form-data"),
    "a long boundary": posted(
        400, 415, body=multipart(1), kind=f"multipart/form-data; boundary={'x' * 500}"
    ),
    **{
        f"{kind} in {charset}": posted(400, body=body, kind=f"{kind}; charset={charset}")
        for charset in (
            "idna",
            "punycode",
            "hex",
            "bz2",
            "undefined",
            "utf-16",
            "raw-unicode-escape",
        )
        for kind, body in (
            (JSON, product()),
            (FORM, b"name=%ff&a=1"),
            ("multipart/form-data; boundary=x", multipart(1)),
        )
    },
    "a list in hex": Hostile((400,), headers=f"Content-Type: {FORM}; charset=hex"),
    "a search in hex": Hostile(
        (400,), f"{PRODUCTS}?search=a", headers=f"Content-Type: {FORM}; charset=hex"
    ),
    "an unknown charset": posted(400, body=b"{", kind=f"{JSON}; charset=nonsense"),
    # Paths, queries and methods
    "a NUL in a path": Hostile((404,), "/api/products/%00/"),
    "no UTF-8 in a path": Hostile((404,), "/api/products/%ff%fe/"),
    "an id of 400 digits": Hostile((404,), f"{PRODUCTS}{HUGE}/"),
    "an id of 64 bits": Hostile((404,), f"{PRODUCTS}{2**63}/", method="DELETE"),
    **{f"the id {each}": Hostile((404,), f"{PRODUCTS}{each}/") for each in ("-1", "NaN", "1e400")},
    **{
        f"page {page}": Hostile((404,), f"{PRODUCTS}?page={page}")
        for page in ("0", "-1", "NaN", "Infinity", "1e400", "%00", "%ff", HUGE)
    },
    "a NUL in a search": Hostile((400,), f"{PRODUCTS}?search=%00"),
    "a NUL in an order": Hostile((200,), f"{PRODUCTS}?ordering=%00,-price,password"),
    "no UTF-8 in a search": Hostile((200,), f"{PRODUCTS}?search=%ff%fe"),
    "an unknown format": Hostile((404,), f"{PRODUCTS}?format=%00"),
    "a NUL in a version": Hostile((200,), "/api/schema/?version=%00%0d%0a"),
    "a language that is none": Hostile((200,), "/api/schema/?lang=%00../../x"),
    "no such path": Hostile((404,), NOWHERE),
    "a path up": Hostile((404,), "/api/../api/x"),
    **{
        method: Hostile((405,), method=method)
        for method in ("PUT", "DELETE", "PATCH", "TRACE", "PROPFIND")
    },
    # Headers
    **{
        f"the host {host}": Hostile((400,), headers=f"Host: {host}")
        for host in ("elsewhere.example", "127.0.0.1:x", "[::1", "a_b@c")
    },
    **{
        f"the host {host} at no path": Hostile((400,), NOWHERE, headers=f"Host: {host}")
        for host in ("elsewhere.example",)
    },
    "HTML": Hostile((406,), headers="Accept: text/html"),
    "half an Accept": Hostile((200, 406), headers="Accept: ;;=,/,*/*;q=x"),
    "a deep indent": Hostile((200, 406), headers=f"Accept: application/json; indent={HUGE}"),
    "a range": Hostile((200,), headers="Range: bytes=z-,9-1"),
    "a token of two words": Hostile((401,), headers="Authorization: Token a b"),
    "a token that is no ASCII": Hostile((401,), headers="Authorization: Token \xff\xfe"),
    "a long token": Hostile((401,), headers=f"Authorization: Token {'x' * 3_000}"),
    "a session that is none": Hostile(
        (200, 401), headers='Cookie: sessionid="\xff\\000; csrftoken=; ;=;a'
    ),
}


@pytest.fixture(scope="module", params=COMMANDS)
def server(request: pytest.FixtureRequest, tmp_path_factory) -> Iterator[Server]:
    """Return a server that knows one token."""
    folder = tmp_path_factory.mktemp(request.param)
    options = {"DEBUG": "False", "THROTTLE_ANONYMOUS": "100000/minute", "WEB_CONCURRENCY": "1"}
    with running_server(folder, COMMANDS[request.param], **options) as server:
        made = manage(folder, "shell", "-c", MAKE_TOKEN)
        assert made.returncode == 0, made.stderr
        yield server


def exchange(server: Server, sent: bytes) -> tuple[int, str, bytes]:
    """Send bytes, and return the answer's status, its head and its body."""
    answer = b""
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        # A server that has refused a body need not read all of it.
        with suppress(ConnectionError):
            connection.sendall(sent)
        while part := connection.recv(65_536):
            answer += part
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), head.decode("latin-1"), body


def lines_since(server: Server, size: int, request_id: str) -> list[Line]:
    """Return the lines of one request, from where the file was that long, once it has ended."""

    def lines() -> list[Line]:
        with (server.logs.folder / "app.json.log").open("rb") as file:
            file.seek(size)
            text = file.read().decode()
        found = parsed(text) if text.endswith("\n") else []
        found = [line for line in found if line["request_id"] == request_id]
        return found if any(line["event"] == "request_finished" for line in found) else []

    return wait_for(lines)


@pytest.mark.parametrize("who", ["stranger", "ann"])
@pytest.mark.parametrize("name", REQUESTS)
def test_it_is_refused_and_nothing_alarms(server: Server, name: str, who: str):
    hostile, request_id = REQUESTS[name], new_id()
    knows = who == "ann" and "Authorization:" not in hostile.headers
    authorization = f"Authorization: Token {KEY}\r\n" if knows else ""
    size = (server.logs.folder / "app.json.log").stat().st_size
    status, head, body = exchange(server, hostile.raw(request_id, authorization))
    assert status in (hostile.statuses if knows else (*hostile.statuses, 401)), (head, body)
    check_lines(lines_since(server, size, request_id), status)
    if status >= 400:
        assert "application/problem+json" in head
        problem = json.loads(body)
        assert set(problem) == PROBLEM
        assert (problem["status"], problem["request_id"]) == (status, request_id)
        assert all(set(error) == {"code", "detail", "attr"} for error in problem["errors"])
        assert problem["errors"]


def check_lines(lines: list[Line], status: int) -> None:
    """Hold the log against the answer: one status in all events, and no error."""
    assert not [line for line in lines if line["level"] in ("ERROR", "CRITICAL")], lines
    (finished,) = (line for line in lines if line["event"] == "request_finished")
    assert finished["payload"]["status"] == status
    for line in lines:
        assert line["payload"].get("status", status) == status
        assert isinstance(line["payload"].get("codes", {}), dict)


def test_a_crash_of_the_service_is_still_one_error(server: Server):
    request_id = new_id()
    raw = Hostile((500,), "/api/test/drf-crash").raw(request_id, "")
    status, _, body = exchange(server, raw)
    assert (status, json.loads(body)["code"]) == (500, "server_error")
    lines = server.lines_of(request_id)
    (error,) = (line for line in lines if line["level"] == "ERROR")
    assert "Traceback" in error["exception"]["stacktrace"]
