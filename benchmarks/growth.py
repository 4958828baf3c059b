"""What grows: the number of processes that write one file, the files that are searched."""

import json
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

from . import project
from .peers import EVENT, SEVEN
from .turns import Pace, Rounds, Worker
from .workshop import Workshop

_FILE = 50_000_000  # bytes of one file of the set that is searched
_SEARCHED = "searched-0123456789"


def run(workshop: Workshop, pace: Pace, memory: Path) -> dict[str, Any]:
    """Measure both."""
    written: Rounds = {}
    writers = {
        peer: [Worker(workshop, "events", peer, memory / f"written-{peer}") for _ in range(8)]
        for peer in ("project", "floor")
    }
    for _ in range(pace.few_rounds):
        for count in (1, 2, 4, 8):
            for peer, workers in writers.items():
                rate = _lines_per_second(workers[:count], pace.lines // count)
                written.setdefault(f"{peer}/{count}", []).append(rate)
    return {"written": written, "searched": _search(workshop, pace.megabytes)}


def _lines_per_second(workers: list[Worker], share: int) -> float:
    """Return how many lines a second these processes write into one file, a share of lines each."""
    workers[0].block("7 keys", 1)
    started = time.perf_counter()
    for worker in workers:
        worker.send(f"run {share} 7 keys")
    for worker in workers:
        worker.answer()
    seconds, lines = time.perf_counter() - started, share * len(workers)
    assert workers[0].lines() == lines + 1, workers[0].lines()
    return lines / seconds


def _search(workshop: Workshop, megabytes: int) -> dict[str, float]:
    """Return the seconds that `manage.py logs --request-id` and grep take for as many files."""
    folder = workshop.new_folder("searched")
    count = max(1, megabytes * 1_000_000 // _FILE)
    for number in range(count):
        name = f"{project.LOG_FILE}.{number}" if number else project.LOG_FILE
        _write(folder / name, count - number, megabytes * 1_000_000 // count)
    manage = str(workshop.project / "manage.py")
    logs = [workshop.python, manage, "logs", "--request-id", _SEARCHED]
    grep = ["grep", "--no-filename", "--fixed-strings", _SEARCHED, *map(str, folder.iterdir())]
    seconds: dict[str, float] = {"megabytes": megabytes}
    found: dict[str, int] = {}
    environment = workshop.environment(LOG_DIR=str(folder))
    for name, command in (("warm", grep), ("grep", grep), ("logs", logs)):
        started = time.perf_counter()
        answer = subprocess.run(command, check=True, env=environment, capture_output=True)
        seconds[name] = time.perf_counter() - started
        found[name] = answer.stdout.count(b"\n")
    assert found["grep"] == found["logs"] > 0, found
    shutil.rmtree(folder)
    return seconds


def _write(path: Path, day: int, size: int) -> None:
    """Write one file of a rotated set: the lines of one day, some of them searched for."""
    rest = json.dumps({"event": EVENT, "payload": SEVEN}, separators=(",", ":"))[1:]
    with path.open("w", encoding="utf-8") as file:
        for number in range(size // 330):  # bytes of a line
            request_id = f"d3b7e8f4-{number:016x}" if number % 36_000 != 1 else _SEARCHED
            clock = f"{number // 36_000 % 24:02}:{number // 600 % 60:02}:{number // 10 % 60:02}"
            file.write(
                f'{{"timestamp":"2026-11-{day:02}T{clock}.{number % 10}00000Z","level":"INFO",'
                f'"logger":"{project.LOGGER}","request_id":"{request_id}",{rest}\n'
            )
