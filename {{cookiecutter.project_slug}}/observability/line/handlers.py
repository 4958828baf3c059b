"""The handlers: a console, and a file that logrotate may rename. They count what they drop."""

import logging
import os
import stat
import sys
from contextlib import suppress
from logging.handlers import WatchedFileHandler
from time import monotonic
from typing import Any

from ..settings import setting
from .files import append, open_log_file
from .record import Record
from .shorten import shortened

# A handler that cannot write says so on standard error, this often at the most.
SECONDS_BETWEEN_REPORTS = 30.0


class DropCounting(logging.Handler):
    """Raises nothing into the application, and counts the records that it could not write."""

    _dropped = 0
    _reported_at = float("-inf")
    last_error = ""

    def write_line(self, line: str) -> None:
        """Write a line and its newline at once; raise OSError where that fails."""
        raise NotImplementedError

    def emit(self, record: logging.LogRecord) -> None:
        """Write the line of a record, or count it as dropped."""
        try:
            self.write_line(self.format(record))
        except Exception:
            self.handleError(record)
        else:
            if self._dropped:
                self.report_drops()

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802, ARG002 - logging's
        """Count the record as dropped, and say why on standard error at a bounded rate."""
        self._dropped += 1
        error = sys.exc_info()[1]
        self.last_error = f"{type(error).__name__}: {error}"
        if monotonic() - self._reported_at >= SECONDS_BETWEEN_REPORTS:
            self._reported_at = monotonic()
            facts = {"handler": self.name, "error": self.last_error, "dropped": self._dropped}
            with suppress(Exception):
                sys.stderr.write(self._own_line("log_write_failed", facts, logging.ERROR) + "\n")

    def report_drops(self) -> None:
        """Log how many records were dropped, now that one could be written."""
        facts = {"handler": self.name, "dropped": self._dropped}
        with suppress(Exception):  # the number is kept until it could be written
            self.write_line(self._own_line("log_records_dropped", facts, logging.WARNING))
            self._dropped = 0

    def _own_line(self, event: str, payload: dict[str, Any], level: int) -> str:
        return self.format(Record.of_event(__name__, level, event, payload))

    def _at_fork_reinit(self) -> None:
        """Leave the parent its count; logging calls this in a forked child."""
        super()._at_fork_reinit()  # type: ignore[misc]  # unknown to typeshed
        self._dropped = 0


class ConsoleHandler(DropCounting, logging.StreamHandler[Any]):
    """Writes lines to a stream, normally standard output; short enough where that is a pipe.

    It writes below the stream's buffer, in UTF-8: the buffer would keep a line that failed, and
    write it later, torn, or after it was counted as dropped.
    """

    last_text = ""  # that was written without an error
    _is_torn = False

    def __init__(self, stream: Any) -> None:
        super().__init__(stream)
        self._max_pipe_bytes: int = setting("LOG_MAX_PIPE_LINE_BYTES")

    def write_line(self, line: str) -> None:
        """Write a line, as it is shown here."""
        self.stream.flush()  # what others printed goes first
        try:
            descriptor = self.stream.fileno()
        except (OSError, AttributeError):  # a stream in memory
            text = self.shown(line)
            self.stream.write(text + "\n")
            self.stream.flush()
        else:
            # A character has four bytes at the most.
            if len(line) * 4 >= self._max_pipe_bytes and _is_pipe(descriptor):
                line = shortened(line, self._max_pipe_bytes)
            text = self.shown(line)
            data = f"{chr(10) * self._is_torn}{text}\n".encode()
            while data:
                data = data[os.write(descriptor, data) :]
                self._is_torn = bool(data)
        self.last_text = text

    def shown(self, line: str) -> str:
        """Return what is written of a finished line: the line itself."""
        return line


def _is_pipe(descriptor: int) -> bool:
    return stat.S_ISFIFO(os.fstat(descriptor).st_mode)


class LogFileHandler(DropCounting, WatchedFileHandler):
    """Appends each line with one write, so that processes share a file without tearing lines.

    The file is opened at the first line, and again when it was renamed or removed.
    """

    stream: Any  # unbuffered, where logging's own is a text stream

    def __init__(self, filename: str) -> None:
        super().__init__(filename, encoding="utf-8", delay=True)

    def _open(self) -> Any:
        return open_log_file(self.baseFilename)

    def write_line(self, line: str) -> None:
        """Append a line to the file that has the name now."""
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
