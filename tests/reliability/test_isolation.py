"""Concurrent requests, some of them cut off: every line has its own request's id and user."""

import http.client
import random
import re
import socket
import struct
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest

from .harness import Line, Project, Server, figures, in_threads, new_id, read_log

pytestmark = pytest.mark.long

CLIENTS = 50
REQUESTS = 20  # of each client
WANTED = re.compile(r"want-[0-9a-f]{32}")
# With the first digit of the status of its answer.
PATHS = {
    "/stress/sync": 2,
    "/stress/async": 2,
    "/stress/events": 2,
    "/stress/stream": 2,
    "/stress/async-stream": 2,
    "/stress/broken-stream": 2,
    "/stress/failing": 5,
    "/stress/async-failing": 5,
    "/stress/nowhere": 4,
    "/api/products/": 4,
}
# Django warns that WSGI has to read an asynchronous body to its end first.
ONLY_ASGI = {"/stress/async-stream"}
BEHAVIOURS = ("whole", "whole", "upload", "hang up", "stranger", "keep alive")


@pytest.mark.parametrize("kind", ["gunicorn", "uvicorn"])
def test_no_line_has_the_id_of_another_request(project: Project, tmp_path: Path, kind: str) -> None:
    logs = tmp_path / "logs"
    paths = [path for path in PATHS if kind == "uvicorn" or path not in ONLY_ASGI]
    done: Counter[str] = Counter()
    answered: dict[str, str] = {}
    with project.server(kind, tmp_path, {"LOG_DIR": str(logs)}) as server:

        def client(number: int) -> None:
            chance = random.Random(number)
            for _ in range(REQUESTS):
                wanted, path = new_id(), chance.choice(paths)
                behaviour = chance.choice(BEHAVIOURS)
                done[behaviour] += 1
                if behaviour == "hang up":
                    hang_up(server, path, wanted, after=chance.choice([0.0, 0.005]))
                elif behaviour == "stranger":
                    stranger(server, path, wanted, pipelined=chance.choice([False, True]))
                elif behaviour == "keep alive":
                    answered.update(keep_alive(server, chance, paths))
                elif behaviour == "upload":
                    answer = server.get(
                        "/stress/upload",
                        wanted,
                        method="POST",
                        body=bytes(chance.randrange(300_000)),
                    )
                    answered[wanted] = str(answer.request_id)
                elif path == "/stress/broken-stream":
                    with suppress(http.client.HTTPException, ConnectionError):
                        server.get(path, wanted)
                else:
                    answer = server.get(path, wanted)
                    assert answer.status // 100 == PATHS[path], answer
                    answered[wanted] = str(answer.request_id)

        in_threads(CLIENTS, client)
    log = read_log(logs, "app.json.log")
    ours = [line for line in log.lines if is_of_a_request(line)]
    missing = [line for line in ours if line["request_id"] is None]
    strangers = [line for line in ours if not is_of_its_user(line)]
    refused = [line for line in log.lines if "Invalid" in line.get("message", "")]
    named = [line for line in refused if line["request_id"] or "user_id" in line]
    foreign = [text for text in log.texts if ids_in(text) - {own_id(text)}]
    swapped = [wanted for wanted, got in answered.items() if wanted != got]
    steps = Counter(line["request_id"] for line in ours)
    silent = [wanted for wanted in answered if not steps[wanted]]
    ends = Counter(line["request_id"] for line in log.lines if line["event"] == "request_finished")
    endless = [wanted for wanted in steps if ends[wanted] != 1]
    figures(
        f"isolation, {kind}, {CLIENTS} clients",
        requests=done.total(),
        cut_off=done["hang up"],
        lines_with_an_id=len(ours),
        without=len(missing),
        foreign_or_stale=len(foreign),
        another_user=len(strangers),
        without_one_end=len(endless),
        strangers_refused=len(refused),
        strangers_with_an_id=len(named),
        torn=len(log.torn),
    )
    assert done["hang up"] > 50
    assert len(refused) > 50
    assert (missing, foreign, swapped, silent, log.torn) == ([], [], [], [], [])
    assert (strangers, endless, named) == ([], [], [])
    assert project.refused_by_schema(log) == ""


def is_of_a_request(line: Line) -> bool:
    """Say whether a line tells of a request, rather than of a server that starts or stops."""
    return bool(WANTED.search(str(line))) or line["event"].startswith("stress_")


def is_of_its_user(line: Line) -> bool:
    """Say whether a line names the user who sent its request; before that is known, nobody."""
    sender = int(str(line["request_id"])[-6:], 16)
    known = line["event"].startswith("stress_")
    return line.get("user_id") in ([sender] if known else [sender, None])


def ids_in(text: str) -> set[str]:
    """Return every request id that a line mentions, in its payload, message or traceback."""
    return set(WANTED.findall(text))


def own_id(text: str) -> str:
    """Return the id that a line says it belongs to."""
    found = re.search(r'"request_id":"([^"]*)"', text)
    return found[1] if found else ""


def hang_up(server: Server, path: str, wanted: str, *, after: float) -> None:
    """Send a request and leave: at once, or after the beginning of the answer."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Request-ID: {wanted}\r\n\r\n"
        connection.sendall(head.encode())
        if after:
            connection.recv(100)
            time.sleep(after)


def stranger(server: Server, path: str, wanted: str, *, pipelined: bool) -> None:
    """Send what is no request: behind a request, or alone once a request's answer was reset."""
    head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Request-ID: {wanted}\r\n\r\n"
    garbage = b"STRANGER\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall(head.encode() + (garbage if pipelined else b""))
        connection.recv(100)
        # Leave by a reset, without waiting for what is still to be sent.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    if not pipelined:
        with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
            connection.sendall(garbage)
            connection.recv(100)


def keep_alive(server: Server, chance: random.Random, paths: list[str]) -> dict[str, str]:
    """Send three requests on one connection, the first with a body; return the ids sent and got."""
    pairs = {}
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    try:
        for number in range(3):
            wanted = new_id()
            path = chance.choice([each for each in paths if "broken" not in each])
            method, body = ("POST", bytes(200_000)) if number == 0 else ("GET", None)
            target = "/stress/upload" if body else path
            try:
                connection.request(method, target, body, {"X-Request-ID": wanted})
                response = connection.getresponse()
            except ConnectionError:
                break  # the server may end an idle connection, also just as we ask again
            response.read()
            pairs[wanted] = str(response.headers["X-Request-ID"])
    finally:
        connection.close()
    return pairs
