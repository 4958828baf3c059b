"""LOG_CONSOLE_FORMAT=pretty: the finished line as text for people, with all that a line is."""

import io
import logging
import os

import orjson
import pytest

from observability import checks, pretty, verification
from observability.context import bind_request_id
from observability.events import log_event
from observability.logging_config import logging_config

from .odd_values import ODD_VALUES
from .support import NAMESPACE, PLAIN_CONFIG, logging_to, manage


class Terminal(io.StringIO):
    """A standard output that is a terminal."""

    def isatty(self):
        return True


@pytest.fixture
def console(tmp_path, monkeypatch, request):
    """Return the stream to which the console's handler writes readable text."""
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    stream = getattr(request, "param", io.StringIO)()
    monkeypatch.setattr("sys.stdout", stream)
    with logging_to(tmp_path / "pretty", handlers=["console"], console_format="pretty"):
        yield stream


def test_a_line_reads_from_left_to_right():
    line = {
        "timestamp": "2026-11-22T16:47:37.584123Z",
        "level": "WARNING",
        "logger": "shop.products.views",
        "request_id": "d3b7e8f4-2f4a-4e3b-a123-9c8d7f1c5678",
        "event": "stock_low",
        "payload": {"count": 5, "name": "red shoe", "sku": "a-1", "tags": ["x"], "gone": None},
        "user_id": 7,
    }
    assert pretty.pretty(orjson.dumps(line)).plain == (
        "2026-11-22T16:47:37.584Z WARNING  shop.products.views stock_low "
        'count=5 name="red shoe" sku=a-1 tags=["x"] gone=null user_id=7 [d3b7e8f4…]'
    )


def test_a_plain_message_stands_in_the_place_of_its_event(console):
    logging.getLogger(NAMESPACE).warning("disk %s%% full", 90)
    assert console.getvalue().endswith(f"WARNING  {NAMESPACE} disk 90% full\n")


def test_an_exception_and_its_cause_stand_below_as_real_lines(console):
    try:
        try:
            {}["absent"]
        except KeyError as error:
            raise ValueError("outer") from error
    except ValueError:
        log_event("failed", level="ERROR")
    first, *rest = console.getvalue().splitlines()
    assert first.endswith("failed")
    assert rest[0] == "  Traceback (most recent call last):"
    assert '    raise ValueError("outer") from error' in "\n".join(rest)
    assert rest.index("  ValueError: outer") < rest.index("  caused by:")
    assert rest[-1] == "  KeyError: 'absent'"


def test_a_message_cannot_pass_for_a_line_of_its_own(console):
    forged = "x\n2026-11-22T16:00:00.000Z INFO     shop forged"
    logging.getLogger(NAMESPACE).warning(forged)
    log_event("typed", {"text": forged})
    try:
        raise ValueError(forged)
    except ValueError:
        log_event("failed", level="ERROR")
    assert not [line for line in console.getvalue().splitlines() if line.endswith("Z INFO")]
    starts = [line for line in console.getvalue().splitlines() if not line.startswith("  ")]
    assert len(starts) == 3


@pytest.mark.parametrize("console", [io.StringIO, Terminal], indirect=True)
@pytest.mark.parametrize(
    "evil",
    ["\x1b[2J", "\x1b]0;title\x07", "\x9b31m", "\u202eabc", "\u2028", "\r", "\ufeff", "\u061c"],
    ids=ascii,
)
def test_nothing_steers_the_terminal(console, evil):
    logging.getLogger(NAMESPACE).warning(evil)
    try:
        raise ValueError(evil)
    except ValueError:
        log_event(evil, {evil: evil, "list": [{evil: evil}]}, level="ERROR")
    assert evil not in console.getvalue()
    assert evil[:1] not in console.getvalue().replace("\x1b[", "")


@pytest.mark.parametrize("markup", ["[red]x[/red]", "[/]", "[link=http://x]", ":smile:", "\\["])
def test_markup_is_text(console, markup):
    logging.getLogger(NAMESPACE).warning(markup)
    assert markup in console.getvalue()


def test_secrets_are_masked_as_in_the_line(console):
    log_event("login", {"password": "hunter2", "deep": [{"token": "abcdefgh"}]})
    logging.getLogger(NAMESPACE).warning("password=hunter2")
    assert "hunter2" not in console.getvalue()
    assert "abcdefgh" not in console.getvalue()
    assert "password=***" in console.getvalue()


@pytest.mark.parametrize("name", ODD_VALUES)
def test_no_value_is_too_odd(console, name):
    log_event("odd", {"value": ODD_VALUES[name][0]()})
    assert console.getvalue().count(" odd ") == 1


def fail(message, depth=90):
    """Raise through many frames; two lines take turns, as Python folds repetitions of one."""
    if depth % 2:
        fail(message, depth - 1)
    if depth:
        fail(message, depth - 1)
    raise ValueError(message)


@pytest.mark.parametrize("payload", ["x" * 9000, "\n" * 9000, {"k": "é" * 9000}, "\n" * 200, 1])
def test_a_pipe_gets_what_it_takes_in_one_piece(tmp_path, monkeypatch, payload):
    reading, writing = os.pipe()
    with open(reading, "rb") as received, open(writing, "w", encoding="utf-8") as stream:
        monkeypatch.setattr("sys.stdout", stream)
        with logging_to(tmp_path / "pipe", handlers=["console"], console_format="pretty"):
            try:
                fail(payload)
            except ValueError:
                log_event("big", {"value": payload}, level="ERROR")
            os.set_blocking(reading, False)
            data = received.read(1 << 16)
    assert 500 < len(data) <= 4096
    assert b" big " in data


@pytest.mark.parametrize(
    ("console", "variables", "coloured"),
    [
        (Terminal, {}, True),
        (io.StringIO, {}, False),
        (Terminal, {"NO_COLOR": "1"}, False),
        (Terminal, {"TERM": "dumb"}, False),
    ],
    ids=["terminal", "no-terminal", "no-color", "dumb"],
    indirect=["console"],
)
def test_colours_are_for_terminals_that_want_them(console, monkeypatch, variables, coloured):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    log_event("failed", level="ERROR")
    assert ("\x1b[31m" in console.getvalue()) == coloured
    assert "failed" in console.getvalue()


@pytest.mark.parametrize(
    "line",
    [
        *(b"", b"torn {", b"[1]", b"{}", b'{"event":1}'),
        b'{"payload":[1],"exception":{"notes":3}}',
        b'{"exception":' + b'{"cause":' * 500 + b"{}" + b"}" * 501,
    ],
    ids=lambda line: line[:30].decode(),
)
def test_foreign_lines_are_shown_and_never_raise(line):
    assert pretty.pretty(line).plain or not line


@pytest.mark.parametrize("level", ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"])
def test_the_files_keep_their_json(tmp_path, monkeypatch, level):
    monkeypatch.setattr("sys.stdout", io.StringIO())
    handlers = ("console", "file", "error_file")
    with logging_to(tmp_path / "all", handlers=handlers, console_format="pretty") as logs:
        bind_request_id("a-request-id")
        log_event("worked", level=level)
    assert [line["event"] for line in logs.lines()] == ["worked"]


@pytest.mark.parametrize("console_format", ["json", "PRETTY", "", "xml"])
def test_any_other_format_is_json(tmp_path, console_format):
    config = logging_config(**PLAIN_CONFIG, log_dir=tmp_path)
    changed = logging_config(**PLAIN_CONFIG, log_dir=tmp_path, console_format=console_format)
    assert changed == config


def test_an_unknown_format_is_reported(settings):
    settings.LOG_CONSOLE_FORMAT = "xml"
    found = {message.id: message.msg for message in checks.check_logging()}
    assert "'xml' is unknown" in found["logging.E007"]


def test_verify_logging_proves_the_readable_console(tmp_path):
    done = manage(tmp_path / "proven", "verify_logging", LOG_CONSOLE_FORMAT="pretty")
    assert done.returncode == 0, done.stderr
    assert f" {verification.PROBE} probe=" in done.stderr
    assert done.stdout.endswith("logging verified\n")
