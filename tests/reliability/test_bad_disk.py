"""The disk fails under a running server: it serves on, says so, and logs again when it can."""

import os
import resource
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from pathlib import Path

import pytest

from .harness import (
    Project,
    Server,
    figures,
    in_threads,
    mounted,
    need_mounts,
    new_id,
    read_log,
    without_root_rights,
)

pytestmark = pytest.mark.long

HANDLERS = {"file": "app.json.log", "error_file": "errors.json.log"}
WORKERS = {"gunicorn": 2, "uvicorn": 1}
REQUESTS = 200


@contextmanager
def full(folder: Path, _server: Server) -> Iterator[None]:
    """Fill the tiny file system to its last byte."""
    filler = folder.parent / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(512)):
                pass
        except OSError:
            pass
    yield
    filler.unlink()


@contextmanager
def nearly_full(folder: Path, server: Server) -> Iterator[None]:
    """Leave room for a few lines: the last of them ends in the middle."""
    with full(folder, server):
        os.truncate(folder.parent / "filler", (folder.parent / "filler").stat().st_size - 8192)
        yield


@contextmanager
def file_too_large(folder: Path, server: Server) -> Iterator[None]:
    """Allow files not much longer than the log is: the last line that fits ends in the middle."""
    limit = max(path.stat().st_size for path in folder.iterdir()) + 1000
    before = {}
    for pid in server.workers() or [server.process.pid]:
        before[pid] = resource.prlimit(pid, resource.RLIMIT_FSIZE, (limit, -1))
    yield
    for pid, limits in before.items():
        resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)


@contextmanager
def read_only(folder: Path, _server: Server) -> Iterator[None]:
    """Put a read-only file system in the folder's place."""
    with mounted(folder, "ro,size=64k"):
        yield


@contextmanager
def no_folder(folder: Path, _server: Server) -> Iterator[None]:
    """Put a file in the folder's place."""
    folder.rename(folder.with_name("away"))
    folder.touch()
    yield
    folder.unlink()
    folder.with_name("away").rename(folder)


@contextmanager
def no_permission(folder: Path, _server: Server) -> Iterator[None]:
    """Take away the right to enter the folder."""
    folder.chmod(0)
    yield
    folder.chmod(0o750)


Fault = Callable[[Path, Server], AbstractContextManager[None]]
TOLD: dict[Fault, str] = {
    full: "No space left on device",
    nearly_full: "No space left on device",
    file_too_large: "",  # a limit of the running processes, which a new one does not have
    read_only: "Read-only file system",
    no_folder: "Not a directory",
    no_permission: "Permission denied",
}
NEEDS_MOUNTS = {full, nearly_full, read_only}


@contextmanager
def disk(tmp_path: Path, fault: Fault) -> Iterator[Path]:
    """Return the log folder, on a tiny file system of its own for the faults that need one."""
    if fault in NEEDS_MOUNTS:
        need_mounts()
    folder = tmp_path / "disk"
    folder.mkdir()
    with mounted(folder, "size=256k") if fault in NEEDS_MOUNTS else nullcontext():
        yield folder / "logs"


def ask(server: Server, requests: int) -> set[int]:
    """Send requests from four clients; all must be answered well. Return who answered."""
    pids: set[int] = set()

    def client(_number: int) -> None:
        for _ in range(requests // 4):
            wanted = new_id()
            answer = server.get("/stress/events", wanted)
            assert (answer.status, answer.request_id) == (200, wanted), answer
            pids.add(answer.json()["pid"])

    in_threads(4, client)
    return pids


@pytest.mark.parametrize(
    ("fault", "kind", "rotation"),
    [
        *((fault, "gunicorn", rotation) for fault in TOLD for rotation in ("logrotate", "size")),
        *((fault, "uvicorn", "logrotate") for fault in (nearly_full, no_permission)),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_the_service_goes_on_and_accounts_for_what_was_lost(
    project: Project, tmp_path: Path, fault: Fault, kind: str, rotation: str
) -> None:
    with ExitStack() as stack:
        logs = stack.enter_context(disk(tmp_path, fault))
        env = {
            "LOG_DIR": str(logs),
            "LOG_ROTATION": rotation,
            "LOG_HANDLERS": ",".join(HANDLERS),
            "STRESS_ALONE": "True",
        }
        prefix = without_root_rights()
        server = stack.enter_context(project.server(kind, tmp_path / "run", env, prefix=prefix))
        ask(server, 20)
        with fault(logs, server):
            ask(server, REQUESTS)
            answer = server.get("/stress/events")
            assert answer.status == 200
            checked = project.python(*("manage.py", "check"), prefix=prefix, env=env)
        asked = 20 + REQUESTS + 1
        recovered: set[int] = set()
        while len(recovered) < WORKERS[kind] and asked < 1000:
            recovered |= ask(server, 20)
            asked += 20
        assert len(recovered) == WORKERS[kind]
        server.stop()
        written, dropped, torn = {}, {}, 0
        for handler, name in HANDLERS.items():
            log = read_log(logs, name)
            assert project.refused_by_schema(log) == ""
            written[handler] = sum(line["event"].startswith("stress_") for line in log.lines)
            dropped[handler] = log.dropped(handler)
            torn += len(log.torn)
        complaints = server.complaints()
    figures(
        f"{fault.__name__}, {kind}, {rotation}",
        requests=asked,
        answered_wrongly=0,
        written=sum(written.values()),
        dropped_and_counted=sum(dropped.values()),
        unaccounted=3 * asked - sum(written.values()) - sum(dropped.values()),
        torn=torn,
        complaints=len(complaints),
    )
    assert {name: written[name] + dropped[name] for name in HANDLERS} == {
        "file": 2 * asked,
        "error_file": asked,
    }
    assert dropped["file"] > 0
    assert torn == 0
    # At most one complaint of each handler in each worker: the test is shorter than their rate.
    assert 1 <= len(complaints) <= len(HANDLERS) * WORKERS[kind]
    assert "Traceback" not in server.stderr()
    if TOLD[fault]:
        assert checked.returncode == 1
        assert "logging.E005" in checked.stderr
        assert TOLD[fault] in checked.stderr


@pytest.mark.parametrize("rotation", ["logrotate", "size"])
@pytest.mark.parametrize("kind", ["gunicorn", "uvicorn"])
def test_a_deleted_folder_is_made_again(
    project: Project, tmp_path: Path, kind: str, rotation: str
) -> None:
    logs = tmp_path / "logs"
    env = {"LOG_DIR": str(logs), "LOG_ROTATION": rotation}
    with project.server(kind, tmp_path, env) as server:
        ask(server, 20)
        shutil.rmtree(logs)
        ask(server, REQUESTS)
    log = read_log(logs, "app.json.log")
    written = len(log.payloads("stress_event"))
    figures(f"folder deleted, {kind}, {rotation}", written=written, lost=REQUESTS - written)
    assert written == REQUESTS
    assert not log.torn
    assert stat.S_IMODE(logs.stat().st_mode) == 0o750
    assert server.complaints() == []


# Runs in the project: SCRIPT, with log(number, …) to log events.
PREAMBLE = """
import os, sys, django
from importlib import import_module
from resource import RLIMIT_FSIZE, setrlimit
django.setup()
from django.conf import settings
log_event = import_module(settings.LOG_NAMESPACE + ".logging_helper").log_event
def log(*numbers):
    for number in numbers:
        log_event("stress_event", {"number": number})
"""


def test_a_standard_error_that_fails_too_raises_nothing(project: Project, tmp_path: Path) -> None:
    (tmp_path / "logs").touch()
    read_end, write_end = os.pipe()
    with Path("/dev/full").open("wb") as full_disk:
        project.python(
            *("-c", f"{PREAMBLE}log(*range(1000)); os.write({write_end}, b'served on')"),
            env={"LOG_DIR": str(tmp_path / "logs"), "LOG_HANDLERS": "console,file"},
            stdout=full_disk,
            stderr=full_disk,
            pass_fds=(write_end,),
        )
    os.close(write_end)
    with os.fdopen(read_end, "rb") as pipe:
        assert pipe.read() == b"served on"


@pytest.mark.parametrize("rotation", ["logrotate", "size"])
def test_a_disk_that_comes_and_goes_is_complained_of_once(
    project: Project, tmp_path: Path, rotation: str
) -> None:
    script = """
for number in range(0, 300, 3):
    log(number)
    setrlimit(RLIMIT_FSIZE, (os.path.getsize(settings.LOG_DIR / "app.json.log") + 100, -1))
    log(number + 1)
    setrlimit(RLIMIT_FSIZE, (-1, -1))
    log(number + 2)
"""
    env = {"LOG_DIR": str(tmp_path), "LOG_HANDLERS": "file", "LOG_ROTATION": rotation}
    ended = project.python("-c", PREAMBLE + script, env=env)
    log = read_log(tmp_path, "app.json.log")
    found = [payload["number"] for payload in log.payloads("stress_event")]
    complaints = ended.stderr.count('"log_write_failed"')
    figures(
        f"disk that comes and goes, {rotation}",
        written=len(found),
        dropped_and_counted=log.dropped("file"),
        torn=len(log.torn),
        complaints=complaints,
    )
    assert ended.returncode == 0
    assert found == [number for number in range(300) if number % 3 != 1]
    assert (log.dropped("file"), log.torn, complaints) == (100, [], 1)


def test_a_console_that_recovers_prints_nothing_twice(project: Project, tmp_path: Path) -> None:
    """Standard output is a file of limited size: the line that met the limit ends in the middle."""
    script = """
log(*range(50))
setrlimit(RLIMIT_FSIZE, (12_345, -1))
log(*range(50, 100))
setrlimit(RLIMIT_FSIZE, (-1, -1))
log(*range(100, 150))
"""
    env = {"LOG_HANDLERS": "console"}
    with (tmp_path / "stdout").open("wb") as stdout:
        ended = project.python("-c", PREAMBLE + script, env=env, stdout=stdout)
    assert ended.returncode == 0
    log = read_log(tmp_path, "stdout")
    found = [payload["number"] for payload in log.payloads("stress_event")]
    figures("console that recovers", written=len(found), dropped=log.dropped("console"))
    assert found == sorted(set(found))
    assert {*range(50), *range(100, 150)} <= set(found)
    assert len(found) + log.dropped("console") == 150
    assert len(log.torn) == 1  # it cannot be taken back, but no other line is glued to it
