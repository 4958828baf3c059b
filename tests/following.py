"""Follows the documentation at one place: runs its commands as they stand, in a shell."""

import os
import re
import signal
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from tests.conftest import run
from tests.documented_commands import (
    ID,
    TRACE,
    Prepare,
    Run,
    Serve,
    Step,
    Talk,
    as_it_can_be_run,
)
from tests.reliability.harness import free_port, wait_until
from tests.terminal import Terminal

HEADERS = {"X-Request-ID": ID, "traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}


@dataclass
class Follower:
    """Somebody at a place, at home in a folder beside it, who knows all commands of the pages."""

    name: str
    place: Path
    commands: set[str]
    # What curl is told besides, in the form of its configuration.
    curl: list[str] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)

    def follow(self, script: list[Step]) -> None:
        """Make the steps, one after the other; fail at the first that does not work."""
        for step in script:
            if isinstance(step, Prepare):
                step.do(self.place)
                continue
            found = sorted(each for each in self.commands if re.fullmatch(step.pattern, each))
            # Two commands of the pages may have one in their place.
            for command in dict.fromkeys(as_it_can_be_run(each, self.name) for each in found):
                if isinstance(step, Run):
                    self.run(step, command)
                elif isinstance(step, Talk):
                    self.talk(step, command)
                else:
                    self.serve(step, command)

    def run(self, step: Run, command: str) -> None:
        """Run a command to its end."""
        folder = self.place / step.folder
        folder.mkdir(exist_ok=True)
        shell = ("bash", "-euo", "pipefail", "-c", command)
        env = {"TERM": "dumb"} | self.variables | step.env
        done = run(*shell, cwd=folder, env=env, check=False, text=step.typed)
        printed = done.stdout + done.stderr
        assert done.returncode == step.code, f"{command}\n{printed}"
        assert re.search(step.prints, printed, re.MULTILINE), f"{command}\n{printed}"

    def talk(self, step: Talk, command: str) -> None:
        """Run a command in a terminal, and answer what it asks."""
        folder = self.place / step.folder
        with Terminal(["bash", "-euc", command], folder, self.variables) as terminal:
            for text, answer in step.answers:
                terminal.expect(text)
                terminal.enter(answer)
            assert terminal.end() == 0, f"{command}\n{terminal.text}"

    def serve(self, step: Serve, command: str) -> None:
        """Start a command, see that it works, make the other steps, and stop it."""
        port = free_port()
        output = self.place.parent / "output"

        def works() -> bool:
            assert server.poll() is None, f"{command}\n{output.read_text('utf-8')}"
            if step.answers:
                return status(f"http://127.0.0.1:{port}{step.answers}") == 200
            return bool(re.search(step.prints, output.read_text("utf-8")))

        with output.open("wb") as file:
            server = subprocess.Popen(
                ["bash", "-euc", f"exec {command}"],
                cwd=self.place,
                env=self.environment(port),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                start_new_session=True,
            )
            self.variables["SERVER"] = str(server.pid)
            try:
                wait_until(works, seconds=60, what=command)
                self.follow(step.meanwhile)
                wait_until(works, seconds=60, what=command)
            finally:
                os.killpg(server.pid, signal.SIGTERM)
                server.wait(timeout=60)

    def environment(self, port: int) -> dict[str, str]:
        """Let a server listen on a port, and curl find it there instead of 8000."""
        lines = ["silent", "show-error", "fail", *self.curl]
        lines += [f'connect-to = "127.0.0.1:8000:127.0.0.1:{port}"']
        lines += [f'header = "{name}: {value}"' for name, value in HEADERS.items()]
        (Path.home() / ".curlrc").write_text("\n".join(lines), encoding="utf-8")
        bind = f"127.0.0.1:{port}"
        return (
            os.environ
            | self.variables
            | {
                "PWD": str(self.place),
                "PYTHONUNBUFFERED": "1",
                "PORT": str(port),
                "BIND": bind,
                "GUNICORN_CMD_ARGS": f"--bind {bind}",
                "UVICORN_PORT": str(port),
            }
        )


def status(url: str) -> int:
    """Ask for a page under the request id of the documentation; return 0 when nobody answers."""
    try:
        with urlopen(Request(url, headers=HEADERS), timeout=10) as response:
            return int(response.status)
    except HTTPError as error:
        return error.code
    except (URLError, OSError):
        return 0
