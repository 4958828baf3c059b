"""Shortening: never over the limit, always valid, and errors keep what says why."""

import logging
import os
import sys
import threading

import pytest
from django.test import override_settings

from observability.events import log_event
from observability.line import strict_json

from .support import NAMESPACE, Line, Logs, logging_to, parsed, parsed_line

LIMITS = [4096, 262_144]


def deep(levels: int, text: str) -> None:
    if levels:
        deep(levels - 1, text)
    else:
        raise LookupError(text)


def alternately_deep(levels: int, text: str) -> None:
    (deep if levels % 2 else alternately_deep)(levels - 1, text)


def chain(levels: int, text: str) -> None:
    try:
        if levels:
            chain(levels - 1, text)
        else:
            deep(20, text)
    except Exception as error:
        raise LookupError(f"{text} {levels}") from error


def group(levels: int, text: str) -> None:
    members: list[Exception] = []
    for _ in range(5):
        try:
            group(levels - 1, text) if levels else deep(10, text)
        except Exception as error:
            members.append(error)
    raise ExceptionGroup(text, members)


PAYLOADS = {
    "one huge value": {"id": 7, "text": "x" * 1_000_000},
    "one huge value of four-byte characters": {"id": 7, "text": "🛒" * 300_000},
    "one huge value that is escaped": {"id": 7, "text": '"\\\n\x00' * 300_000},
    "two huge values": {"id": 7, "one": "x" * 500_000, "two": "y" * 500_000},
    "many keys": {"id": 7} | {f"key_{number}": "x" * 500 for number in range(900)},
    "many small keys": {"id": 7} | {f"key_{'k' * 190}_{number}": 1 for number in range(2_000)},
    "huge list": {"id": 7, "list": ["x" * 500] * 900},
    "huge in depth": {"id": 7, "a": {"b": {"c": "x" * 1_000_000}}},
}
CRASHES = {
    "deep with a short message": lambda: deep(200, "why"),
    "two functions in turn": lambda: alternately_deep(90, "why"),
    "deep with a long message": lambda: deep(100, "why " * 1_000_000),
    "message of four-byte characters": lambda: deep(3, "why 🛒" * 100_000),
    "message that is escaped": lambda: deep(3, "why \x00\n" * 100_000),
    "chain": lambda: chain(6, "why"),
    "chain with long messages": lambda: chain(12, "why " * 10_000),
    "group": lambda: group(1, "why"),
    "groups with long messages": lambda: group(3, "why " * 5_000),
}


def written(path, limit: int, log) -> tuple[str, Line]:
    """Return the line that `log` writes to a file under a limit, as text and as data."""
    with override_settings(LOG_MAX_LINE_BYTES=limit), logging_to(path / "short") as logs:
        log()
    text = logs.text()
    assert len(text.encode()) <= limit
    return text, logs.only()


def crash(crashing, payload=None) -> None:
    try:
        crashing()
    except Exception:
        log_event("crashed", payload, level="ERROR")


def assert_says_by_how_much(text: str, full: str) -> None:
    line = parsed_line(text)
    said = line["payload"].pop("truncated_bytes")
    before = parsed_line(full)["payload"].get("truncated_bytes", 0)
    assert abs(said - before - (len(full.encode()) - strict_json.size_of(line))) < 200


@pytest.mark.parametrize("limit", LIMITS)
@pytest.mark.parametrize("name", PAYLOADS)
def test_a_long_payload_is_cut_at_its_largest_values(tmp_path, limit, name):
    text, line = written(tmp_path, limit, lambda: log_event("long", PAYLOADS[name]))
    _, full = written(tmp_path / "full", 10_000_000, lambda: log_event("long", PAYLOADS[name]))
    assert line["payload"]["id"] == 7
    assert line["event"] == "long"
    if strict_json.size_of(full) >= limit:
        assert len(text.encode()) > limit // 2, "cut more than was needed"
        assert_says_by_how_much(text, strict_json.dumps(full))
    else:
        assert line["payload"] == full["payload"]


@pytest.mark.parametrize("limit", LIMITS)
@pytest.mark.parametrize("more", [{}, {"text": "x" * 300_000}], ids=["", "and a long payload"])
@pytest.mark.parametrize("character", ["x", "🛒", "\n", "\ud800"], ids=ascii)
def test_a_long_message_is_cut_and_says_by_how_much(tmp_path, limit, character, more):
    def log():
        extra = {"id": 7} | more
        logging.getLogger(NAMESPACE).info("begins %s", character * 300_000, extra=extra)

    text, line = written(tmp_path, limit, log)
    _, full = written(tmp_path / "full", 10_000_000, log)
    assert line["message"].startswith(f"begins {strict_json.printable(character)}")
    assert line["payload"]["id"] == 7
    assert len(text.encode()) > limit // 2
    assert_says_by_how_much(text, strict_json.dumps(full))


@pytest.mark.parametrize("limit", LIMITS)
@pytest.mark.parametrize("payload", [None, {"id": 7, "text": "x" * 1_000_000}], ids=["", "payload"])
@pytest.mark.parametrize("name", CRASHES)
def test_an_error_keeps_type_message_cause_and_innermost_frames(tmp_path, limit, payload, name):
    _, line = written(tmp_path, limit, lambda: crash(CRASHES[name], payload))
    exception = line["exception"]
    assert exception["type"] in ("LookupError", "ExceptionGroup")
    assert exception["message"].startswith("why")
    frames = exception["stacktrace"]
    if name.startswith("chain"):
        assert exception["cause"]["type"] == "LookupError"
        assert "in chain" in frames
    elif name.startswith("group"):
        assert "in group" in frames
    else:
        assert "in deep\n    raise LookupError(text)" in frames
    if payload:
        assert line["payload"]["id"] == 7


def test_a_line_that_fits_is_left_alone(tmp_path):
    _, line = written(tmp_path, 4096, lambda: log_event("short", {"text": "x" * 3_900}))
    assert line["payload"] == {"text": "x" * 3_900}


def test_the_newline_counts(tmp_path):
    for size in range(3_900, 4_000):
        _, line = written(tmp_path / str(size), 4096, lambda: log_event("long", {"t": "x" * size}))  # noqa: B023
        if "truncated_bytes" in line["payload"]:
            break
    else:
        raise AssertionError("nothing was cut")
    assert line["payload"]["t"].endswith("x…")


def from_console(monkeypatch, stream, limits, log) -> None:
    monkeypatch.setattr(sys, "stdout", stream)
    with override_settings(**limits), logging_to("/nowhere", handlers=("console",)):
        log()


LONG = {"text": "x" * 10_000}


@pytest.mark.parametrize(
    ("limits", "longest"),
    [({}, 4096), ({"LOG_MAX_PIPE_LINE_BYTES": 1024}, 1024), ({"LOG_MAX_LINE_BYTES": 2048}, 2048)],
    ids=["default", "the setting", "the limit of every line"],
)
def test_a_console_that_is_a_pipe_gets_lines_that_it_keeps_whole(monkeypatch, limits, longest):
    reading, writing = os.pipe()
    with open(reading, encoding="utf-8") as pipe, open(writing, "w", encoding="utf-8") as console:
        read: list[str] = []
        reader = threading.Thread(target=lambda: read.append(pipe.read()))
        reader.start()
        from_console(monkeypatch, console, limits, lambda: log_event("long", LONG))
        console.close()
        reader.join(timeout=10)
    (line,) = parsed(read[0])
    assert longest // 2 < len(read[0].encode()) <= longest
    assert line["payload"]["truncated_bytes"] > 0


def test_a_console_that_is_a_file_gets_long_lines(tmp_path, monkeypatch):
    with open(tmp_path / "console", "w", encoding="utf-8") as console:
        from_console(monkeypatch, console, {}, lambda: log_event("long", LONG))
    (line,) = parsed((tmp_path / "console").read_text("utf-8"))
    assert line["payload"] == LONG


def test_the_file_has_the_whole_line_that_the_pipe_cannot_take(logs: Logs, tmp_path, monkeypatch):
    reading, writing = os.pipe()
    with open(reading) as pipe, open(writing, "w", encoding="utf-8") as console:
        monkeypatch.setattr(sys, "stdout", console)
        with logging_to(tmp_path / "both", handlers=("console", "file")) as logs:
            log_event("long", LONG)
        console.close()
        assert len(pipe.read()) <= 4096
    assert logs.only()["payload"] == LONG
