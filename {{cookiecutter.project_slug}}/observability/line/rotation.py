"""The handler of a file that rotates by size, safe with many processes.

https://github.com/Preston-Landers/concurrent-log-handler
"""

import os
from typing import Any

from concurrent_log_handler import ConcurrentRotatingFileHandler

from .files import append, open_log_file, open_private
from .handlers import DropCounting


class SizeRotatedFileHandler(DropCounting, ConcurrentRotatingFileHandler):
    """Appends each line under a lock that all processes share, and rotates the file by size."""

    stream: Any  # unbuffered, where logging's own is a text stream

    def __init__(self, filename: str, max_bytes: int, backup_count: int) -> None:
        super().__init__(filename, maxBytes=max_bytes, backupCount=backup_count, encoding="utf-8")

    def atomic_open(self, file_path: str) -> Any:
        """Open the lock file with the rights of a log file."""
        return os.fdopen(open_private(file_path, os.O_RDWR), "r+")

    def do_open(self, mode: str | None = None) -> Any:  # noqa: ARG002
        """Open the log file; a file of ours is only ever appended to."""
        return open_log_file(self.baseFilename)

    def emit(self, record: Any) -> None:
        """Write the line of a record under the common lock."""
        ConcurrentRotatingFileHandler.emit(self, record)

    def do_write(self, msg: str) -> None:
        """Write one line at once; the lock is held."""
        self.write_line(msg)
        if self._dropped:
            self.report_drops()

    def write_line(self, line: str) -> None:
        """Append a line to the file that has the name now."""
        if self.stream is None:
            self.stream = self.do_open()
        append(self.stream, line)
