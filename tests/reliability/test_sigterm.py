"""A server is told to stop under load: what it has begun, it ends, answers and logs."""

import http.client
import signal
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from .harness import Project, Server, figures, new_id, read_log, wait_until

pytestmark = pytest.mark.long

CLIENTS = 24
PATHS = ("/stress/sync", "/stress/stream", "/stress/upload")
STREAMED = 5 * 20_000


@dataclass
class Load:
    """What many clients got, by the id of each request."""

    server: Server
    whole: list[str] = field(default_factory=list)
    cut: dict[str, str] = field(default_factory=dict)  # an answer that began, or a wrong one
    refused: dict[str, float] = field(default_factory=dict)  # and when that was
    closed: dict[str, float] = field(default_factory=dict)  # without an answer, and when
    stop: threading.Event = field(default_factory=threading.Event)

    def client(self, number: int) -> None:
        """Ask again and again; every other client keeps its connection."""
        keeps = bool(number % 2)
        connection: http.client.HTTPConnection | None = None
        turn = number
        while not self.stop.is_set():
            connection = connection or http.client.HTTPConnection(
                "127.0.0.1", self.server.port, timeout=20
            )
            turn += 1
            if not self._ask(connection, PATHS[turn % len(PATHS)], keeps) or not keeps:
                connection.close()
                connection = None

    def _ask(self, connection: http.client.HTTPConnection, path: str, keeps: bool) -> bool:
        """Ask once; say whether the connection can be used again."""
        wanted = new_id()
        headers = {"X-Request-ID": wanted} | ({} if keeps else {"Connection": "close"})
        body = b"x" * 50_000 if path == "/stress/upload" else None
        try:
            connection.request("GET", path, body, headers)
            response = connection.getresponse()
        except ConnectionError as error:
            is_refusal = isinstance(error, ConnectionRefusedError)
            (self.refused if is_refusal else self.closed)[wanted] = time.monotonic()
            time.sleep(0.01)
            return False
        except OSError as error:
            self.cut[wanted] = repr(error)
            return False
        try:
            data = response.read()
            size = len(data) if path == "/stress/stream" else STREAMED
            assert (response.status, response.headers["X-Request-ID"]) == (200, wanted)
            assert size == STREAMED
        except Exception as error:
            self.cut[wanted] = repr(error)
            return False
        self.whole.append(wanted)
        return not response.will_close


@pytest.mark.parametrize(
    ("kind", "processes"), [("gunicorn", "2"), ("uvicorn", "1"), ("uvicorn", "2")]
)
def test_a_stop_under_load_loses_no_request_and_no_line(
    project: Project, tmp_path: Path, kind: str, processes: str
) -> None:
    env = {"LOG_DIR": str(tmp_path / "logs"), "LOG_HANDLERS": "file", "WEB_CONCURRENCY": processes}
    with project.server(kind, tmp_path, env) as server:
        load = Load(server)
        threads = [
            threading.Thread(target=load.client, args=(number,), daemon=True)
            for number in range(CLIENTS)
        ]
        for thread in threads:
            thread.start()
        wait_until(lambda: len(load.whole) > 300, seconds=60, what="the load goes on")
        stopped = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        ended = server.process.wait(timeout=40)
        load.stop.set()
        for thread in threads:
            thread.join(30)
    finished = Counter(
        line["request_id"]
        for line in read_log(tmp_path / "logs", "app.json.log").lines
        if line["event"] == "request_finished"
    )
    unanswered = load.refused | load.closed
    early = [each for each, when in unanswered.items() if when < stopped]
    begun = [each for each in unanswered if each in finished]
    wrong = {each: finished[each] for each in load.whole if finished[each] != 1}
    figures(
        f"SIGTERM, {kind} with {processes}",
        answered=len(load.whole),
        cut=len(load.cut),
        without_their_one_line=len(wrong),
        refused=len(load.refused),
        closed_unanswered=len(load.closed),
        of_those_before_the_signal=len(early),
        of_those_begun=len(begun),
    )
    assert load.cut == {}
    assert wrong == {}
    assert early == []
    assert begun == []
    assert ended in (0, -signal.SIGTERM)  # uvicorn ends by the signal itself
