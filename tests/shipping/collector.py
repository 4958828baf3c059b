"""Runs Fluent Bit and rsyslog on a rendered configuration, and writes the log that they read."""

import json
import os
import re
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import BakedProject

from .receivers import SECRET, Receiver

NOT_PROVEN = "not proven: no fluent-bit was found on PATH or in FLUENT_BIT"


def fluent_bit() -> str:
    """Return the path of Fluent Bit; skip the test where there is none."""
    found = os.environ.get("FLUENT_BIT") or shutil.which("fluent-bit")
    if not found:
        pytest.skip(NOT_PROVEN)
    return found


@dataclass
class Collector:
    """A process that ships a log; what it printed is in a file."""

    command: list[str]
    environment: dict[str, str]
    folder: Path
    kills: bool = False
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it."""
        with (self.folder / "collector.out").open("ab") as output:
            self.process = subprocess.Popen(
                self.command, env=self.environment, stdout=output, stderr=output, cwd=self.folder
            )

    def end(self, sent: signal.Signals = signal.SIGTERM) -> int:
        """Send it a signal, wait for its end, and return its exit code; 0 when it had ended.

        With `kills`, one that hangs is killed in the end, as systemd does with a service.
        """
        process, self.process = self.process, None
        if not process:
            return 0
        process.send_signal(sent)
        try:
            return process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            if self.kills:
                return process.wait()
            raise

    def printed(self) -> str:
        """Return what it printed."""
        return (self.folder / "collector.out").read_text(encoding="utf-8", errors="replace")


@contextmanager
def running(
    project: BakedProject, receiver: Receiver, certificate: Path, folder: Path, logs: Path
) -> Iterator[Collector]:
    """Run Fluent Bit with its state in `folder`, reading `logs` and shipping to the receiver."""
    name = receiver.name.upper()
    variables = {
        **{name: value for name, value in os.environ.items() if not name.startswith("LOG_")},
        "LOG_DIR": str(logs),
        "STATE_DIR": str(folder / "state"),
        "LOG_ENV": "test",
        f"{name}_HOST": "localhost",
        f"{name}_PORT": str(receiver.port),
        "CA_FILE": str(certificate),
        "CONTAINER_LOGS": str(logs / "containers" / "*.log"),
        "HOSTNAME": "shop-1",
        "LOKI_USER": "writer",
        "LOKI_PASSWORD": SECRET,
        "ELASTICSEARCH_API_KEY": SECRET,
        "DATADOG_API_KEY": SECRET,
        "SPLUNK_TOKEN": SECRET,
        "OTLP_AUTHORIZATION": f"Bearer {SECRET}",
    }
    (folder / "state").mkdir(parents=True, exist_ok=True)
    command = [fluent_bit(), "--config", str(project.path / "deploy" / "fluent-bit.yaml")]
    collector = Collector(command, variables, folder)
    collector.start()
    try:
        yield collector
    finally:
        collector.end(signal.SIGKILL)


# The log


def example_lines(catalogue: str) -> list[dict[str, Any]]:
    """Return the lines that docs/logging.md shows, one for each event."""
    blocks = re.findall(r"```json\n(.*?)```", catalogue, re.DOTALL)
    return [json.loads(line) for block in blocks for line in block.splitlines()]


@dataclass
class Writer:
    """Writes numbered lines from a thread, and rotates the file by renaming as logrotate does."""

    folder: Path
    examples: list[dict[str, Any]]
    rotate_after: int = 2_000
    per_second: int = 1_000
    written: int = 0
    _ended: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> "Writer":
        """Begin."""
        self._thread = threading.Thread(target=self._write)
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        """End, after the line that is being written."""
        self._ended.set()
        self._thread.join()

    def _write(self) -> None:
        while not self._ended.wait(0.05):
            with (self.folder / "app.json.log").open("ab", buffering=0) as file:
                for _ in range(self.per_second // 20):
                    file.write(self.line(self.written))
                    self.written += 1
                    if self.written % self.rotate_after == 0:
                        break
            if self.written % self.rotate_after == 0:
                self._rotate()

    def line(self, number: int) -> bytes:
        """Return the line of a number: an event of the catalogue, with the number in it."""
        example = self.examples[number % len(self.examples)]
        seconds, rest = divmod(time.time_ns() // 1_000, 1_000_000)
        now = f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{rest:06}Z"
        line = example | {"timestamp": now, "payload": example["payload"] | {"number": number}}
        return json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"

    def _rotate(self) -> None:
        # As many as there will be: what rotation deletes, nobody can ship.
        ends = ["", *(f".{number}" for number in range(1, 100))]
        names = [self.folder / f"app.json.log{end}" for end in ends]
        for older, newer in zip(names[:0:-1], names[-2::-1], strict=True):
            if newer.exists():
                newer.rename(older)
