"""What the stress tests share: servers, clients, what stands in log files, logrotate, mounts."""

import gzip
import http.client
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Protocol, TypeVar
from uuid import uuid4

import pytest

SIX_KEYS = ["timestamp", "level", "logger", "request_id", "event", "payload"]
MAX_LINE_BYTES = 262_144
MAX_PIPE_LINE_BYTES = 4096

T = TypeVar("T")
Line = dict[str, Any]


class HasStatus(Protocol):
    """An answer to a request."""

    @property
    def status(self) -> int:
        """Return the status."""


def figures(what: str, **numbers: int) -> None:
    """Print what a test counted, in one line; shown by pytest -s, or -rP."""
    counted = ", ".join(f"{number} {name.replace('_', ' ')}" for name, number in numbers.items())
    print(f"\nreliability: {what}: {counted}")


def wait_until(condition: Callable[[], T], *, seconds: float = 20, what: str = "") -> T:
    """Poll a condition, and return its first true value; fail when none comes in time."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, f"not within {seconds} s: {what or condition}"
        time.sleep(0.02)
    return value


# What stands in log files


@dataclass
class Log:
    """The lines of a log and of its rotated files; what is no JSON object of ours is torn."""

    lines: list[Line] = field(default_factory=list)
    torn: list[str] = field(default_factory=list)
    longest: int = 0
    texts: list[str] = field(default_factory=list)

    def add(self, data: bytes) -> None:
        """Read what stands in one file."""
        texts = data.decode("utf-8", "replace").split("\n")
        self.torn += [texts[-1]] if texts[-1] else []
        for text in texts[:-1]:
            self.longest = max(self.longest, len(text.encode()) + 1)
            try:
                line = json.loads(text)
                assert list(line)[:6] == SIX_KEYS
            except (ValueError, TypeError, AssertionError):
                self.torn.append(text)
            else:
                self.lines.append(line)
                self.texts.append(text)

    def payloads(self, event: str) -> list[dict[str, Any]]:
        """Return the payloads of one event."""
        return [line["payload"] for line in self.lines if line["event"] == event]

    def dropped(self, handler: str) -> int:
        """Return how many records a handler said it had dropped."""
        accounts = self.payloads("log_records_dropped")
        return sum(each["dropped"] for each in accounts if each["handler"] == handler)


def read_log(folder: Path, name: str) -> Log:
    """Read a log file and all that rotation made of it."""
    log = Log()
    for path in sorted(folder.glob(f"{name}*")):
        log.add(gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes())
    return log


def tally(found: Iterable[object], expected: Iterable[object]) -> dict[str, int]:
    """Count what was expected, and how much of it is missing or there twice."""
    wanted, there = Counter(expected), Counter(found)
    return {
        "written": wanted.total(),
        "lost": (wanted - there).total(),
        "duplicated": (there - wanted).total(),
    }


# The project and its servers


@dataclass(frozen=True)
class Project:
    """A baked project with its own environment, and the stress package in it."""

    path: Path
    log_dir: Path

    def command(self, name: str) -> str:
        """Return the path of a command of the project's environment."""
        return str(self.path / ".venv" / "bin" / name)

    def environment(self, **variables: str) -> dict[str, str]:
        """Return an environment in which the project runs as in production."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("LOG_")}
        settings = {"DEBUG": "False", "DJANGO_SETTINGS_MODULE": "stress.settings"}
        return kept | {"PWD": str(self.path), "PYTHONUNBUFFERED": "1"} | settings | variables

    def python(  # noqa: PLR0913 - what subprocess.run takes
        self,
        *arguments: str,
        prefix: tuple[str, ...] = (),
        env: dict[str, str] | None = None,
        cwd: Path | None = None,
        text: str = "",
        stdout: int | IO[bytes] = subprocess.PIPE,
        stderr: int | IO[bytes] = subprocess.PIPE,
        pass_fds: tuple[int, ...] = (),
    ) -> "subprocess.CompletedProcess[str]":
        """Run Python to its end in the project; the caller looks at how it ended."""
        return subprocess.run(
            [*prefix, self.command("python"), *arguments],
            cwd=cwd or self.path,
            env=self.environment(**(env or {})),
            input=text,
            stdout=stdout,
            stderr=stderr,
            pass_fds=pass_fds,
            encoding="utf-8",
            timeout=120,
            check=False,
        )

    def refused_by_schema(self, log: Log) -> str:
        """Return the lines that the project's own schema refuses, with the reasons."""
        return self.python("-m", "stress.schema", text="\n".join(log.texts)).stdout

    @contextmanager
    def server(  # noqa: PLR0913 - what subprocess.Popen takes
        self,
        kind: str,
        folder: Path,
        env: dict[str, str],
        *,
        prefix: tuple[str, ...] = (),
        umask: int = 0o022,
        stdout: IO[bytes] | None = None,
    ) -> Iterator["Server"]:
        """Serve the project until the block ends; what it prints goes to files in `folder`."""
        port = free_port()
        commands = {
            "gunicorn": ["gunicorn", "config.wsgi"],
            "uvicorn": ["uvicorn", "config.asgi:application", "--port", str(port)],
        }
        name, *arguments = commands[kind]
        environment = self.environment(BIND=f"127.0.0.1:{port}", **env)
        folder.mkdir(exist_ok=True)
        with (folder / "stdout").open("wb") as out, (folder / "stderr").open("wb") as err:
            process = subprocess.Popen(
                [*prefix, self.command(name), *arguments],
                cwd=self.path,
                env=environment,
                stdout=stdout or out,
                stderr=err,
                umask=umask,
            )
        server = Server(process, port, folder)
        try:
            wait_until(server.answers, what=f"{kind} answers: {server.stderr()[-2000:]}")
            yield server
        finally:
            server.stop()


@dataclass(frozen=True)
class Server:
    """A server under test."""

    process: "subprocess.Popen[bytes]"
    port: int
    folder: Path

    def answers(self) -> bool:
        """Say whether it is up."""
        assert self.process.poll() is None, f"the server ended: {self.stderr()[-2000:]}"
        return is_live(self.get)

    def get(
        self, path: str, request_id: str = "", *, method: str = "GET", body: bytes | None = None
    ) -> "Answer":
        """Send a request on a connection of its own; raises what the network raises."""
        headers = {"Connection": "close"} | ({"X-Request-ID": request_id} if request_id else {})
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return Answer(response.status, response.read(), response.headers["X-Request-ID"])
        finally:
            connection.close()

    def stderr(self) -> str:
        """Return what it has printed on standard error."""
        return (self.folder / "stderr").read_text("utf-8", "replace")

    def complaints(self) -> list[Line]:
        """Return what its handlers have said on standard error."""
        texts = [text for text in self.stderr().splitlines() if '"log_write_failed"' in text]
        return [json.loads(text) for text in texts]

    def console(self) -> Log:
        """Return what it has logged on standard output."""
        log = Log()
        log.add((self.folder / "stdout").read_bytes())
        return log

    def workers(self) -> list[int]:
        """Return the process ids of its workers."""
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in path.read_text().split()]

    def stop(self) -> None:
        """End it, gently if it lets us."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                for pid in self.workers():
                    os.kill(pid, signal.SIGKILL)
                self.process.kill()
        self.process.wait(timeout=15)


@dataclass(frozen=True)
class Answer:
    """What came back for a request."""

    status: int
    body: bytes
    request_id: str | None

    def json(self) -> dict[str, Any]:
        """Return the body's JSON object."""
        return dict(json.loads(self.body))


def free_port() -> int:
    """Return a port that nobody listens on, below those that systems give to clients.

    One of theirs can be taken before the server has it, also by whoever polls it: a client that
    calls from the port that it calls has reached itself.
    """
    while True:
        port = random.randrange(20_000, 32_000)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def is_open(port: int) -> bool:
    """Say whether somebody listens on a port."""
    with socket.socket() as client:
        client.settimeout(2)
        return client.connect_ex(("127.0.0.1", port)) == 0


def is_live(ask: Callable[[str], HasStatus]) -> bool:
    """Ask a server, by a function that sends a request for a path, whether it is up."""
    with suppress(OSError, http.client.HTTPException):
        return ask("/health/live").status == 200
    return False


def new_id() -> str:
    """Return a request id that no other request has."""
    return f"want-{uuid4().hex}"


def in_threads(count: int, work: Callable[[int], None]) -> None:
    """Run `work` in threads, to its end in each; raise what any of them raised."""
    errors: list[BaseException] = []

    def guarded(number: int) -> None:
        try:
            work(number)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(n,), daemon=True) for n in range(count)]
    for thread in threads:
        thread.start()
    end = time.monotonic() + 90
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
        assert not thread.is_alive(), "a client hangs"
    if errors:
        raise errors[0]


# The system


def logrotate(config: Path, state: Path) -> None:
    """Let the real logrotate rotate, whether it is due or not."""
    command = [logrotate_command(), "--force", "--state", str(state), str(config)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert result.returncode == 0, result.stderr


def logrotate_command() -> str:
    """Return the path of logrotate; fail where it is not installed."""
    path = shutil.which("logrotate", path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    assert path, "these tests need the real logrotate: apt-get install logrotate"
    return path


@contextmanager
def mounted(folder: Path, options: str) -> Iterator[None]:
    """Mount a tmpfs on a folder until the block ends."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], check=True, timeout=10)
    try:
        yield
    finally:
        # Lazily: whoever still has a file open there keeps it, and the mount goes all the same.
        subprocess.run(["umount", "--lazy", folder], check=True, timeout=10)


def need_mounts() -> None:
    """Skip a test that mounts, where that is not allowed; in CI, fail instead."""
    if os.geteuid() == 0:
        return
    if os.environ.get("REQUIRE_ROOT") == "1":
        pytest.fail("REQUIRE_ROOT is set, and this is not root: file systems cannot be mounted")
    pytest.skip("only root can mount a file system")


def without_root_rights() -> tuple[str, ...]:
    """Return the command that makes file permissions hold for the command after it."""
    if os.geteuid() != 0:
        return ()
    capabilities = "-dac_override,-dac_read_search"
    return ("setpriv", f"--inh-caps={capabilities}", f"--bounding-set={capabilities}")
