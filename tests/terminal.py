"""A pseudo-terminal of 24 lines and 80 columns, in which a command runs as a person calls it."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Self

LINES, COLUMNS = 24, 80


def _take_terminal() -> None:
    """Make the terminal the session's own, so that it turns Ctrl-C into a signal.

    What was started in the background ignores that signal, and so would all that it starts.
    """
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Terminal:
    """Runs a command; `expect` reads until a text stands there, `enter` types, `end` waits."""

    def __init__(self, command: list[str], cwd: Path, env: Mapping[str, str]) -> None:
        """Start a command in a folder, with `env` added to the environment."""
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
        self._process = subprocess.Popen(
            command,
            cwd=cwd,
            env={**os.environ, "TERM": "xterm", "PWD": str(cwd), **env},
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=_take_terminal,  # noqa: PLW1509 - no threads
        )
        os.close(slave)
        self._read = ""
        self._seen = 0

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the command, and close the terminal."""
        self._process.kill()
        self._process.wait()
        os.close(self._master)

    @property
    def text(self) -> str:
        """All that was printed, without the codes for colours."""
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self._read).replace("\r\n", "\n")

    def expect(self, text: str, seconds: float = 60) -> None:
        """Read until a text follows what was expected before; fail with all that was printed."""
        until = monotonic() + seconds
        while (found := self.text.find(text, self._seen)) < 0:
            assert self._more(until), f"{text!r} was not printed after:\n{self.text}"
        self._seen = found + len(text)

    def enter(self, answer: str = "") -> None:
        """Type an answer and Enter."""
        os.write(self._master, f"{answer}\n".encode())

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        os.write(self._master, b"\x03")

    def interrupt_question(self) -> int:
        """Press Ctrl-C at a question until the command has ended; return its exit code.

        Python waits for input with a signal pending that came just before: a person presses again.
        """
        for _ in range(5):
            self.interrupt()
            with suppress(subprocess.TimeoutExpired):
                return self.end(seconds=10)
        raise AssertionError(f"Ctrl-C did not end it:\n{self.text}")

    def end(self, seconds: float = 60) -> int:
        """Read until the command and all that it started have ended; return its exit code."""
        until = monotonic() + seconds
        while self._more(until):
            pass
        return self._process.wait(timeout=max(until - monotonic(), 1))

    def _more(self, until: float) -> bool:
        """Read what comes next; say whether anything came before the end, in time."""
        if not select.select([self._master], [], [], max(until - monotonic(), 0))[0]:
            return False
        try:
            read = os.read(self._master, 65_536)
        except OSError:  # how Linux says that nobody has the other end open
            return False
        self._read += read.decode("utf-8", "replace")
        return bool(read)
