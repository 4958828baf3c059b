"""Files that others can reach: their rights, links and locks, and what others write in them."""

import logging
import os
from fcntl import LOCK_SH, flock
from pathlib import Path

import pytest

from observability.events import log_event
from observability.line import files
from observability.logging_config import ROTATIONS

from .support import NAMESPACE, logging_to, parsed_line

pytestmark = pytest.mark.parametrize("rotation", ROTATIONS)


@pytest.fixture
def umask():
    """Return a function that sets the umask for the rest of the test."""
    before = os.umask(0)
    yield os.umask
    os.umask(before)


def rights(path: Path) -> int:
    return path.stat().st_mode & 0o777


@pytest.mark.parametrize(
    ("mask", "of_folder", "of_file"),
    [(0o000, 0o750, 0o640), (0o022, 0o750, 0o640), (0o027, 0o750, 0o640), (0o077, 0o700, 0o600)],
    ids=oct,
)
def test_folder_and_files_have_no_right_too_many(
    tmp_path, umask, rotation, mask, of_folder, of_file
):
    umask(mask)
    with logging_to(tmp_path / "new", rotation=rotation) as logs:
        log_event("spoken", level="ERROR")
    assert rights(logs.folder) == of_folder
    files = list(logs.folder.iterdir())
    assert {"app.json.log", "errors.json.log"} <= {path.name for path in files}
    assert {path.name: rights(path) for path in files} == {path.name: of_file for path in files}


@pytest.mark.parametrize("target", ["somebody-elses", "missing"])
def test_a_symbolic_link_is_not_followed(tmp_path, capsys, rotation, target):
    folder, victim = tmp_path / "new", tmp_path / target
    folder.mkdir()
    if target == "somebody-elses":
        victim.write_text("theirs")
    (folder / "app.json.log").symlink_to(victim)
    with logging_to(folder, rotation=rotation):
        log_event("spoken", level="ERROR")
    assert (victim.read_text() if victim.exists() else "") in ("", "theirs")
    assert victim.exists() == (target == "somebody-elses")
    assert (folder / "errors.json.log").stat().st_size > 0
    assert "log_write_failed" in capsys.readouterr().err
    (folder / "app.json.log").unlink()


def test_a_file_that_takes_the_place_of_another_has_the_same_rights(
    tmp_path, umask, monkeypatch, rotation
):
    umask(0o022)
    monkeypatch.setattr(files, "LOOK_SECONDS", 0.0)
    with logging_to(tmp_path / "new", rotation=rotation) as logs:
        file = next(one for one in logging.getLogger(NAMESPACE).handlers if one.name == "file")
        for number in range(3):
            file._file._max_bytes = (rotation == "size") and number < 2
            log_event("spoken", {"number": number})
            if rotation == "logrotate" and number < 2:
                (logs.folder / "app.json.log").rename(logs.folder / f"app.json.log.{number}")
    assert [line["payload"]["number"] for line in logs.lines()] == [2]
    paths = list(logs.folder.glob("app.json.log*"))
    assert len(paths) == 3
    assert {rights(path) for path in paths} == {0o640}


def test_who_holds_the_lock_of_a_file_holds_nobody_up(tmp_path, monkeypatch, rotation):
    monkeypatch.setattr(files, "LOCK_SECONDS", 0.05)
    monkeypatch.setattr(files.LogFile, "lockless_until", 0.0)
    with logging_to(tmp_path / "logs", rotation=rotation) as logs:
        log_event("before")
        with (logs.folder / "app.json.log").open("rb") as reader:
            flock(reader, LOCK_SH)
            for _ in range(50):
                log_event("meanwhile")
        assert logs.events() == ["before", *["meanwhile"] * 50]


@pytest.mark.parametrize("lines_before", [0, 1, 2])
def test_no_line_is_glued_to_what_a_killed_process_left(tmp_path, lines_before, rotation):
    with logging_to(tmp_path / "shared", rotation=rotation) as logs:
        for _ in range(lines_before):
            log_event("before")
        logs.folder.mkdir(exist_ok=True)
        with (logs.folder / "app.json.log").open("ab") as killed:
            killed.write(b'{"event":"to')
        log_event("after")
        log_event("after")
    *before, torn, first, second = logs.text().splitlines()
    assert len(before) == lines_before
    assert torn == '{"event":"to'
    assert [parsed_line(line)["event"] for line in (first, second)] == ["after", "after"]
