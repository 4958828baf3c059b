"""Asks the candidates in turn: short blocks, process by process, round after round."""

import json
import os
import subprocess
import weakref
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from .workshop import Workshop

Rounds = dict[str, list[float]]  # seconds of one call in each round, by `candidate/task`


class Pace(NamedTuple):
    """How much is measured: rounds, CPU seconds of a block, and sizes."""

    rounds: int
    block: float
    few_rounds: int  # of what takes seconds
    lines: int
    requests: int  # in a row, through a server


PACES = {
    "tiny": Pace(1, 0.0002, 1, 2_000, 10),
    "fast": Pace(12, 0.005, 2, 40_000, 50),
    "full": Pace(60, 0.01, 5, 100_000, 150),
}


class Worker:
    """One candidate in a process of its own, which ends with this object; see `worker`."""

    def __init__(self, workshop: Workshop, kind: str, name: str, folder: Path) -> None:
        """Start the process and wait until it is set up: it says which tasks it has."""
        folder.mkdir(exist_ok=True)
        self.folder, self._errors = folder, workshop.folder / "stderr.txt"
        command = [workshop.python, "-m", f"{__package__}.worker", kind, name, str(folder)]
        env = workshop.environment(**served(name, folder) if kind == "request" else {})
        pipe = subprocess.PIPE
        with self._errors.open("ab") as errors:
            self._process = subprocess.Popen(
                command, stdin=pipe, stdout=pipe, stderr=errors, text=True, env=env
            )
        weakref.finalize(self, self._process.kill)
        self.started: Any = self.answer()

    def send(self, command: str) -> None:
        """Send a command, whose answer is taken later."""
        print(command, file=self._process.stdin, flush=True)

    def answer(self) -> Any:
        """Return the answer to a command."""
        assert self._process.stdout
        if line := self._process.stdout.readline():
            return json.loads(line)
        said = self._errors.read_text(encoding="utf-8", errors="replace")[-2_000:]
        raise RuntimeError(f"{self.folder.name} has ended: {said}")

    def block(self, task: str, calls: int) -> float:
        """Return the CPU seconds of so many calls, in empty files: memory never used is slow."""
        self.send(f"clear\nrun {calls} {task}")
        self.answer()
        return float(self.answer())

    def lines(self) -> int:
        """Return how many lines its files have."""
        return sum(path.read_bytes().count(b"\n") for path in self.folder.glob("*.log"))

    def megabytes(self) -> float:
        """Return the memory of the process, without the files that it maps."""
        status = Path(f"/proc/{self._process.pid}/status").read_text(encoding="ascii")
        return int(status.partition("RssAnon:")[2].split()[0]) / 1024


def served(peer: str, folder: Path) -> dict[str, str]:
    """Return the environment in which a peer's API is served from a folder of its own."""
    settings = {"DJANGO_SETTINGS_MODULE": f"{__package__}.served", "BENCHMARK_PEER": peer}
    settings |= {"DEBUG": "False", "THROTTLE_ANONYMOUS": "", "LOG_DIR": str(folder)}
    settings |= {"DATABASE_URL": f"sqlite:///{folder / 'db.sqlite3'}"}
    settings |= {"LOG_HANDLERS": "console,file,error_file", "OTEL_PYTHON_LOG_CORRELATION": "true"}
    collector = os.environ.get("DEAD_COLLECTOR" if peer == "project_dead" else "COLLECTOR", "")
    settings |= {"OTEL_EXPORTER_OTLP_ENDPOINT": collector, "OTEL_LOGS_EXPORTER": "none"}
    settings |= {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}
    silent = {"LOG_LEVEL": "CRITICAL", "LOG_ERROR_LEVEL": "CRITICAL"}
    return settings | (silent if peer == "project_silent" else {})


def measure(workers: Mapping[str, Worker], pace: Pace) -> Rounds:
    """Return the seconds of every task of every candidate, asked in turn."""
    tasks = dict.fromkeys(task for worker in workers.values() for task in worker.started)
    order = [(task, name) for task in tasks for name in workers if task in workers[name].started]
    calls = {block: _calls(workers[block[1]], block[0], pace.block) for block in order}
    rounds: Rounds = {f"{name}/{task}": [] for task, name in order}
    for number in range(pace.rounds):
        for task, name in reversed(order) if number % 2 else order:
            seconds = workers[name].block(task, calls[task, name])
            rounds[f"{name}/{task}"].append(seconds / calls[task, name])
    return rounds


def _calls(worker: Worker, task: str, block: float) -> int:
    """Return how many calls make a block of about this many seconds."""
    worker.block(task, 20)  # the first call opens files and imports: it says nothing of the others
    calls = 1
    while (seconds := worker.block(task, calls)) < block / 2:
        calls *= 4
    return max(1, round(calls * block / seconds))


def ratio(rounds: Rounds, key: str) -> float:
    """Return the median of the ratios of two, `one ÷ other`, round by round."""
    one, other = (rounds[name] for name in key.split(" ÷ "))
    return median(a / b for a, b in zip(one, other, strict=True))
