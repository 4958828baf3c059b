"""Processes are killed or restarted under load: what was logged is on disk."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from .harness import Project, Server, figures, new_id, read_log, tally, wait_until

pytestmark = pytest.mark.long

KILLS = 50


@pytest.mark.parametrize("rotation", ["logrotate", "size"])
def test_writers_killed_in_the_middle_of_a_line(
    project: Project, tmp_path: Path, rotation: str
) -> None:
    logs = tmp_path / "logs"
    ended = project.python(
        *("-m", "stress.write", "kill", "4", str(KILLS)),
        cwd=tmp_path,
        env={
            "PYTHONPATH": str(project.path),
            "LOG_HANDLERS": "file",
            "LOG_DIR": str(logs),
            "LOG_ROTATION": rotation,
            "STRESS_FILES": "100",
        },
    )
    assert ended.returncode == 0
    log = read_log(logs, "app.json.log")
    acknowledged = {
        (int(path.suffix[1:]), int(number))
        for path in tmp_path.glob("acknowledged.*")
        for number in path.read_text().split("\n")[:-1]
    }
    found = {(each["process"], each["number"]) for each in log.payloads("stress_line")}
    lost = len(acknowledged - found)
    figures(
        f"{KILLS} writers killed, {rotation}",
        acknowledged=len(acknowledged),
        lost=lost,
        unfinished_lines_of_the_killed=len(log.torn),
    )
    assert len(acknowledged) > KILLS
    assert lost == 0
    # What a killed process had begun ends where it ends: no line of another is glued to it.
    assert len(log.torn) <= KILLS + 4
    assert not [text for text in log.torn if text.count('{"timestamp":') > 1]
    assert project.refused_by_schema(log) == ""


@pytest.mark.parametrize("rotation", ["logrotate", "size"])
def test_workers_killed_in_the_middle_of_requests(
    project: Project, tmp_path: Path, rotation: str
) -> None:
    acknowledged = tmp_path / "acknowledged"
    env = {
        "LOG_DIR": str(tmp_path / "logs"),
        "LOG_ROTATION": rotation,
        "STRESS_ACKNOWLEDGED": str(acknowledged),
    }
    with (
        project.server("gunicorn", tmp_path, env) as server,
        load(server, "/stress/events?size=60000") as sent,
    ):
        for _ in range(10):
            victim = server.workers()[0]
            os.kill(victim, signal.SIGKILL)
            wait_until(lambda: victim not in server.workers(), what="the worker is reaped")  # noqa: B023
            wait_until(lambda: len(server.workers()) == 2, what="another is started")
            answers_more(sent, 40)
    said = {text.split("\n")[0] for text in acknowledged.read_text().splitlines()}
    log = read_log(tmp_path / "logs", "app.json.log")
    for event in ("stress_event", "stress_error"):
        found = [payload["wanted"] for payload in log.payloads(event)]
        lost = said - set(found)
        figures(
            f"10 workers killed, {rotation}, {event}",
            requests=len(sent),
            acknowledged=len(said),
            lost=len(lost),
            unfinished_lines_of_the_killed=len(log.torn),
        )
        assert len(said) > 50
        assert not lost
        assert len(found) == len(set(found))
    assert len(log.torn) <= 10
    assert project.refused_by_schema(log) == ""


@pytest.mark.parametrize("rotation", ["logrotate", "size"])
def test_restarts_under_load(project: Project, tmp_path: Path, rotation: str) -> None:
    env = {"LOG_DIR": str(tmp_path / "logs"), "LOG_ROTATION": rotation}
    with project.server("gunicorn", tmp_path, env) as server, load(server) as sent:
        for _ in range(4):
            before = server.workers()
            server.process.send_signal(signal.SIGHUP)
            wait_until(lambda: not set(before) & set(server.workers()), what="new workers")  # noqa: B023
            answers_more(sent, 60)
        unanswered_before = [each for each, status in sent.items() if status is None]
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(timeout=30) == 0
    answered = [each for each, status in sent.items() if status == 200]
    wrong = [status for status in sent.values() if status not in (200, None)]
    for name, event in (("app.json.log", "stress_event"), ("errors.json.log", "stress_error")):
        log = read_log(tmp_path / "logs", name)
        found = [payload["wanted"] for payload in log.payloads(event)]
        counted = tally([each for each in found if sent.get(each) == 200], answered)
        counted |= {"torn": len(log.torn)}
        figures(
            f"4 SIGHUP and a SIGTERM, {rotation}, {name}",
            **counted,
            answered_wrongly=len(wrong),
            unanswered_at_SIGHUP=len(unanswered_before),
        )
        assert counted == {"written": len(answered), "lost": 0, "duplicated": 0, "torn": 0}
        assert project.refused_by_schema(log) == ""
    assert len(answered) > 200
    assert not wrong
    assert not unanswered_before
    assert not [text for text in server.stderr().splitlines() if "log_write_failed" in text]


def answers_more(sent: dict[str, int | None], requests: int) -> None:
    """Wait until that many more requests have been answered."""

    def answered() -> int:
        return list(sent.values()).count(200)

    before = answered()
    wait_until(lambda: answered() >= before + requests, seconds=60, what="the load goes on")


@contextmanager
def load(server: Server, path: str = "/stress/events") -> Iterator[dict[str, int | None]]:
    """Let eight clients ask again and again; yields their request ids, with the status of each.

    None stands for a connection that was refused or reset before an answer began. An answer
    with another id, or a body that is cut off, counts as status 0.
    """
    sent: dict[str, int | None] = {}
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            wanted = new_id()
            try:
                answer = server.get(path, wanted)
                right = answer.request_id == wanted == answer.json()["id"]
                sent[wanted] = answer.status if right else 0
            except ConnectionError:
                sent[wanted] = None
                time.sleep(0.01)
            except Exception:
                sent[wanted] = 0

    clients = [threading.Thread(target=ask, daemon=True) for _ in range(8)]
    for client in clients:
        client.start()
    try:
        yield sent
    finally:
        stop.set()
        for client in clients:
            client.join(30)
