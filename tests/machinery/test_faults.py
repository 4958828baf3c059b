"""Faults that the log once had, each shown mended: settings, events, systems without locks."""

import _thread
import json
import logging
import subprocess
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import authenticate

from observability.events import log_event, log_operation
from observability.verification import schema_problems

from .support import NAMESPACE, Logs, manage, python, wait_for

HERE = f"{NAMESPACE}.{__name__}"


def run_code(folder: Path, code: str, **changes: str) -> subprocess.CompletedProcess[str]:
    """Run a program in the project to its end; fail with what it printed when it fails."""
    ended = python(folder, "-c", code, **changes)
    assert ended.returncode == 0, ended.stderr
    return ended


SETUP = "import django; django.setup(); from observability.events import log_event, log_operation\n"


# Behind a proxy that ends TLS


@pytest.mark.parametrize(
    ("proxies", "sent", "status"),
    [("1", "https", 404), ("1", "http", 301), ("1", "", 301), ("0", "https", 301), ("0", "", 301)],
)
def test_whom_it_believes_that_a_request_came_by_https(tmp_path, proxies, sent, status):
    code = f"""
from django.test import Client
headers = {{"host": "127.0.0.1", "x-forwarded-proto": "{sent}"}}
print("status", Client().get("/nowhere", headers=headers).status_code)
"""
    changes = {"TRUSTED_PROXIES": proxies, "SECURE_SSL_REDIRECT": "True", "LOG_HANDLERS": "file"}
    assert f"status {status}" in run_code(tmp_path, SETUP + code, **changes).stdout


def test_the_settings_leave_the_warnings_of_everybody_alone(tmp_path):
    run_code(
        tmp_path,
        "import warnings; before = warnings.filters[:]\n"
        "import config.settings; assert warnings.filters == before, warnings.filters",
    )


# verify_logging


def test_it_proves_the_error_file_without_a_line_that_alerts_fire_on(tmp_path):
    ended = manage(tmp_path, "verify_logging")
    assert ended.returncode == 0, ended.stderr
    assert "proven" in next(row for row in ended.stdout.splitlines() if "error_file" in row)
    lines = Logs(tmp_path / "logs").lines("errors")
    assert [(line["event"], line["level"]) for line in lines] == [("logging_probe", "INFO")]


def test_it_does_not_prove_an_error_file_that_cannot_be_written(tmp_path):
    folder = tmp_path / "elsewhere"
    (folder / "logs" / "errors.json.log").mkdir(parents=True)
    ended = manage(folder, "verify_logging")
    assert ended.returncode == 1
    assert "error_file: the probe cannot be read back" in ended.stderr
    assert "FAILED" in next(row for row in ended.stdout.splitlines() if "error_file" in row)


# axes


@pytest.mark.parametrize("name", ["axes", "axes.handlers.database"])
def test_an_error_of_axes_is_logged(logs: Logs, name):
    logging.getLogger(name).error("AXES: the database is gone")
    assert (logs.only()["logger"], logs.only()["level"]) == (name, "ERROR")


@pytest.mark.django_db
def test_the_names_that_axes_prints_are_not_logged(logs: Logs, settings, rf):
    settings.AXES_VERBOSE = True
    for _ in range(settings.AXES_FAILURE_LIMIT + 1):
        authenticate(rf.post("/login"), username="a-name-typed", password="wrong")
    assert "account_locked" in logs.events()
    assert "a-name-typed" not in logs.text()
    assert not logs.lines(logger="axes")


# Without fcntl and O_NOFOLLOW, as on Windows

WITHOUT_THEM = """
import builtins, os
import_module, hidden = builtins.__import__, []
def without_fcntl(name, globals=None, *args, **more):
    if name == "fcntl" and (globals or {}).get("__name__", "").startswith("observability"):
        hidden.append(name)
        raise ImportError(name)
    return import_module(name, globals, *args, **more)
builtins.__import__ = without_fcntl
del os.O_NOFOLLOW
from config.settings import LOGGING
for handler in LOGGING["handlers"].values():
    handler |= {"max_bytes": 20_000} if "max_bytes" in handler else {}
"""


@pytest.mark.parametrize("rotation", ["logrotate", "size"])
def test_without_the_names_that_windows_lacks_it_starts_and_logs(tmp_path, rotation):
    code = """
import config.wsgi, config.asgi
assert hidden == ["fcntl"]
for number in range(200):
    log_event("numbered", {"number": number}, "ERROR")
"""
    ended = run_code(tmp_path, WITHOUT_THEM + SETUP + code, LOG_ROTATION=rotation)
    assert '"log_write_failed"' not in ended.stderr
    for name in ("app", "errors"):
        paths = list((tmp_path / "logs").glob(f"{name}.json.log*"))
        assert (len(paths) > 1) == (rotation == "size")
        lines = [json.loads(line) for path in paths for line in path.read_bytes().splitlines()]
        assert [problems for line in lines if (problems := schema_problems(line))] == []
        numbers = [line["payload"]["number"] for line in lines if line["event"] == "numbered"]
        assert sorted(numbers) == list(range(200))


def test_without_them_a_torn_line_is_ended(tmp_path):
    folder = tmp_path / "elsewhere"
    file = folder / "logs" / "app.json.log"
    file.parent.mkdir(parents=True)
    file.write_text('{"torn":')
    run_code(folder, WITHOUT_THEM + SETUP + 'log_event("whole")')
    torn, whole = file.read_text().splitlines()
    assert torn == '{"torn":'
    assert json.loads(whole)["event"] == "whole"


# Keys of traces and processes

LINE = {
    "timestamp": "2026-01-01T00:00:00.000000Z",
    "level": "INFO",
    "logger": "a",
    "request_id": None,
    "event": "an_event",
    "payload": {},
}
KEYS = {
    "service": "shop",
    "version": "1.2",
    "pid": 1,
    "task_id": "a-task",
    "trace_id": "0af7651916cd43dd8448eb211c80319c",
    "span_id": "b7ad6b7169203331",
}


@pytest.mark.parametrize("key", KEYS)
def test_the_schema_allows_the_keys_of_traces_and_processes(key):
    assert schema_problems(LINE | {key: KEYS[key]}) == []
    assert schema_problems(LINE | {key: ""}) != []


@pytest.mark.parametrize("handlers", ["console", "console,file"])
def test_a_line_says_its_service_and_where_files_are_shared_its_process(tmp_path, handlers):
    changes = {"LOG_SERVICE": "shop", "LOG_VERSION": "1.2", "LOG_HANDLERS": handlers}
    code = "import os; print(os.getpid(), flush=True); log_event('an_event')"
    pid, text = run_code(tmp_path, SETUP + code, **changes).stdout.splitlines()
    line = json.loads(text)
    assert (line["service"], line["version"]) == ("shop", "1.2")
    assert line.get("pid") == (int(pid) if "file" in handlers else None)
    assert schema_problems(line) == []


def test_a_line_without_a_service_has_no_such_key(tmp_path):
    ended = run_code(tmp_path, SETUP + "log_event('an_event')", LOG_HANDLERS="console")
    assert not {"service", "version"}.intersection(json.loads(ended.stdout))


# Where an event is logged from


def test_an_event_at_exit_is_logged(tmp_path):
    code = "import atexit; atexit.register(log_event, 'at_exit', {'number': 1})"
    ended = run_code(tmp_path, SETUP + code)
    line = Logs(tmp_path / "logs").only()
    assert (line["event"], line["payload"]) == ("at_exit", {"number": 1})
    assert ended.stderr == ""


def test_an_event_of_a_bare_thread_is_logged(logs: Logs):
    _thread.start_new_thread(log_event, ("from_a_bare_thread",))
    wait_for(lambda: logs.text().endswith("\n"))
    line = logs.only()
    assert line["event"] == "from_a_bare_thread"
    assert line["logger"].startswith(NAMESPACE)


def test_an_operation_within_an_exit_stack_is_its_callers(logs: Logs):
    with ExitStack() as stack:
        stack.enter_context(log_operation("work"))
    assert logs.events() == ["work_start", "work_success"]
    assert {line["logger"] for line in logs.lines()} == {HERE}


def log_for_caller(name: str, **options: Any) -> None:
    """Log as a function does that an owner puts around log_event."""
    log_event(name, {"wrapped": True}, **options)


CALLER = {"__name__": f"{NAMESPACE}.shop", "log_for_caller": log_for_caller}


@pytest.mark.parametrize(
    ("options", "logger"),
    [
        ({}, HERE),
        ({"stacklevel": 2}, f"{NAMESPACE}.shop"),
        ({"logger": "jobs"}, f"{NAMESPACE}.jobs"),
        ({"logger": f"{NAMESPACE}.jobs"}, f"{NAMESPACE}.jobs"),
        ({"logger": "jobs", "stacklevel": 2}, f"{NAMESPACE}.jobs"),
        ({"stacklevel": 1_000}, NAMESPACE),
    ],
    ids=str,
)
def test_a_wrapper_around_it_says_whose_event_it_is(logs: Logs, options, logger):
    exec("log_for_caller('wrapped', **options)", CALLER | {"options": options})
    assert (logs.only()["event"], logs.only()["logger"]) == ("wrapped", logger)


def test_a_wrapped_record_names_the_place_of_its_caller(caplog):
    logger = logging.getLogger(HERE)
    logger.addHandler(caplog.handler)
    try:
        log_for_caller("wrapped", stacklevel=2)
    finally:
        logger.removeHandler(caplog.handler)
    assert {record.funcName for record in caplog.records} == {
        "test_a_wrapped_record_names_the_place_of_its_caller"
    }


# Values that raise what ends a process


class Vanished(BaseException):
    """An exception that ends the process, and that nobody knows."""


ENDS = [SystemExit, KeyboardInterrupt, GeneratorExit, Vanished]


def raising(error: type[BaseException], method: str, base: type = object) -> Any:
    """Return an object one of whose methods raises."""

    def fails(*_args: Any) -> Any:
        raise error

    return type("Odd", (base,), {method: fails})()


@pytest.mark.parametrize("error", ENDS)
@pytest.mark.parametrize(
    ("method", "base"), [("__repr__", object), ("__str__", Exception), ("__iter__", list)]
)
def test_what_a_value_raises_does_not_reach_the_caller(logs: Logs, error, method, base):
    odd = raising(error, method, base)
    log_event("odd", {"odd": odd, "list": [odd], "fine": 1})
    with log_operation("odd", {"odd": odd}):
        pass
    lines = logs.lines()
    assert [line["event"] for line in lines] == ["odd", "odd_start", "odd_success"]
    assert lines[0]["payload"]["fine"] == 1


@pytest.mark.parametrize("error", ENDS)
def test_what_a_payload_or_a_name_raises_does_not_reach_the_caller(logs: Logs, error):
    log_event("payload", raising(error, "__repr__"))
    log_event(raising(error, "__repr__"))
    assert len(logs.lines()) == 2


@pytest.mark.parametrize("error", ENDS)
def test_what_an_exception_raises_when_it_is_shown_does_not_reach_the_caller(logs: Logs, error):
    log_event("failed", level="ERROR", exception=raising(error, "__str__", Exception))
    assert logs.only()["exception"]["type"] == "Odd"
