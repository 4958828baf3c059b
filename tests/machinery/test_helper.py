"""The helper: who speaks, at which level, with which exception; and nothing that raises."""

import asyncio
import logging
import os
import pty
import subprocess
import sys

import pytest
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import Http404
from rest_framework.exceptions import NotFound, ValidationError

from observability.events import log_event, log_operation

from .support import NAMESPACE, PROJECT, Logs, environment, logging_to, python

MODULE = f"{NAMESPACE}.{__name__}"


class Broken:
    """Raises whatever is asked of it."""

    def __str__(self):
        raise RuntimeError("no str")

    __repr__ = __hash__ = __eq__ = __format__ = __str__  # type: ignore[assignment]


class BrokenText(str):
    def upper(self):
        raise RuntimeError("no upper")

    __str__ = __format__ = __hash__ = __eq__ = upper  # type: ignore[assignment]


class FalseError(Exception):
    """An exception without a length is still an exception."""

    def __len__(self):
        return 0


class FrozenError(Exception):
    """Takes no attribute, as exceptions that are frozen dataclasses do."""

    def __setattr__(self, name, value):
        raise AttributeError(name)


@pytest.mark.parametrize("level", ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"])
@pytest.mark.parametrize("spelled", [str.upper, str.lower, lambda name: getattr(logging, name)])
def test_a_known_level_is_taken_however_it_is_spelled(logs: Logs, level, spelled):
    log_event("spoken", level=spelled(level))
    line = logs.only()
    assert (line["level"], line["payload"]) == (level, {})


@pytest.mark.parametrize(
    ("level", "shown"),
    [
        ("LOUD", "LOUD"),
        ("", ""),
        (None, None),
        (15, 15),
        (["INFO"], ["INFO"]),
        (Broken(), "<Broken that cannot be shown: RuntimeError>"),
        (BrokenText("INFO"), "INFO"),
    ],
    ids=["name", "empty", "none", "number", "list", "broken object", "broken text"],
)
def test_an_unknown_level_is_logged_at_info_and_says_so(logs: Logs, level, shown):
    log_event("spoken", {"count": 1}, level=level)
    line = logs.only()
    assert (line["level"], line["event"]) == ("INFO", "spoken")
    assert line["payload"] == {"count": 1, "unknown_level": shown}


def test_the_logger_is_the_calling_module_inside_the_namespace(logs: Logs):
    inside = {"__name__": f"{NAMESPACE}.orders.views", "log_event": log_event}
    exec("log_event('spoken')", inside)
    exec("log_event('spoken')", inside | {"__name__": NAMESPACE})
    exec("log_event('spoken')", inside | {"__name__": f"{NAMESPACE}_other"})
    with log_operation("working"):
        log_event("spoken")
    loggers = [line["logger"] for line in logs.lines()]
    assert loggers == [
        f"{NAMESPACE}.orders.views",
        NAMESPACE,
        f"{NAMESPACE}.{NAMESPACE}_other",
        *[MODULE] * 3,
    ]


@pytest.mark.parametrize("level", ["ERROR", "CRITICAL"])
def test_an_error_carries_the_exception_being_handled(logs: Logs, level):
    try:
        raise FalseError("failed")
    except FalseError:
        log_event("spoken", level=level)
    assert logs.only()["exception"]["message"] == "failed"


def test_an_error_outside_a_handler_carries_no_exception(logs: Logs):
    log_event("spoken", level="ERROR")
    assert "exception" not in logs.only()


def test_the_first_error_of_a_module_carries_none_of_the_helper_s_own(logs: Logs):
    unseen = {"__name__": f"{NAMESPACE}.never.seen", "log_event": log_event}
    exec("log_event('spoken', level='ERROR')", unseen)
    assert "exception" not in logs.only()


@pytest.mark.parametrize(
    "module", [None, 5, [], Broken()], ids=["none", "number", "list", "broken"]
)
def test_code_without_a_module_s_name_is_a_shell(logs: Logs, module):
    exec("log_event('spoken')", {"__name__": module, "log_event": log_event})
    exec("log_event('spoken')", {"log_event": log_event})
    assert {line["logger"] for line in logs.lines()} == {f"{NAMESPACE}.shell"}


SPEAK = f"from {NAMESPACE}.logging_helper import log_event; log_event('spoken')\n"
SET_UP = f"import django; django.setup(); {SPEAK}"
SHELL = ("manage.py", "shell", "-v0")


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ([*SHELL, "--command", SPEAK], "shell"),
        (["-c", SET_UP], "shell"),
        (["{folder}/import_products.py"], "import_products"),
        (["-m", "import_products"], "import_products"),
    ],
    ids=["manage.py shell --command", "python -c", "a script", "python -m"],
)
def test_what_is_run_has_a_name_for_people(tmp_path, command, name):
    (tmp_path / "import_products.py").write_text(SET_UP)
    command = [part.replace("{folder}", str(tmp_path)) for part in command]
    ran = python(tmp_path, *command, PYTHONPATH=os.pathsep.join([str(PROJECT), str(tmp_path)]))
    lines = Logs(tmp_path / "logs").lines(logger=NAMESPACE)
    assert [line["logger"] for line in lines] == [f"{NAMESPACE}.{name}"], ran.stderr


@pytest.mark.parametrize("terminal", [False, True], ids=["piped", "in a terminal"])
def test_what_is_typed_into_a_shell_is_the_shell_s(tmp_path, terminal):
    end, stdin = pty.openpty() if terminal else os.pipe()[::-1]
    os.write(end, SPEAK.encode() + (b"\x04" if terminal else b""))
    if not terminal:
        os.close(end)
    ran = subprocess.run(
        [sys.executable, *SHELL],
        cwd=PROJECT,
        env=environment(tmp_path),
        stdin=stdin,
        capture_output=True,
        timeout=60,
        check=True,
    )
    assert (b"InteractiveConsole" in ran.stdout + ran.stderr) == terminal
    lines = Logs(tmp_path / "logs").lines(logger=NAMESPACE)
    assert [line["logger"] for line in lines] == [f"{NAMESPACE}.shell"]


def test_below_error_an_exception_is_not_told(logs: Logs):
    try:
        raise LookupError("expected")
    except LookupError:
        log_event("spoken", level="WARNING")
    assert "exception" not in logs.only()


def test_a_level_that_no_handler_takes_costs_no_formatting(tmp_path):
    class Watched(dict):
        def items(self):
            raise AssertionError("looked at")

    with logging_to(tmp_path / "quiet", level="ERROR") as logs:
        log_event("spoken", Watched(a=1), level="INFO")
    assert logs.text() == ""


def test_an_operation_logs_its_start_and_its_success(logs: Logs):
    payload = {"sku": "A1"}
    with log_operation("create_order", payload) as outcome:
        outcome["id"] = 7
    start, success = logs.lines()
    assert (start["event"], start["payload"]) == ("create_order_start", {"sku": "A1"})
    assert (success["event"], success["level"]) == ("create_order_success", "INFO")
    duration = success["payload"].pop("duration_ms")
    assert isinstance(duration, float)
    assert 0 <= duration < 1000
    assert success["payload"] == {"sku": "A1", "id": 7}
    assert payload == {"sku": "A1"}


def test_a_crash_is_an_error_with_its_exception_and_goes_on(logs: Logs):
    with pytest.raises(LookupError) as caught, log_operation("create_order", {"sku": "A1"}):
        raise LookupError("no stock")
    assert str(caught.value) == "no stock"
    _, error = logs.lines()
    assert (error["event"], error["level"]) == ("create_order_error", "ERROR")
    assert error["payload"].keys() == {"sku", "duration_ms"}
    assert error["exception"]["type"] == "LookupError"
    assert logs.lines("errors") == [error]


@pytest.mark.parametrize("crash", [FalseError("failed"), FrozenError("failed")], ids=type)
def test_an_odd_exception_is_told_as_well(logs: Logs, crash):
    with pytest.raises(type(crash)), log_operation("create_order"):
        raise crash
    error = logs.lines()[-1]
    assert (error["event"], error["exception"]["message"]) == ("create_order_error", "failed")


@pytest.mark.parametrize(
    ("refusal", "status", "codes"),
    [
        (Http404("order 12 of canary"), 404, None),
        (PermissionDenied("canary"), 403, None),
        (SuspiciousOperation("canary"), 400, None),
        (ValidationError({"name": ["canary is no name"]}), 400, {"name": ["invalid"]}),
        (NotFound("canary"), 404, {"detail": ["not_found"]}),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_a_refusal_is_a_warning_by_codes_without_traceback(logs: Logs, refusal, status, codes):
    with pytest.raises(type(refusal)), log_operation("create_order"):
        raise refusal
    _, line = logs.lines()
    assert (line["event"], line["level"]) == ("create_order_error", "WARNING")
    assert "exception" not in line
    expected = {"error": type(refusal).__name__, "status": status} | (
        {"codes": codes} if codes else {}
    )
    line["payload"].pop("duration_ms")
    assert line["payload"] == expected
    assert "canary" not in logs.text()


@pytest.mark.parametrize(
    "kind", [KeyboardInterrupt, SystemExit, GeneratorExit, asyncio.CancelledError]
)
def test_what_is_no_exception_is_a_warning_and_goes_on(logs: Logs, kind):
    with pytest.raises(kind), log_operation("create_order"):
        raise kind
    line = logs.lines()[-1]
    assert (line["event"], line["level"]) == ("create_order_error", "WARNING")
    assert line["exception"]["type"] == kind.__name__


@pytest.mark.parametrize(
    "name", [Broken(), BrokenText("work"), None, 5, "", "Läden & Co"], ids=type
)
def test_an_operation_with_an_odd_name_is_logged_and_runs(logs: Logs, name):
    done = []
    with log_operation(name):
        done.append(True)
    assert done
    start, success = logs.events()
    assert start.endswith("_start")
    assert success.endswith("_success")


@pytest.mark.parametrize("payload", [Broken(), [1], "text", 5], ids=type)
def test_an_operation_with_an_odd_payload_is_logged_under_value(logs: Logs, payload):
    with log_operation("work", payload):
        pass
    start, success = logs.lines()
    assert start["payload"].keys() == {"value"}
    assert success["payload"].keys() == {"value", "duration_ms"}


def _raise(*_args):
    raise RuntimeError("broken")


@pytest.mark.parametrize("part", ["filter of the logger", "filter of a handler", "handler"])
def test_what_others_broke_is_not_raised_into_the_caller(logs: Logs, capsys, part):
    logger = logging.getLogger(MODULE)
    handler = logging.Handler()
    handler.emit = _raise
    if part == "filter of a handler":
        handler.addFilter(_raise)
    logger.addHandler(handler)
    if part == "filter of the logger":
        logger.addFilter(_raise)
    try:
        log_event("spoken")
        with log_operation("work"):
            pass
    finally:
        logger.removeHandler(handler)
        logger.removeFilter(_raise)
    assert capsys.readouterr().err.splitlines() == ["log_event failed: RuntimeError"] * 3


def test_a_closed_console_does_not_keep_lines_from_the_files(tmp_path, monkeypatch, capsys):
    with open(tmp_path / "console", "w") as console:
        monkeypatch.setattr(sys, "stdout", console)
        with logging_to(tmp_path / "logs-here", handlers=("console", "file")) as logs:
            console.close()
            log_event("spoken")
            log_event("spoken_again")
    assert logs.events() == ["spoken", "spoken_again"]
    assert "log_write_failed" in capsys.readouterr().err
