"""The handlers: a console, a file that logrotate may rename, a file that rotates by size."""

import logging
import os
import stat
import sys
from collections.abc import Callable
from contextlib import suppress
from logging.handlers import WatchedFileHandler
from time import monotonic
from typing import Any

from concurrent_log_handler import ConcurrentRotatingFileHandler

from ...logging_helper import Event
from .shorten import shortened
from .streams import Unbuffered, append, open_log_file, open_private

# A handler that cannot write says so on standard error, this often at the most.
SECONDS_BETWEEN_COMPLAINTS = 30.0


class _Accountable(logging.Handler):
    """Raises nothing into the application, and accounts for what it could not write."""

    _dropped = 0
    _complained_at = float("-inf")
    last_error = ""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802, ARG002 - logging's
        """Count the record as dropped, and say why on standard error at a bounded rate."""
        self._dropped += 1
        error = sys.exc_info()[1]
        self.last_error = f"{type(error).__name__}: {error}"
        if monotonic() - self._complained_at < SECONDS_BETWEEN_COMPLAINTS:
            return
        self._complained_at = monotonic()
        facts = {"handler": self.name, "error": self.last_error, "dropped": self._dropped}
        with suppress(Exception):
            sys.stderr.write(self._own_line("log_write_failed", facts, logging.ERROR) + "\n")

    def account(self, write: Callable[[str], object]) -> None:
        """Say how many records were dropped, if any were: called when one has been written."""
        if not self._dropped:
            return
        facts = {"handler": self.name, "dropped": self._dropped}
        with suppress(Exception):  # the number is kept until it could be written
            write(self._own_line("log_records_dropped", facts, logging.WARNING))
            self._dropped = 0

    def _own_line(self, event: str, payload: dict[str, Any], level: int) -> str:
        record = logging.LogRecord(__name__, level, __file__, 0, Event(event, payload), None, None)
        return self.format(record)

    def _at_fork_reinit(self) -> None:
        """Leave the parent its count; logging calls this in a forked child."""
        super()._at_fork_reinit()  # type: ignore[misc]  # unknown to typeshed
        self._dropped = 0


class _LineHandler(_Accountable):
    """Writes one line at once, by a method of its subclass."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line at once."""
        try:
            self._write(self.format(record))
        except Exception:
            self.handleError(record)
        else:
            if self._dropped:
                self.account(self._write)

    def _write(self, line: str) -> None:
        raise NotImplementedError


class ConsoleHandler(_LineHandler, logging.StreamHandler[Any]):
    """Writes lines to a stream, normally standard output; short enough where that is a pipe."""

    def __init__(self, stream: Any, max_pipe_bytes: int) -> None:
        super().__init__(Unbuffered(stream))
        self._max_pipe_bytes = max_pipe_bytes

    def _write(self, line: str) -> None:
        if len(line) * 4 >= self._max_pipe_bytes and self._is_pipe():  # at most four bytes each
            line = shortened(line, self._max_pipe_bytes)
        self.stream.write(self.shown(line) + "\n")

    def shown(self, line: str) -> str:
        """Return what is written of a finished line: the line itself."""
        return line

    def _is_pipe(self) -> bool:
        try:
            return stat.S_ISFIFO(os.fstat(self.stream.fileno()).st_mode)
        except (OSError, ValueError, AttributeError):
            return False


class LogFileHandler(_LineHandler, WatchedFileHandler):
    """Appends each line with one write, so that processes share a file without tearing lines.

    The file is opened at the first line, and again when it was renamed or removed.
    """

    stream: Any  # unbuffered, where logging's own is a text stream

    def __init__(self, filename: str) -> None:
        super().__init__(filename, encoding="utf-8", delay=True)

    def _open(self) -> Any:
        return open_log_file(self.baseFilename)

    def _write(self, line: str) -> None:
        self.reopenIfNeeded()
        if self.stream is None:
            self.stream = self._open()
            self._statstream()
        append(self.stream, line)

    def _at_fork_reinit(self) -> None:
        """Close the parent's file: whoever shares it shares its lock, and is not kept apart."""
        super()._at_fork_reinit()
        if self.stream is not None:
            self.stream.close()
            self.stream = None


class SizeRotatedFileHandler(_Accountable, ConcurrentRotatingFileHandler):
    """Appends each line under a lock that all processes share, and rotates the file by size."""

    stream: Any  # see above

    def __init__(self, filename: str, max_bytes: int, backup_count: int) -> None:
        super().__init__(filename, maxBytes=max_bytes, backupCount=backup_count, encoding="utf-8")

    def atomic_open(self, file_path: str) -> Any:
        """Open the lock file with the rights of a log file."""
        return os.fdopen(open_private(file_path, os.O_RDWR), "r+")

    def do_open(self, mode: str | None = None) -> Any:  # noqa: ARG002
        """Open the log file; a file of ours is only ever appended to."""
        return open_log_file(self.baseFilename)

    def do_write(self, msg: str) -> None:
        """Write one line at once; the lock is held."""
        self._write(msg)
        self.account(self._write)

    def _write(self, line: str) -> None:
        if self.stream is None:
            self.stream = self.do_open()
        append(self.stream, line)
