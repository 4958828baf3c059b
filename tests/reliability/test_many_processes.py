"""Many processes write the same files, or one pipe: no line is lost, doubled or torn."""

import os
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from .harness import (
    MAX_LINE_BYTES,
    MAX_PIPE_LINE_BYTES,
    Log,
    Project,
    figures,
    logrotate,
    logrotate_command,
    read_log,
    tally,
)

pytestmark = pytest.mark.long

PROCESSES = 8
LINES = 2000
ROTATIONS = 25  # fewer than the shipped configuration keeps files
NUMBERS = [(process, number) for process in range(PROCESSES) for number in range(LINES)]


def write(project: Project, how: str, **env: str) -> None:
    """Let the processes write; from `fork`, their parent has written a line before."""
    arguments = ("-m", "stress.write", how, str(PROCESSES), str(LINES))
    written = project.python(*arguments, env=env)
    assert (written.returncode, written.stderr) == (0, "")


def numbers(log: Log) -> list[tuple[int, int]]:
    """Return which lines of the eight processes are there."""
    payloads = log.payloads("stress_line")
    found = [(payload["process"], payload["number"]) for payload in payloads]
    return [each for each in found if each[0] < PROCESSES]


def check(project: Project, folder: Path, what: str) -> None:
    """Count what stands in the two files, say so, and hold it against what was written."""
    for name, expected in (
        ("app.json.log", NUMBERS),
        ("errors.json.log", [each for each in NUMBERS if each[1] % 10 == 0]),
    ):
        log = read_log(folder, name)
        counted = tally(numbers(log), expected) | {"torn": len(log.torn)}
        figures(f"{what}, {name}", **counted)
        assert counted == {"written": len(expected), "lost": 0, "duplicated": 0, "torn": 0}
        assert log.longest <= MAX_LINE_BYTES
        assert project.refused_by_schema(log) == ""


@pytest.mark.parametrize("how", ["spawn", "fork"])
def test_files_that_grow(project: Project, tmp_path: Path, how: str) -> None:
    write(project, how, LOG_HANDLERS="file,error_file", LOG_DIR=str(tmp_path))
    check(project, tmp_path, f"8 processes by {how}")


@pytest.mark.parametrize("how", ["spawn", "fork"])
def test_files_that_the_shipped_logrotate_renames(
    project: Project, tmp_path: Path, how: str
) -> None:
    for path in project.log_dir.iterdir():
        path.unlink()
    config = project.path / "deploy" / "logrotate.conf"
    with rotating(config, tmp_path / "state", project.log_dir) as rotations:
        write(project, how, LOG_HANDLERS="file,error_file", STRESS_PAUSE="0.002")
    assert len(rotations) >= 5
    assert list(project.log_dir.glob("app.json.log.*.gz"))
    figures(f"logrotate, 8 processes by {how}", rotations=len(rotations))
    check(project, project.log_dir, f"8 processes by {how}, logrotate")


@contextmanager
def rotating(config: Path, state: Path, folder: Path) -> Iterator[list[int]]:
    """Let logrotate rotate again and again; the list tells how often it did."""
    stop, rotations = threading.Event(), list[int]()

    def rotate() -> None:
        while not stop.wait(0.25) and len(rotations) < ROTATIONS:
            if list(folder.glob("*.json.log")):  # the writers have started
                logrotate(config, state)
                rotations.append(len(rotations))

    thread = threading.Thread(target=rotate, daemon=True)
    thread.start()
    try:
        yield rotations
    finally:
        stop.set()
        thread.join(30)


@pytest.mark.parametrize("how", ["spawn", "fork"])
def test_files_that_rotate_by_size(project: Project, tmp_path: Path, how: str) -> None:
    small = {"STRESS_MAX_FILE_BYTES": "2000000", "STRESS_FILES": "200"}
    env = {"LOG_HANDLERS": "file,error_file", "LOG_DIR": str(tmp_path), "LOG_ROTATION": "size"}
    write(project, how, **env, **small)
    rotated = len(list(tmp_path.glob("app.json.log.*")))
    assert rotated >= 10
    figures(f"size, 8 processes by {how}", rotations=rotated)
    check(project, tmp_path, f"8 processes by {how}, size")


def unix_socket() -> tuple[int, int]:
    """Return the two ends of a Unix socket, as systemd gives a service for its journal."""
    ends = socket.socketpair()
    return ends[0].detach(), ends[1].detach()


@pytest.mark.parametrize(
    ("opened", "longest"),
    [
        pytest.param(os.pipe, MAX_PIPE_LINE_BYTES, id="pipe"),
        pytest.param(unix_socket, 32_768, id="socket"),
    ],
)
def test_one_output(project: Project, opened: Callable[[], tuple[int, int]], longest: int) -> None:
    read_end, write_end = opened()
    received = bytearray()

    def receive() -> None:
        with open(read_end, "rb", buffering=0) as console:  # noqa: PTH123 - a descriptor
            while part := console.read(1 << 16):
                received.extend(part)

    reader = threading.Thread(target=receive, daemon=True)
    reader.start()
    arguments = ("-m", "stress.write", "spawn", str(PROCESSES), str(LINES))
    try:
        written = project.python(*arguments, env={"LOG_HANDLERS": "console"}, stdout=write_end)
    finally:
        os.close(write_end)
        reader.join(30)
    assert written.returncode == 0
    log = Log()
    log.add(bytes(received))
    counted = tally(numbers(log), NUMBERS) | {"torn": len(log.torn)}
    figures(f"8 processes, one {opened.__name__}", **counted, bytes_in_the_longest=log.longest)
    assert counted == {"written": len(NUMBERS), "lost": 0, "duplicated": 0, "torn": 0}
    assert log.longest <= longest
    assert project.refused_by_schema(log) == ""


def test_the_shipped_logrotate_configuration_is_accepted(project: Project, tmp_path: Path) -> None:
    config = project.path / "deploy" / "logrotate.conf"
    (project.log_dir / "app.json.log").touch(0o640)
    command = [logrotate_command(), "--debug", "--state", str(tmp_path / "state"), str(config)]
    told = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stderr
    assert "error" not in told.lower().replace("errors.json.log", "")
    assert f"considering log {project.log_dir}/app.json.log" in told
