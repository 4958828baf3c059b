"""The handlers: a console, and a file that may be renamed. They count what they drop."""

import logging
import os
import stat
import sys
from contextlib import suppress
from functools import lru_cache
from time import monotonic
from types import FunctionType
from typing import Any

from ..settings import setting
from .files import LogFile
from .record import Event, Record
from .shorten import shortened

# A handler that cannot write says so on standard error, this often at the most.
SECONDS_BETWEEN_REPORTS = 30.0
# Linux queues a write to a Unix socket, as to systemd's journal, in pieces of this many bytes
# (unix_stream_sendmsg): lines of other processes can come between two of them.
_WHOLE_IN_A_SOCKET = 32_768


class DropCounting(logging.Handler):
    """Raises nothing into the application, and counts the records that it could not write."""

    dropped_in_total = 0  # by all handlers of the process
    _dropped = 0
    _reported_at = float("-inf")
    last_error = ""

    def write_line(self, line: str) -> None:
        """Write a line and its newline at once; raise OSError where that fails."""
        raise NotImplementedError

    def handle(self, record: logging.LogRecord) -> bool | logging.LogRecord:  # type: ignore[override]
        """Write a record that no filter of the handler drops; only the writing is locked."""
        kept = self.filter(record)
        if kept:
            # A filter may give another record in its place, since Python 3.12.
            self.emit(kept if isinstance(kept, logging.LogRecord) else record)
        return kept

    def emit(self, record: logging.LogRecord | Event) -> None:
        """Write the line of a record, or count it as dropped."""
        try:
            line = self.format(record)  # type: ignore[arg-type]
            with self.lock:  # type: ignore[union-attr]
                self.write_line(line)
                if self._dropped:
                    self.report_drops()
        except Exception:
            self.handleError(record)

    def handleError(self, record: Any) -> None:  # noqa: N802, ARG002 - logging's
        """Count the record as dropped, and say why on standard error at a bounded rate."""
        error = sys.exc_info()[1]
        with self.lock:  # type: ignore[union-attr]  # the count is one for all threads
            self._dropped += 1
            DropCounting.dropped_in_total += 1
            self.last_error = f"{type(error).__name__}: {error}"
            if monotonic() - self._reported_at < SECONDS_BETWEEN_REPORTS:
                return
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
        self._dropped, Event.process = 0, os.getpid()


class ConsoleHandler(DropCounting, logging.StreamHandler[Any]):
    """Writes lines to a stream, normally standard output; short enough where that is a pipe.

    It writes below the stream's buffer, in UTF-8: the buffer would keep a line that failed, and
    write it later, torn, or after it was counted as dropped.
    """

    takes_events = True
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
            if len(line) * 4 >= min(self._max_pipe_bytes, _WHOLE_IN_A_SOCKET):
                limits = {stat.S_IFIFO: self._max_pipe_bytes, stat.S_IFSOCK: _WHOLE_IN_A_SOCKET}
                if limit := limits.get(stat.S_IFMT(os.fstat(descriptor).st_mode)):
                    line = shortened(line, limit)
            text = self.shown(line)
            data = f"{chr(10) * self._is_torn}{text}\n".encode()
            while data:
                data = data[os.write(descriptor, data) :]
                self._is_torn = bool(data)
        self.last_text = text

    def shown(self, line: str) -> str:
        """Return what is written of a finished line: the line itself."""
        return line


class LogFileHandler(DropCounting):
    """Appends each line with one write, so that processes share a file without tearing lines.

    The file is opened at the first line, and again when it was renamed or removed. With
    `max_bytes` it is renamed here, to a number up to `backup_count`, when it has that size.
    """

    takes_events = True

    def __init__(self, filename: str, max_bytes: int = 0, backup_count: int = 0) -> None:
        super().__init__()
        self.baseFilename = os.path.abspath(filename)
        self._file = LogFile(self.baseFilename, max_bytes, backup_count)

    def write_line(self, line: str) -> None:
        """Append a line to the file that has the name now."""
        self._file.append(line)

    def close(self) -> None:
        """Close the file; the next line opens it again."""
        with self.lock:  # type: ignore[union-attr]
            self._file.close()
        super().close()

    def _at_fork_reinit(self) -> None:
        """Close the parent's file: whoever shares it shares its lock, and is not kept apart."""
        super()._at_fork_reinit()
        self._file.close()


def own_handlers(logger: logging.Logger) -> list[Any]:
    """Return the handlers of a logger if all are ours and nobody else can see its records.

    A class of ours has `takes_events` itself; one that is derived from it may differ.
    """
    found: list[Any] = []
    methods = logging.getLogRecordFactory(), logging.Logger.handle, logging.Logger.callHandlers
    if type(logger) is not logging.Logger or logger.filters or not _are_pythons(*methods):
        return found
    current: logging.Logger | None = logger
    while current:
        for handler in current.handlers:
            known = type(handler).__dict__, type(handler.formatter).__dict__
            if handler.filters or "takes_events" not in known[0] or "takes_events" not in known[1]:
                return []
            found.append(handler)
        current = current.parent if current.propagate else None
    return found


@lru_cache(maxsize=16)
def _are_pythons(factory: Any, *methods: Any) -> bool:
    """Say whether logging is as it was: Sentry, for one, replaces a method."""
    code = logging.addLevelName.__code__.co_filename
    is_own = all(type(f) is FunctionType and f.__code__.co_filename == code for f in methods)
    return is_own and factory is Record
