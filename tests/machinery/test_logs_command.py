"""manage.py logs: what is found in which files, in which order, and how it is printed."""

import bz2
import gzip
import io
import json
import lzma
import os
import re
import shlex
import subprocess
import sys
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command

from observability import reading
from observability.events import log_event

from .support import PROJECT, environment

START = datetime(2026, 11, 22, 16, 0, 0, tzinfo=UTC)


def line(second, event="worked", level="INFO", **keys):
    """Return one line, so many seconds after the start."""
    when = START + timedelta(seconds=second)
    data = {
        "timestamp": f"{when:%Y-%m-%dT%H:%M:%S.%fZ}",
        "level": level,
        "logger": "shop.products.views",
        "request_id": None,
        "event": event,
        "payload": {},
    }
    return json.dumps(data | keys, separators=(",", ":"), ensure_ascii=False)


def fill(path, *lines):
    """Write a log file; its suffix says how it is compressed."""
    path.parent.mkdir(exist_ok=True)
    compress = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}
    data = "".join(f"{text}\n" for text in lines).encode()
    path.write_bytes(compress.get(path.suffix, bytes)(data))


@pytest.fixture
def folder(tmp_path, settings):
    settings.LOG_DIR = tmp_path / "read"
    settings.LOG_DIR.mkdir()
    return settings.LOG_DIR


def read(*arguments):
    """Return the lines that the command prints to something other than a terminal."""
    out = io.StringIO()
    call_command("logs", *arguments, stdout=out, stderr=io.StringIO())
    return out.getvalue().splitlines()


def events(*arguments):
    return [json.loads(text)["event"] for text in read(*arguments)]


FILTERED = (
    line(0, "login_failed", "WARNING", request_id="request-1", logger="shop.security"),
    line(1, "login_succeeded", request_id="request-2", user_id=7, logger="shop.security"),
    line(2, "create_start", "DEBUG", request_id="request-2", user_id=7),
    line(3, "create_error", "ERROR", request_id="request-2", user_id=7),
    line(4, "worked", request_id="request-22", user_id=77, logger="shop.products.views2"),
    line(5, "gone", "CRITICAL", payload={"request_id": "request-2", "event": "worked"}),
)


QUESTIONS = {
    "nothing": ([], [0, 1, 2, 3, 4, 5]),
    "request-id": (["--request-id=request-2"], [1, 2, 3]),
    "request-id-as-it-is-shown": (["--request-id=request-2…"], [1, 2, 3, 4]),
    "event": (["--event=worked"], [4]),
    "event-glob": (["--event=login_*"], [0, 1]),
    "event-set": (["--event=[cg]*e*"], [2, 3, 5]),
    "event-set-with-a-bracket": (["--event=[]c]reate_error"], [3]),
    "level": (["--level=error"], [3, 5]),
    "logger": (["--logger=shop.products"], [2, 3, 4, 5]),
    "logger-of-whole-parts": (["--logger=shop.products.views"], [2, 3, 5]),
    "user": (["--user=7"], [1, 2, 3]),
    "since": (["--since=2026-11-22T16:00:03Z"], [3, 4, 5]),
    "since-elsewhere": (["--since=2026-11-22T18:00:03+02:00"], [3, 4, 5]),
    "until": (["--until=2026-11-22T16:00:01"], [0, 1]),
    "lines": (["--lines=2"], [4, 5]),
    "no-lines": (["-n0"], []),
    "more-lines-than-a-computer-counts": (["-n99999999999999999999"], [0, 1, 2, 3, 4, 5]),
    "all-together": (["--user=7", "--level=INFO", "--event=*_*", "-n1"], [3]),
}


@pytest.mark.parametrize(("arguments", "expected"), QUESTIONS.values(), ids=QUESTIONS)
def test_what_is_asked_for_is_found(folder, arguments, expected):
    fill(folder / "app.json.log", *FILTERED)
    assert read(*arguments) == [FILTERED[number] for number in expected]


@pytest.mark.parametrize(("ago", "expected"), [("30s", 0), ("2m", 1), ("2h", 2), ("1w", 3)])
def test_since_may_be_so_long_ago(folder, ago, expected):
    ages = [timedelta(days=3), timedelta(hours=1), timedelta(minutes=1)]
    seconds = [(datetime.now(UTC) - age - START).total_seconds() for age in ages]
    fill(folder / "app.json.log", *map(line, seconds))
    assert len(read(f"--since={ago}")) == expected


@pytest.mark.parametrize(
    "wrong",
    [
        *(["--since=soon"], ["--since=99999999999d"], ["--until=2026-11-22T25:00:00Z"]),
        ["--until=0001-01-01T00:00:00+02:00"],
        *(["--level=LOUD"], ["-n=x"], [f"-n{'9' * 5000}"]),
    ],
    ids=lambda wrong: wrong[0][:40],
)
def test_a_wrong_value_is_refused(folder, wrong):
    with pytest.raises(CommandError):
        read(*wrong)


def test_without_log_files_it_says_where_it_looked(folder):
    with pytest.raises(CommandError, match=r"no log files in .*read"):
        read()


ROTATED = {
    "numbered": ("app.json.log.10.gz", "app.json.log.2.gz", "app.json.log.1", "app.json.log"),
    "dated": ("app.json.log-20261120.gz", "app.json.log-20261121.xz", "app.json.log"),
    "other": ("app.json.log.2026-11-20.bz2", "app.json.log.2026-11-21", "app.json.log"),
}


@pytest.mark.parametrize("arguments", [[], ["-n99"]], ids=["all", "last"])
@pytest.mark.parametrize("names", ROTATED.values(), ids=ROTATED)
def test_rotated_and_compressed_files_are_read_in_order(folder, monkeypatch, names, arguments):
    monkeypatch.setattr(reading, "_WINDOW", 1)
    for number, name in enumerate(names):
        fill(folder / name, line(number * 10), line(number * 10 + 1))
    found = read(*arguments)
    assert len(found) == len(names) * 2
    assert found == sorted(found)


@pytest.mark.parametrize("arguments", [[], ["-n99"]], ids=["all", "last"])
def test_files_are_merged_by_time_and_copies_shown_once(folder, arguments):
    error, audit = line(2, "failed", "ERROR"), line(3, "changed")
    fill(folder / "app.json.log", line(1), error, audit, line(3, "after"), line(5))
    fill(folder / "errors.json.log", line(0, "first", "ERROR"), error, line(4, "late", "ERROR"))
    fill(folder / "audit.json.log", audit)
    expected = ["first", "worked", "failed", "changed", "after", "late", "worked"]
    assert events(*arguments) == expected


def test_a_line_that_was_really_logged_twice_is_shown_twice(folder):
    fill(folder / "app.json.log", line(0, level="ERROR"), line(0, level="ERROR"))
    fill(folder / "errors.json.log", line(0, level="ERROR"), line(0, level="ERROR"))
    assert len(read()) == 2


def test_a_foreign_line_is_no_copy(folder):
    fill(folder / "app.json.log", line(0), "torn")
    fill(folder / "errors.json.log", line(1), "torn")
    assert read() == [line(0), "torn", line(1), "torn"]


def test_lines_of_several_processes_are_put_in_order(folder):
    order = [5, 1, 0, 3, 2, 4, 9, 6, 8, 7]
    fill(folder / "app.json.log", *map(line, order))
    assert read() == [line(second) for second in range(10)]


def test_no_line_is_lost_where_the_clock_was_set_back(folder):
    """By so much that it cannot pass for the disorder of processes."""
    seconds = [*range(3000, 6000), *range(2500), *range(5000, 9000)]
    lines = [line(second, level="WARNING" if second % 7 else "INFO") for second in seconds]
    fill(folder / "app.json.log", *lines)
    since, until = START + timedelta(seconds=2000), START + timedelta(seconds=5500)
    wanted = [text for second, text in zip(seconds, lines, strict=True) if 2000 <= second <= 5500]
    assert sorted(read(f"--since={since:%FT%TZ}", f"--until={until:%FT%TZ}")) == sorted(wanted)
    assert sorted(read(f"--since={since:%FT%TZ}", "-n99999")) == sorted(
        text for second, text in zip(seconds, lines, strict=True) if second >= 2000
    )


def test_a_file_that_is_just_being_compressed_is_read_once(folder):
    fill(folder / "app.json.log.1", line(0), line(1))
    fill(folder / "app.json.log.1.gz", line(0))
    fill(folder / "app.json.log", line(2))
    assert len(read()) == 3


@pytest.mark.parametrize("arguments", [[], ["-n99"]], ids=["all", "last"])
def test_a_damaged_file_is_named_and_the_others_are_read(folder, capsys, arguments):
    fill(folder / "app.json.log", line(2))
    (folder / "app.json.log.1.gz").write_bytes(gzip.compress(line(0).encode())[:-12])
    call_command("logs", *arguments)
    printed = capsys.readouterr()
    assert printed.out.endswith(f"{line(2)}\n")
    assert "app.json.log.1.gz cannot be read" in printed.err


@pytest.mark.parametrize("suffix", ["gz", "bz2", "xz"])
def test_what_stands_before_the_damage_is_shown(folder, capsys, suffix):
    path = folder / f"app.json.log.1.{suffix}"
    lines = [line(second, payload={"text": os.urandom(90).hex()}) for second in range(4000)]
    fill(path, *lines)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 9 // 10])
    call_command("logs")
    printed = capsys.readouterr()
    assert printed.err.count(f"{path} cannot be read: ") == 1
    shown = printed.out.splitlines()
    assert len(shown) > (0 if suffix == "bz2" else 3000)
    assert shown == lines[: len(shown)]


def test_a_file_that_may_not_be_read_is_named(folder, monkeypatch, capsys):
    def open_or_refuse(path, *arguments, **options):
        if path.name.endswith(".1"):
            raise PermissionError(13, "Permission denied", str(path))
        return open(path, *arguments, **options)

    fill(folder / "app.json.log", line(1))
    fill(folder / "app.json.log.1", line(0))
    # Root may read everything.
    monkeypatch.setattr(reading, "open", open_or_refuse, raising=False)
    call_command("logs")
    printed = capsys.readouterr()
    assert printed.out == f"{line(1)}\n"
    assert re.fullmatch(r".*Permission denied: .*app\.json\.log\.1.*\n", printed.err)


@pytest.mark.parametrize("arguments", [[], ["-n99"]], ids=["all", "last"])
def test_torn_and_foreign_lines_are_shown_where_they_stand(folder, arguments):
    lines = [line(1), line(2)[:40], "Traceback (most recent call last):", "[1]", "", line(3)]
    fill(folder / "app.json.log", *lines)
    fill(folder / "errors.json.log", line(0, level="ERROR"), line(4, level="ERROR"))
    expected = [line(0, level="ERROR"), *filter(None, lines), line(4, level="ERROR")]
    assert read(*arguments) == expected


def test_a_torn_line_of_a_request_belongs_to_its_story(folder):
    torn = line(1, request_id="request-1")[:-10]
    fill(folder / "app.json.log", line(0, request_id="request-1"), torn, line(2))
    assert read("--request-id=request-1") == [line(0, request_id="request-1"), torn]


@pytest.mark.parametrize(
    "arguments",
    [[], ["-n9999"], ["--since=2026-11-22T16:30:00Z"], ["-n5"], ["--event=e777"]],
    ids=" ".join,
)
def test_no_line_is_lost_or_repeated(folder, settings, arguments):
    settings.LOG_MAX_LINE_BYTES = 6000
    long = [line(1000, payload={"text": "x" * 5000})]
    lines = [line(n * 3, f"e{n}") for n in range(300)] + long
    lines += ["torn", *(line(n * 3, f"e{n}") for n in range(334, 1000))]
    fill(folder / "app.json.log", *lines)
    expected = {
        "": lines,
        "-n9999": lines,
        "-n5": lines[-5:],
        "--event=e777": [line(777 * 3, "e777")],
        "--since=2026-11-22T16:30:00Z": [line(n * 3, f"e{n}") for n in range(600, 1000)],
    }
    assert read(*arguments) == expected["".join(arguments)]


@pytest.mark.parametrize("longest", [150, 700, 20_000])
def test_the_last_lines_of_large_files_are_found_near_their_ends(folder, settings, longest):
    settings.LOG_MAX_LINE_BYTES = longest
    lines = [line(second) for second in range(500)]
    fill(folder / "app.json.log.1", *lines[:250])
    fill(folder / "app.json.log", *lines[250:])
    for number in (1, 7, 249, 251, 499):
        assert read(f"-n{number}") == lines[-number:]


def rotate(folder):
    (folder / "app.json.log").rename(folder / "app.json.log.1")
    fill(folder / "app.json.log", line(5))


def rotate_twice(folder):
    (folder / "app.json.log").rename(folder / "app.json.log.2")
    fill(folder / "app.json.log.1", line(5))
    fill(folder / "app.json.log", line(6))


def empty(folder):
    fill(folder / "app.json.log", line(5))


def append(folder):
    with (folder / "app.json.log").open("a") as file:
        file.write(f"{line(5)}\n{line(6)[:30]}")


def appear(folder):
    fill(folder / "audit.json.log", line(5))


def copy(folder):
    for name in ("app", "errors"):
        with (folder / f"{name}.json.log").open("a") as file:
            file.write(f"{line(5, 'failed', 'ERROR')}\n")


CHANGES = {rotate: [5], rotate_twice: [5, 6], empty: [5], append: [5], appear: [5], copy: [5]}


class EnoughError(Exception):
    """Ends what would be followed for ever."""


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_what_is_written_is_followed(folder, monkeypatch, change):
    fill(folder / "app.json.log", *map(line, range(4)))
    fill(folder / "errors.json.log", line(0))
    changes = [change]

    def pause(seconds):
        if not changes:
            raise EnoughError
        changes.pop()(folder)

    monkeypatch.setattr(reading, "sleep", pause)
    found = []
    with suppress(EnoughError):
        query = reading.Query({}, last=0, follow=True)
        found.extend(reading.read_lines(folder, query, pytest.fail))
    times = [json.loads(text)["timestamp"] for text in found]
    assert times == [json.loads(line(second))["timestamp"] for second in CHANGES[change]]


@pytest.mark.parametrize(
    ("event", "found"),
    [(None, range(490, 500)), ("e49.", range(490, 500)), ("e7", [])],
    ids=["all", "late", "early"],
)
def test_following_starts_near_the_ends_of_large_files(folder, settings, monkeypatch, event, found):
    def stop(seconds):
        raise EnoughError

    settings.LOG_MAX_LINE_BYTES = 150
    monkeypatch.setattr(reading, "sleep", stop)
    lines = [line(second, f"e{second}") for second in range(500)]
    fill(folder / "app.json.log", *lines)
    patterns = {"event": re.compile(event)} if event else {}
    query, shown = reading.Query(patterns, last=10, follow=True), []
    with suppress(EnoughError):
        shown.extend(reading.read_lines(folder, query, pytest.fail))
    assert shown == [lines[second].encode() for second in found]


def test_a_foreign_line_is_followed_where_a_time_is_asked_for(folder, monkeypatch):
    """It has the time of the line before it, which an earlier look at the file has seen."""
    later = [f"{line(0)}\n", "Traceback\n"]

    def write(seconds):
        if not later:
            raise EnoughError
        with (folder / "app.json.log").open("a") as file:
            file.write(later.pop(0))

    monkeypatch.setattr(reading, "sleep", write)
    fill(folder / "app.json.log", line(-9), "too early")
    query, shown = reading.Query({}, since=b"2026-11-22T16:00:00", follow=True), []
    with suppress(EnoughError):
        shown.extend(reading.read_lines(folder, query, pytest.fail))
    assert shown == [line(0).encode(), b"Traceback"]


@pytest.fixture
def home(tmp_path):
    """Return the folder of a process, with a folder for its logs."""
    home = tmp_path / "home"
    (home / "logs").mkdir(parents=True)
    return home


def test_follow_as_a_process_shows_the_last_lines_and_goes_on_over_a_rotation(home):
    live, rotated = home / "logs" / "app.json.log", home / "logs" / "app.json.log.1"
    fill(live, *map(line, range(20)))
    command = [sys.executable, "manage.py", "logs", "--follow", "--level=INFO"]
    with subprocess.Popen(
        command, cwd=PROJECT, env=environment(home), stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            for second in range(10, 20):
                assert process.stdout.readline().strip() == line(second)
            live.rename(rotated)
            with rotated.open("a") as late:
                late.write(f"{line(20)}\n")
            fill(live, line(21, level="DEBUG"), line(22))
            assert process.stdout.readline().strip() == line(20)
            assert process.stdout.readline().strip() == line(22)
        finally:
            process.terminate()


def test_a_closed_pipe_ends_it_without_a_word(home):
    fill(home / "logs" / "app.json.log", *map(line, range(3_000)))
    done = subprocess.run(
        ["bash", "-c", f"{shlex.quote(sys.executable)} manage.py logs | head -n 1"],
        cwd=PROJECT,
        env=environment(home),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert (done.stdout, done.stderr) == (f"{line(0)}\n", "")


def test_lines_leave_byte_for_byte_even_where_the_settings_are_wrong(home):
    data = f"{line(0)}\n".encode() + b"\xff\xfe \x1b[31m\r torn\n" + f"{line(1)}\n".encode()
    (home / "logs" / "app.json.log").write_bytes(data)
    done = subprocess.run(
        [sys.executable, "manage.py", "logs"],
        cwd=PROJECT,
        env=environment(home, LOG_LEVEL="wrong", LOG_HANDLERS="file"),
        capture_output=True,
        timeout=60,
        check=True,
    )
    assert done.stdout == data


class Terminal(io.StringIO):
    """A standard output that is a terminal."""

    def isatty(self):
        return True


@pytest.fixture
def terminal(monkeypatch):
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    return Terminal()


@pytest.mark.parametrize("arguments", [[], ["--json"]], ids=["readable", "json"])
def test_nothing_on_a_terminal_steers_it(folder, terminal, arguments):
    evil = "\x1b]0;owned\x07\x9b31m\u202e\r[red]"
    data = f"{line(0, payload={'text': evil})}\n{evil}torn\n".encode() + b"\xff\x9b\n"
    (folder / "app.json.log").write_bytes(data)
    call_command("logs", *arguments, stdout=terminal)
    shown = re.sub(r"\x1b\[(\d|3\d)m", "", terminal.getvalue())
    assert not set(shown) & set("\x1b\x07\x9b\u202e\r")
    assert shown.count("owned") == shown.count("[red]") == 2


@pytest.mark.parametrize(
    ("arguments", "coloured", "readable"),
    [([], True, True), (["--json"], False, False), (["--no-color"], False, True)],
    ids=["terminal", "json", "no-color"],
)
def test_a_terminal_gets_coloured_lines_for_people(folder, terminal, arguments, coloured, readable):
    fill(folder / "app.json.log", line(0))
    call_command("logs", *arguments, stdout=terminal)
    assert ("\x1b[32m" in terminal.getvalue()) == coloured
    assert terminal.getvalue().startswith("{") != readable


def test_a_pipe_gets_lines_for_people_when_they_are_asked_for(folder):
    fill(folder / "app.json.log", line(0))
    assert read("--no-json") == ["2026-11-22T16:00:00.000Z INFO     shop.products.views worked"]


def test_what_was_logged_is_told_in_order(logs, settings):
    settings.LOG_DIR = logs.folder
    for event in ("first", "second"):
        log_event(event, {"text": "é"})
    assert events() == ["first", "second"]
