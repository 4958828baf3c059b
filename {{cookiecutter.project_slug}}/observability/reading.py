"""Finds, merges and filters the lines of log files, rotated and compressed ones too."""

import bz2
import gzip
import lzma
import os
import re
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from heapq import heappop, heappushpop, merge
from itertools import islice
from pathlib import Path
from time import sleep
from typing import Any, NamedTuple

import orjson

from .settings import setting

# Every line starts with its time: text of one length, which sorts as the times do.
_START = b'{"timestamp":"'
_TIME = slice(len(_START), len(_START) + len("2026-11-22T16:47:37.584123Z"))
_OPEN: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}

_WINDOW = 1_000  # lines among which one is put in its place: processes write out of order
_REMEMBERED = 10_000  # lines whose copies in other files are recognised

# Time, name of the file before it was rotated, number in the file, line: entries sort by time.
Entry = tuple[bytes, str, int, bytes]
# Where reading a file goes on, and the time there. A file is known by its inode and first line,
# whatever its name is now.
Places = dict[tuple[int, bytes], tuple[int, bytes]]


class Query(NamedTuple):
    """Which lines are wanted: the last so many of those between two times that have these values.

    The times are included, and written as in a line. To follow is to go on with new lines.
    """

    patterns: Mapping[str, re.Pattern[str]]
    since: bytes = b""
    until: bytes = b"~"
    last: int | None = None
    follow: bool = False

    def matches(self, line: bytes) -> bool:
        """Return whether the line has the values; a torn or foreign one, as words of its text."""
        try:
            data = orjson.loads(line)
            return all(one.fullmatch(str(data.get(key))) for key, one in self.patterns.items())
        except (ValueError, AttributeError):  # no JSON, or no object
            words = re.split(r'[\s"]+', line.decode(errors="replace"))
            return all(any(map(one.fullmatch, words)) for one in self.patterns.values())


@cache
def _unparsed(pattern: re.Pattern[str]) -> re.Pattern[bytes]:
    """Return a pattern to search a line for before it is parsed, which takes much longer."""
    text = re.sub(r"\\[Zz]", "", pattern.pattern)
    # Quotes and backslashes are escaped in a line.
    return re.compile(b"" if '"' in text or r"\\" in text else text.encode())


def log_paths(folder: Path, *, plain: bool = False) -> list[Path]:
    """Return the log files of a folder: all, or those that are not compressed.

    A compressed copy of a file that is still there is left out.
    """
    # After a rotation, app.json.log is app.json.log.1, app.json.log-20261122.gz, …
    paths = {*folder.glob("*.json.log"), *folder.glob("*.json.log[.-][0-9]*")}
    extra = {p for p in paths if p.suffix in _OPEN and (plain or p.with_suffix("") in paths)}
    return sorted(paths - extra)


def read_lines(folder: Path, query: Query, report: Callable[[str], object]) -> Iterator[bytes]:
    """Yield the wanted lines sorted by time, each once, and report once what cannot be read.

    To follow, go on without end. Without `since`, the last lines before are then looked for near
    the ends of the files that are not compressed.
    """
    report, places, shown_in = cache(report), Places(), OrderedDict[int, str]()
    paths = log_paths(folder, plain=query.follow and not query.since)
    while True:
        merged = merge(*(_entries(path, query, places, report) for path in paths))
        lines = _in_order_once(merged, shown_in)
        yield from lines if query.last is None else deque(lines, maxlen=query.last)
        if not query.follow:
            return
        sleep(0.2)
        paths, query = log_paths(folder, plain=True), query._replace(last=None)


def _entries(path: Path, query: Query, places: Places, report: Any) -> Iterator[Entry]:
    """Yield the wanted lines of a file, from the place where the last look at it ended."""
    stream, start = path.name.partition(".json.log")[0], 0
    try:
        with _OPEN.get(path.suffix, open)(path, "rb") as file:
            stat = os.fstat(file.fileno())
            key = (stat.st_ino, file.readline()[: _TIME.stop])
            near_end = query[:3] == ({}, b"", b"~") or (query.follow and not query.since)
            if query.last is not None and near_end:
                # Far enough from the end, and in a compressed file, which holds more, even farther.
                start = max(0, stat.st_size - (query.last + 1) * setting("LOG_MAX_LINE_BYTES"))
            place, time = places.get(key, (start, b""))
            file.seek(place)
            searches = [_unparsed(one).search for one in query.patterns.values()]
            for number, line in enumerate(file):
                if query.follow and not line.endswith(b"\n"):  # it is still being written
                    file.seek(-len(line), os.SEEK_CUR)
                    break
                if line.startswith(_START):
                    time = line[_TIME]
                if searches and not all(search(line) for search in searches):
                    continue
                # What comes before the first time is the rest of a line, if it is not the start.
                wanted = query.since <= time <= query.until and (time or not start)
                if wanted and line != b"\n" and (not query.patterns or query.matches(line)):
                    yield time, stream, number, line.rstrip(b"\n")
            places[key] = file.tell(), time
    except Exception as error:  # each compression fails in ways of its own
        report(f"{path} cannot be read: {error}")


def _in_order_once(entries: Iterator[Entry], shown_in: OrderedDict[int, str]) -> Iterator[bytes]:
    """Yield the lines by time, each from the file that had it first: errors are in two of them."""
    window = sorted(islice(entries, _WINDOW))
    while window:
        entry = next(entries, None)
        _, stream, _, line = heappushpop(window, entry) if entry else heappop(window)
        if not line.startswith(_START) or shown_in.setdefault(hash(line), stream) == stream:
            yield line
        if len(shown_in) > _REMEMBERED:
            shown_in.popitem(last=False)
