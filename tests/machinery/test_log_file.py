"""The log file that processes share: renamed, deleted, locked by others, rotated by size."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from fcntl import LOCK_EX, flock

import pytest

from observability.line import files
from observability.line.files import LogFile


@pytest.fixture
def path(tmp_path):
    return tmp_path / "logs" / "shared.log"


def texts(path):
    return path.read_text().splitlines()


def test_a_deleted_file_loses_no_line(path):
    file = LogFile(str(path))
    for number in range(20):
        file.append(f"before {number}")
        path.unlink()
        file.append(f"after {number}")
        assert texts(path) == [f"after {number}"]


def test_a_rename_is_noticed_within_the_time_of_a_look_and_no_line_is_lost(path):
    file, renamed = LogFile(str(path)), path.with_name("renamed")
    file.append("0")
    path.rename(renamed)
    deadline, written = time.monotonic() + 10, 1
    while not path.exists():
        assert time.monotonic() < deadline, "the rename was not noticed"
        file.append(str(written))
        written += 1
    assert texts(renamed) + texts(path) == [str(number) for number in range(written)]


def test_a_rename_is_noticed_at_once_where_its_time_shows(path, monkeypatch):
    monkeypatch.setattr(files, "LOOK_SECONDS", 3_600.0)
    file = LogFile(str(path))
    file.append("before")
    os.utime(path, ns=(0, path.stat().st_mtime_ns - 10_000_000))  # as if written a while ago
    path.rename(path.with_name("renamed"))
    file.append("after")
    assert texts(path) == ["after"]


def test_it_keeps_as_many_old_files_as_asked_for_and_no_line_is_in_two(path):
    file = LogFile(str(path), max_bytes=50, backups=3)
    for number in range(100):
        file.append(f"{number:09}")
    kept = sorted(path.parent.iterdir(), reverse=True)
    assert [one.name for one in kept] == [f"{path.name}.{n}" for n in (3, 2, 1)]
    assert [int(text) for one in kept for text in texts(one)] == list(range(85, 100))


WRITER = """
import sys
from observability.line.files import LogFile
file = LogFile(sys.argv[1], max_bytes=2_000, backups=1_000)
for number in range(500):
    file.append(f"{sys.argv[2]} {number}")
"""


def test_processes_that_rotate_the_same_file_lose_and_double_nothing(path):
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(path), str(number)])
        for number in range(4)
    ]
    assert [writer.wait(60) for writer in writers] == [0] * 4
    found = sorted(text for one in path.parent.iterdir() for text in texts(one))
    assert found == sorted(f"{writer} {number}" for writer in range(4) for number in range(500))
    assert len(list(path.parent.iterdir())) > 5


@pytest.mark.parametrize("max_bytes", [0, 100])
def test_whoever_keeps_the_lock_holds_a_line_up_once_and_not_for_long(path, monkeypatch, max_bytes):
    monkeypatch.setattr(files.LogFile, "lockless_until", 0.0)
    file = LogFile(str(path), max_bytes=max_bytes, backups=100)
    file.append("before")
    with path.open("rb") as stopped:
        flock(stopped, LOCK_EX)
        started = time.monotonic()
        for _ in range(50):
            file.append("meanwhile")
        assert time.monotonic() - started < 10 * files.LOCK_SECONDS  # 50, if each line waited
    written = [text for one in path.parent.iterdir() for text in texts(one)]
    assert sorted(written) == ["before", *["meanwhile"] * 50]


def test_a_line_in_the_middle_of_a_line_leaves_the_lock_to_the_outer_one(path, monkeypatch):
    file, others = LogFile(str(path)), []
    write = os.write

    def interrupted(descriptor, data):
        monkeypatch.setattr(os, "write", write)
        file.append("inner")
        with path.open("rb") as other, pytest.raises(BlockingIOError):
            flock(other, LOCK_EX | files.fcntl.LOCK_NB)
        others.append("was kept away")
        return write(descriptor, data)

    monkeypatch.setattr(os, "write", interrupted)
    file.append("outer")
    assert texts(path) == ["inner", "outer"]
    assert others
    with path.open("rb") as other:
        flock(other, LOCK_EX | files.fcntl.LOCK_NB)  # it is free again


@contextmanager
def timer(seconds, handler):
    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, seconds, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("is_renamed", [False, True])
def test_a_line_may_be_written_at_any_point_of_another(path, monkeypatch, is_renamed: bool):
    """As a signal's handler does, which runs between any two instructions."""
    monkeypatch.setattr(files, "LOOK_SECONDS", 0)
    steps, point = 0, -1  # Python 3.12 shows no instructions to the first who asks for them
    while point <= 0 or point < steps:
        shutil.rmtree(path.parent, ignore_errors=True)
        spare = os.open(os.devnull, os.O_RDONLY)  # or a new file would have the old one's number
        file, steps = LogFile(str(path)), 0
        file.append("before")

        def traced(frame, event, _argument, file=file, point=point, spare=spare):
            nonlocal steps
            frame.f_trace_opcodes = True
            if frame.f_code.co_filename != files.__file__:
                return None
            if event == "opcode":
                steps += 1
                if steps == point + 1:
                    os.close(spare)
                    if is_renamed:
                        path.rename(path.with_name("renamed"))
                    file.append("inner")
            return traced

        sys.settrace(traced)
        try:
            file.append("outer")
        finally:
            sys.settrace(None)
        file.append("after")
        file.close()
        found = [text for one in path.parent.iterdir() for text in texts(one)]
        assert sorted(found) == ["after", "before", *["inner"] * (point >= 0), "outer"], point
        point += 1
    assert steps > 100


def test_lines_of_a_signal_handler_come_whole_between_the_others(path):
    file, inner = LogFile(str(path), max_bytes=20_000, backups=100), []

    def log(*_signal):
        inner.append(len(inner))
        file.append(json.dumps({"inner": inner[-1]}))

    with timer(0.001, log):
        deadline, outer = time.monotonic() + 10, 0
        while len(inner) < 200 and time.monotonic() < deadline:
            file.append(json.dumps({"outer": outer}))
            outer += 1
    lines = [json.loads(text) for one in path.parent.iterdir() for text in texts(one) if text]
    assert sorted(line["inner"] for line in lines if "inner" in line) == inner
    assert sorted(line["outer"] for line in lines if "outer" in line) == list(range(outer))
