"""What a running server makes: files for their owner and group, and lines of limited length."""

import stat
import subprocess
from pathlib import Path

import pytest

from .harness import MAX_LINE_BYTES, MAX_PIPE_LINE_BYTES, Log, Project, figures, new_id, read_log

pytestmark = pytest.mark.long

PAIRS = [("gunicorn", "logrotate"), ("uvicorn", "size")]


def mode(path: Path) -> int:
    """Return the permissions of a file or folder."""
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("umask", [0, 0o022, 0o077], ids=oct)
@pytest.mark.parametrize(("kind", "rotation"), PAIRS)
def test_rights(project: Project, tmp_path: Path, kind: str, rotation: str, umask: int) -> None:
    logs = tmp_path / "deep" / "logs"
    env = {"LOG_DIR": str(logs), "LOG_ROTATION": rotation}
    with project.server(kind, tmp_path / "run", env, umask=umask) as server:
        assert server.get("/stress/events").status == 200
    assert mode(logs) == 0o750 & ~umask
    files = {path.name: mode(path) for path in logs.iterdir()}
    assert {"app.json.log", "errors.json.log"} <= set(files)
    assert set(files.values()) == {0o640 & ~umask}


def test_the_settings_of_a_bake_are_for_their_owner(project: Project) -> None:
    assert mode(project.path / ".env") == 0o600


@pytest.mark.parametrize(("kind", "rotation"), PAIRS)
@pytest.mark.parametrize("target", ["file", "nothing"])
def test_planted_links_are_not_followed(
    project: Project, tmp_path: Path, kind: str, rotation: str, target: str
) -> None:
    logs, victim = tmp_path / "logs", tmp_path / "victim"
    logs.mkdir()
    if target == "file":
        victim.write_text("precious")
    for name in ("app.json.log", ".__app.json.lock", "errors.json.log"):
        (logs / name).symlink_to(victim)
    env = {"LOG_DIR": str(logs), "LOG_ROTATION": rotation}
    with project.server(kind, tmp_path / "run", env) as server:
        for _ in range(20):
            assert server.get("/stress/events").status == 200
    assert victim.exists() == (target == "file")
    assert target == "nothing" or victim.read_text() == "precious"
    assert server.complaints()
    assert {line["payload"]["handler"] for line in server.complaints()} == {"file", "error_file"}
    checked = project.python("manage.py", "check", env=env)
    assert checked.returncode == 1
    assert "is a symbolic link, which is never followed" in checked.stderr


@pytest.mark.parametrize("kind", ["gunicorn", "uvicorn"])
def test_lines_are_as_long_as_their_place_allows(
    project: Project, tmp_path: Path, kind: str
) -> None:
    logs = tmp_path / "logs"
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as pipe:
        assert pipe.stdin is not None
        with project.server(kind, tmp_path, {"LOG_DIR": str(logs)}, stdout=pipe.stdin) as server:
            for _ in range(5):
                assert server.get("/stress/large", new_id()).status == 200
        printed, _ = pipe.communicate(timeout=30)
    console = Log()
    console.add(printed)
    file = read_log(logs, "app.json.log")
    for place, log, limit in (
        ("pipe", console, MAX_PIPE_LINE_BYTES),
        ("file", file, MAX_LINE_BYTES),
    ):
        large = log.payloads("stress_large")
        figures(f"size, {kind}, {place}", large_lines=len(large), bytes_in_the_longest=log.longest)
        assert len(large) == 5
        assert all(payload["truncated_bytes"] > 1_000_000 for payload in large)
        assert limit // 2 < log.longest <= limit
        assert log.torn == []
        assert project.refused_by_schema(log) == ""
        errors = [line for line in log.lines if line["event"] == "stress_large_error"]
        assert [line["exception"]["type"] for line in errors] == ["ValueError"] * 5
