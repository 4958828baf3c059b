"""What grows: the number of processes that write one file, the files that are searched."""

import os
import subprocess
import sys
import time
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import orjson

from .payloads import SEVEN
from .peers import EVENT, LOGGER, PEERS
from .workshop import Workshop

PROCESSES = (1, 2, 4, 8)
_FILE = 50_000_000  # bytes of one file of the set that is searched
_SEARCHED = "searched-0123456789"


def lines_per_second(peer: str, processes: int, lines: int, folder: Path) -> float:
    """Return how many lines so many processes write into one file in a second."""
    context = get_context("spawn")
    barrier = context.Barrier(processes + 1)
    share = lines // processes
    writers: list[Any] = [
        context.Process(target=_write, args=(peer, share, folder, barrier))
        for _ in range(processes)
    ]
    for writer in writers:
        writer.start()
    barrier.wait(60)
    started = time.perf_counter()
    barrier.wait(300)
    seconds = time.perf_counter() - started
    for writer in writers:
        writer.join(60)
    written = sum(path.read_bytes().count(b"\n") for path in folder.glob("*.log"))
    assert written == (share + 1) * processes, f"{written} lines of {(share + 1) * processes}"
    return share * processes / seconds


def _write(peer: str, lines: int, folder: Path, barrier: Barrier) -> None:
    emit = PEERS[peer].set_up(folder)
    emit(SEVEN)
    barrier.wait(60)
    for _ in range(lines):
        emit(SEVEN)
    barrier.wait(300)


def search(workshop: Workshop, megabytes: int) -> dict[str, float]:
    """Return the seconds that `manage.py logs --request-id` and grep take for as many files."""
    folder = workshop.new_folder("searched")
    _write_files(folder, megabytes * 1_000_000)
    environment = workshop.environment(LOG_DIR=str(folder))
    logs = [sys.executable, str(workshop.project / "manage.py"), "logs", "--request-id", _SEARCHED]
    grep = ["grep", "--no-filename", "--fixed-strings", _SEARCHED, *map(str, folder.iterdir())]
    seconds: dict[str, float] = {}
    found: dict[str, int] = {}
    for name, command in (("warm", grep), ("grep", grep), ("logs", logs)):
        started = time.perf_counter()
        answer = subprocess.run(command, check=True, env=environment, capture_output=True)
        seconds[name] = time.perf_counter() - started
        found[name] = answer.stdout.count(b"\n")
    assert found["grep"] == found["logs"] > 0, found
    for path in folder.iterdir():
        path.unlink()
    return seconds


def _write_files(folder: Path, size: int) -> None:
    """Write a rotated set of files, the oldest lines in the highest number, an id in each."""
    count = max(1, -(-size // _FILE))
    each = size // count
    for number in range(count):
        name = f"app.json.log.{number}" if number else "app.json.log"
        day = count - number
        with (folder / name).open("wb") as file:
            written = 0
            while written < each:
                block = _block(day, written)
                written += file.write(block[: block.rindex(b"\n", 0, each - written + 400) + 1])


def _block(day: int, seed: int) -> bytes:
    """Return some ten megabytes of lines with ids of their own, one of them searched for."""
    year, month, date = 2020 + day // 336, day // 28 % 12 + 1, day % 28 + 1
    hour = seed // 10_000_000 % 24
    lines = []
    for number in range(36_000):
        request_id = _SEARCHED if number == 100 else f"{os.getpid():08x}-{seed + number:016x}"
        lines.append(
            orjson.dumps(
                {
                    "timestamp": f"{year}-{month:02}-{date:02}T{hour:02}:"
                    f"{number // 600:02}:{number // 10 % 60:02}.{number % 10}00000Z",
                    "level": "INFO",
                    "logger": LOGGER,
                    "request_id": request_id,
                    "event": EVENT,
                    "payload": SEVEN,
                }
            )
        )
    return b"\n".join(lines) + b"\n"
