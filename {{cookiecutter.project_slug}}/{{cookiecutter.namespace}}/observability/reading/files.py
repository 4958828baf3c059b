"""The files of a log folder, rotated and compressed ones too."""

import bz2
import gzip
import lzma
import os
import re
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryFile
from typing import IO, Any

from .blocks import (
    BLOCK,
    LONGEST_LINE,
    blocks_backwards,
    blocks_forwards,
    first_time,
    place_before,
    time_text,
)

# app.json.log, and what rotation makes of it: app.json.log.1, app.json.log-20261122.gz, …
_NAME = re.compile(r"(.+\.json\.log)(?:[.-]\d[\w.-]*?)?(\.gz|\.bz2|\.xz)?")
_DECOMPRESS: dict[str, Callable[..., Any]] = {
    ".gz": gzip.open,
    ".bz2": bz2.open,
    ".xz": lzma.open,
}


def log_paths(folder: Path, *, plain: bool = False) -> list[Path]:
    """Return the log files of a folder, all or those not compressed.

    A compressed copy beside its original is not finished, and left out.
    """
    paths = {path for path in folder.glob("*.json.log*") if _NAME.fullmatch(path.name)}
    return [
        path
        for path in sorted(paths)
        if path.is_file()
        and not (path.suffix in _DECOMPRESS and (plain or path.with_suffix("") in paths))
    ]


class LogFile:
    """One file of a stream: `app.json.log`, or what that was renamed to.

    One that is not compressed stays open, up to the end it had: a rotation changes nothing.
    """

    def __init__(self, path: Path) -> None:
        name = _NAME.fullmatch(path.name)
        self.path = path
        self.stream = name[1] if name else path.name
        self._decompress = _DECOMPRESS.get(path.suffix)
        self._file: IO[bytes] | None = None if self._decompress else path.open("rb")
        stat = os.fstat(self._file.fileno()) if self._file else path.stat()
        self.key = (stat.st_dev, stat.st_ino)
        self.written = time_text(datetime.fromtimestamp(stat.st_mtime, UTC))
        self.end = stat.st_size if self._file else sys.maxsize

    @property
    def is_plain(self) -> bool:
        """Whether the file is not compressed."""
        return self._file is not None

    def first_time(self) -> bytes:
        """Return the time of the first line that has one, or nothing."""
        with self._opened() as file:
            return first_time(file.read(BLOCK))

    def blocks(self, since: bytes = b"") -> Iterator[bytes]:
        """Yield the lines in blocks, from somewhere before the first that is not before `since`."""
        with self._opened() as file:
            start = place_before(file, self.end, since) if self._file and since else 0
            yield from blocks_forwards(file, start, self.end)

    def blocks_backwards(self) -> Iterator[bytes]:
        """Yield the lines in blocks, the last block first."""
        with self._opened() as file:
            if self._file:
                yield from blocks_backwards(file, self.end)
                return
            with TemporaryFile() as copy:
                copyfileobj(file, copy)
                yield from blocks_backwards(copy, copy.tell())

    def news(self) -> bytes:
        """Return the whole lines that were added since; from the start if the file was emptied."""
        if self._file is None:
            return b""
        if os.fstat(self._file.fileno()).st_size < self.end:
            self.end = 0
        self._file.seek(self.end)
        data = self._file.read(LONGEST_LINE)
        whole = data[: data.rfind(b"\n") + 1]
        if len(data) == LONGEST_LINE and not whole:
            whole = data
        self.end += len(whole)
        return whole

    def close(self) -> None:
        """Close what is open."""
        if self._file:
            self._file.close()

    @contextmanager
    def _opened(self) -> Iterator[IO[bytes]]:
        """Give the file at its start; what is damaged raises OSError, which says where."""
        if self._file:
            self._file.seek(0)
            yield self._file
        elif self._decompress:
            try:
                with self._decompress(self.path, "rb") as file:
                    yield file
            except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
                raise OSError(f"{self.path} cannot be read: {error}") from error
