"""What grows: the number of processes that write one file."""

import time
from pathlib import Path
from typing import Any

from .turns import Pace, Rounds, Worker
from .workshop import Workshop


def run(workshop: Workshop, pace: Pace, memory: Path) -> dict[str, Any]:
    """Count the lines that 1 to 8 processes write in a second."""
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
    return {"written": written}


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
