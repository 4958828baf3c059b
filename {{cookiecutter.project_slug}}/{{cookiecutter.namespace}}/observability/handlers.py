"""The handlers: a console, a file that logrotate may rename, a file that rotates by size."""

import logging
import os
import stat
import sys
from contextlib import suppress
from io import FileIO
from logging.handlers import WatchedFileHandler
from time import monotonic
from typing import Any

from concurrent_log_handler import ConcurrentRotatingFileHandler

from ..logging_helper import Event
from .shorten import shortened

FOLDER_MODE = 0o750
FILE_MODE = 0o640
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
        facts = {"handler": self.name, "error": self.last_error}
        with suppress(Exception):
            sys.stderr.write(self._own_line("log_write_failed", facts, logging.ERROR) + "\n")

    def account(self) -> str | None:
        """Return the line that says how many records were dropped, once, if any were."""
        if not self._dropped:
            return None
        facts = {"handler": self.name, "dropped": self._dropped}
        self._dropped, self._complained_at = 0, float("-inf")
        return self._own_line("log_records_dropped", facts, logging.WARNING)

    def _own_line(self, event: str, payload: dict[str, Any], level: int) -> str:
        record = logging.LogRecord(__name__, level, __file__, 0, Event(event, payload), None, None)
        return self.format(record)


class ConsoleHandler(_Accountable, logging.StreamHandler[Any]):
    """Writes lines to a stream, normally standard output; short enough where that is a pipe."""

    def __init__(self, stream: Any, max_pipe_bytes: int) -> None:
        super().__init__(stream)
        self._max_pipe_bytes = max_pipe_bytes

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line at once."""
        try:
            self._write(self.format(record))
            if account := self.account():
                self._write(account)
        except Exception:
            self.handleError(record)

    def _write(self, line: str) -> None:
        if self._is_pipe():
            line = shortened(line, self._max_pipe_bytes)
        self.stream.write(line + "\n")
        self.flush()

    def _is_pipe(self) -> bool:
        try:
            return stat.S_ISFIFO(os.fstat(self.stream.fileno()).st_mode)
        except (OSError, ValueError, AttributeError):
            return False


class LogFileHandler(_Accountable, WatchedFileHandler):
    """Appends each line with one write, so that processes share a file without tearing lines.

    The file is opened at the first line, and again when it was renamed or removed.
    """

    stream: Any  # unbuffered, where logging's own is a text stream

    def __init__(self, filename: str) -> None:
        super().__init__(filename, encoding="utf-8", delay=True)

    def _open(self) -> Any:
        return open_log_file(self.baseFilename)

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line at once."""
        try:
            self.reopenIfNeeded()
            if self.stream is None:
                self.stream = self._open()
                self._statstream()
            append(self.stream, self.format(record))
            if account := self.account():
                append(self.stream, account)
        except Exception:
            self.handleError(record)


class SizeRotatedFileHandler(_Accountable, ConcurrentRotatingFileHandler):
    """Appends each line under a lock that all processes share, and rotates the file by size."""

    stream: Any  # see above

    def __init__(self, filename: str, max_bytes: int, backup_count: int) -> None:
        super().__init__(filename, maxBytes=max_bytes, backupCount=backup_count, encoding="utf-8")

    def atomic_open(self, file_path: str) -> Any:
        """Open the lock file with the rights of a log file."""
        return os.fdopen(_open_fd(file_path, os.O_RDWR), "r+")

    def do_open(self, mode: str | None = None) -> Any:  # noqa: ARG002
        """Open the log file; a file of ours is only ever appended to."""
        return open_log_file(self.baseFilename)

    def do_write(self, msg: str) -> None:
        """Write one line at once; the lock is held."""
        if self.stream is None:
            self.stream = self.do_open()
        append(self.stream, msg)
        if account := self.account():
            append(self.stream, account)


def open_log_file(path: str) -> FileIO:
    """Open a log file for appending, unbuffered, and create it and its folder if need be.

    Raises OSError, also where a symbolic link stands at the file's name: following a planted
    one would write into somebody else's file.
    """
    return FileIO(_open_fd(path, os.O_WRONLY | os.O_APPEND), "a")


def _open_fd(path: str, flags: int) -> int:
    os.makedirs(os.path.dirname(path), mode=FOLDER_MODE, exist_ok=True)
    return os.open(path, flags | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, FILE_MODE)


def append(stream: FileIO, line: str) -> None:
    """Write a line and its newline whole, or raise OSError and leave nothing of it behind."""
    data = line.encode() + b"\n"
    written = stream.write(data)
    if written == len(data):
        return
    # A short write means a full disk. Its beginning is taken back, if nobody wrote after it.
    end = stream.tell()
    if os.fstat(stream.fileno()).st_size == end:
        os.truncate(stream.fileno(), end - written)
    raise OSError(f"wrote {written} of {len(data)} bytes to {stream.name}")
