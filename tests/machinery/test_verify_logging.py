"""manage.py verify_logging: passes when every handler is proven, else says why and what to do."""

import json
import logging
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from observability import verification
from observability.logging_config import ROTATIONS

from .support import NAMESPACE, PLAIN_CONFIG, Logs, logging_to, manage, parsed


def verify(settings, folder: Path, **changes) -> tuple[Logs, str]:
    """Run the command under a configuration of its own."""
    config = {**PLAIN_CONFIG, "handlers": ("console", "file", "error_file"), **changes}
    settings.LOG_LEVEL, settings.LOG_ERROR_LEVEL = config["level"], config["error_level"]
    settings.LOG_HANDLERS, settings.LOG_ROTATION = list(config["handlers"]), config["rotation"]
    settings.LOG_DIR = folder
    out = StringIO()
    with logging_to(folder, **config) as logs:
        call_command("verify_logging", stdout=out)
    return logs, out.getvalue()


@pytest.mark.parametrize("rotation", ROTATIONS)
@pytest.mark.parametrize(
    "handlers",
    [("console", "file", "error_file"), ("console", "file"), ("file", "error_file"), ("console",)],
    ids="+".join,
)
def test_it_passes_and_has_a_row_for_each_handler(settings, tmp_path, capsys, handlers, rotation):
    folder = tmp_path / "verified"
    logs, printed = verify(settings, folder, handlers=handlers, rotation=rotation)
    *rows, last = printed.splitlines()
    proven = [*handlers, *(["audit_file"] if "file" in handlers else [])]
    assert [row.split()[:2] for row in rows[-len(proven) :]] == [[n, "proven"] for n in proven]
    assert "verified" in last
    console = capsys.readouterr().out
    probes = [line for line in parsed(console) if line["event"] == "logging_probe"]
    assert bool(probes) == ("console" in handlers)
    for name, handler in {"app": "file", "errors": "error_file", "audit": "file"}.items():
        found = [line for line in logs.lines(name) if line["event"] == "logging_probe"]
        assert bool(found) == (handler in handlers)
    # Alerts fire on the levels of this file, and on its lines.
    assert all(line["level"] == "INFO" for line in logs.lines("errors"))


@pytest.mark.parametrize("level", ["DEBUG", "CRITICAL"])
@pytest.mark.parametrize("error_level", ["WARNING", "CRITICAL"])
def test_it_passes_at_every_level(settings, tmp_path, level, error_level):
    verify(settings, tmp_path / "verified", level=level, error_level=error_level)


def test_it_leaves_the_console_as_it_was(settings, tmp_path, capsys):
    with logging_to(tmp_path / "v", handlers=("console",)):
        settings.LOG_HANDLERS = ["console"]
        (handler,) = logging.getLogger(NAMESPACE).handlers
        before = handler.stream
        verification.verify()
        assert handler.stream is before


def fails(settings, tmp_path, *expected: str, **changes) -> None:
    with pytest.raises(CommandError) as caught:
        verify(settings, tmp_path / "verified", **changes)
    for text in expected:
        assert text in str(caught.value)


def test_an_unknown_level_fails_it(settings, tmp_path):
    fails(settings, tmp_path, "LOG_LEVEL: 'LOUD' is unknown", "Fix: Use DEBUG", level="LOUD")


def test_a_folder_that_is_a_file_fails_it(settings, tmp_path, capsys):
    (tmp_path / "verified").touch()
    fails(settings, tmp_path, "LOG_DIR: no log file can be written", "Fix: Make the folder")


def test_a_symbolic_link_fails_it(settings, tmp_path, capsys):
    (tmp_path / "verified").mkdir()
    (tmp_path / "verified" / "app.json.log").symlink_to(tmp_path / "elsewhere")
    fails(settings, tmp_path, "is a symbolic link", "\nfile: ")
    assert not (tmp_path / "elsewhere").exists()


def test_a_handler_that_is_not_attached_fails_it(settings, tmp_path):
    with logging_to(tmp_path / "verified", handlers=("console", "file")):
        settings.LOG_HANDLERS = ["console", "file"]
        logger = logging.getLogger(NAMESPACE)
        logger.handlers[:] = [one for one in logger.handlers if one.name != "file"]
        problems = {proof.handler: proof.problem for proof in verification.verify()}
    assert "not on the" in problems["file"]
    assert problems["console"] == ""


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (lambda _record: "no json", "0 lines of the probe"),
        (lambda record: json.dumps(record.payload), "not as the schema has it"),
        (lambda record: f"{record.payload['probe']} no json", "cannot be read back"),
    ],
    ids=["lost", "not valid", "no json"],
)
def test_a_formatter_that_writes_something_else_fails_it(settings, tmp_path, broken, reason):
    settings.LOG_HANDLERS = ["file"]
    with logging_to(tmp_path / "verified", handlers=("file",)):
        (handler,) = logging.getLogger(NAMESPACE).handlers
        handler.formatter.format = broken
        proof, audit_proof = verification.verify()
    assert reason in proof.problem
    assert reason in audit_proof.problem
    assert "FAILED" in str(proof)


def test_a_middleware_that_is_missing_fails_it(settings, tmp_path):
    settings.MIDDLEWARE = settings.MIDDLEWARE[1:]
    fails(settings, tmp_path, "missing from MIDDLEWARE", "at the top of MIDDLEWARE")


def test_as_a_command_it_ends_with_0_or_1(tmp_path):
    assert manage(tmp_path, "verify_logging").returncode == 0
    failed = manage(tmp_path, "verify_logging", LOG_LEVEL="LOUD")
    assert failed.returncode == 1
    assert "LOG_LEVEL: 'LOUD' is unknown" in failed.stderr
    assert "Traceback" not in failed.stderr
