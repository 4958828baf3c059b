"""Finds, merges and filters the lines of log files, rotated and compressed ones too."""

import bz2
import gzip
import lzma
import os
import re
import zlib
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fnmatch import translate
from functools import cache
from heapq import merge
from itertools import batched
from pathlib import Path
from time import sleep
from typing import Any

import orjson

from .settings import setting

# Every line starts with its time: text of one length, which sorts as the times do.
_START = b'{"timestamp":"'
_TIME = slice(len(_START), len(_START) + len("2026-11-22T16:47:37.584123Z"))
# app.json.log, and its names after a rotation: app.json.log.1, app.json.log-20261122.gz, …
_NAME = re.compile(r".+\.json\.log([.-]\d[\w.-]*?)?(\.gz|\.bz2|\.xz)?")
_DECOMPRESS: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}

_WINDOW = 1_000  # lines that are sorted at once: processes write slightly out of order
_REMEMBERED = 10_000  # lines whose copies in other files are recognised
_SECONDS_BETWEEN_LOOKS = 0.2

# Time, name of the file before it was rotated, number in the file, line: entries sort by time.
Entry = tuple[bytes, str, int, bytes]
Report = Callable[[str], object]


class Query:
    """Which lines are wanted: those between two times, with a match for one glob of each key.

    The times are included, and written as in a line.
    """

    def __init__(
        self, globs: Mapping[str, Sequence[str]], since: bytes = b"", until: bytes = b"~"
    ) -> None:
        self.since, self._until = since, until
        self.wants_all = not globs and (since, until) == (b"", b"~")
        self._values = {key: re.compile("|".join(map(translate, globs[key]))) for key in globs}
        texts = [[f"*{glob}*" for glob in alternatives] for alternatives in globs.values()]
        self._texts = [re.compile("|".join(map(translate, globs))) for globs in texts]

    def matches(self, line: bytes, time: bytes) -> bool:
        """Return whether a line of this time is wanted.

        A torn or foreign line is wanted if it contains the texts; never where a user is asked for.
        """
        if not self.since <= time <= self._until:
            return False
        if not self._values:
            return True
        try:
            data = orjson.loads(line)
            return all(glob.match(str(data.get(key))) for key, glob in self._values.items())
        except (ValueError, AttributeError):  # no JSON, or no object
            text = line.decode(errors="replace")
            return "user_id" not in self._values and all(glob.match(text) for glob in self._texts)


def log_paths(folder: Path | str, *, plain: bool = False) -> list[Path]:
    """Return the log files of a folder: all, or those that are not compressed.

    A compressed copy of a file that is still there is left out.
    """
    paths = {p for p in Path(folder).glob("*.json.log*") if _NAME.fullmatch(p.name) and p.is_file()}
    extra = {p for p in paths if p.suffix in _DECOMPRESS and (plain or p.with_suffix("") in paths)}
    return sorted(paths - extra)


def read_lines(
    folder: Path | str,
    query: Query,
    report: Report,
    *,
    last: int | None = None,
    follow: bool = False,
) -> Iterator[bytes]:
    """Yield the wanted lines sorted by time, each once: all, or the last so many.

    What cannot be read is reported once. With `follow`, the lines that are written from now on
    come after them, without end; compressed files are then read only for a query with `since`.
    """
    report, files = cache(report), dict[tuple[int, int], Iterator[Entry | None]]()
    shown_in: OrderedDict[int, str] = OrderedDict()
    plain, tail = follow and not query.since, last if query.wants_all else None
    while True:
        present = set()
        for path in log_paths(folder, plain=plain):
            try:
                file = _DECOMPRESS.get(path.suffix, open)(path, "rb")
            except OSError as error:
                report(str(error))
                continue
            stat = os.fstat(file.fileno())
            key = (stat.st_dev, stat.st_ino)  # stays, when the file is renamed
            present.add(key)
            if key in files:
                file.close()
            else:
                files[key] = _entries(file, path, query, report, tail=tail, follow=follow)
        # Each of these ends where its file ends now.
        merged = merge(*(iter(file.__next__, None) for file in files.values()))
        lines = _without_copies(_in_order(merged), shown_in)
        yield from lines if last is None else deque(lines, maxlen=last)
        if not follow:
            return
        files = {key: files[key] for key in present}  # the others are removed or compressed
        sleep(_SECONDS_BETWEEN_LOOKS)
        plain, last, tail = True, None, None


def _entries(
    file: Any, path: Path, query: Query, report: Report, *, tail: int | None, follow: bool
) -> Iterator[Entry | None]:
    """Yield the wanted lines of an open file, of its last `tail` lines at least.

    To follow, yield None at each end of the file, and go on from there. A line without an end is
    then still being written.
    """
    stream, number, time = path.name.partition(".json.log")[0], 0, b""
    is_plain = path.suffix not in _DECOMPRESS
    follow = follow and is_plain
    with file:
        try:
            if tail is not None and is_plain:
                size = os.fstat(file.fileno()).st_size
                file.seek(max(0, size - (tail + 1) * setting("LOG_MAX_LINE_BYTES")))
                if file.tell():
                    file.readline()  # the rest of a line
            while True:
                for line in file:
                    if follow and not line.endswith(b"\n"):
                        file.seek(-len(line), os.SEEK_CUR)
                        break
                    if line.startswith(_START):
                        time = line[_TIME]
                    if line != b"\n" and query.matches(line, time):
                        number += 1
                        yield time, stream, number, line.rstrip(b"\n")
                if not follow:
                    return
                yield None
                if os.fstat(file.fileno()).st_size < file.tell():  # the file was emptied
                    file.seek(0)
        except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
            report(f"{path} cannot be read: {error}")


def _in_order(entries: Iterable[Entry]) -> Iterator[Entry]:
    """Yield the entries sorted by time, within a window."""
    window: list[Entry] = []
    for more in batched(entries, _WINDOW):
        window = sorted([*window, *more])
        yield from window[:-_WINDOW]
        del window[:-_WINDOW]
    yield from window


def _without_copies(entries: Iterable[Entry], shown_in: OrderedDict[int, str]) -> Iterator[bytes]:
    """Yield the lines, each from the stream that had it first: app.json.log has errors, too."""
    for _, stream, _, line in entries:
        if not line.startswith(_START) or shown_in.setdefault(hash(line), stream) == stream:
            yield line
        if len(shown_in) > _REMEMBERED:
            shown_in.popitem(last=False)
