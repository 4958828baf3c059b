"""Finds, merges and filters the lines of log files, rotated and compressed ones too."""

import bz2
import gzip
import lzma
import os
import re
import zlib
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from fnmatch import translate
from functools import cache
from heapq import merge
from pathlib import Path
from time import sleep
from typing import Any

import orjson

from .line.strict_json import dumps

# Every line starts with its time: text of one length, which sorts as the times do.
_START = b'{"timestamp":"'
_TIME = slice(len(_START), len(_START) + len("2026-11-22T16:47:37.584123Z"))
# app.json.log, and its names after a rotation: app.json.log.1, app.json.log-20261122.gz, …
_NAME = re.compile(r".+\.json\.log([.-]\d[\w.-]*?)?(\.gz|\.bz2|\.xz)?")
_DECOMPRESS: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}

_BLOCK = 1 << 18  # bytes
_TAIL = 50_000  # lines at the end of each file in which `follow` looks for its first ones
_WINDOW = 1_000  # lines that are sorted at once: processes write slightly out of order
_REMEMBERED = 10_000  # lines whose copies in other files are recognised
_CLOCK_ERROR = 86_400  # seconds; a file last changed this long before `since` is not read
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
        self.wants_all = not (globs or since) and until == b"~"
        self._globs = {key: re.compile("|".join(map(translate, globs[key]))) for key in globs}
        self._texts = [[_text_in(glob) for glob in alternatives] for alternatives in globs.values()]

    def may_match(self, data: bytes) -> bool:
        """Return False if no line in the data can match: much faster than parsing the lines."""
        return all(any(text in data for text in texts) for texts in self._texts)

    def matches(self, line: bytes, time: bytes) -> bool:
        """Return whether a line of this time is wanted.

        A torn or foreign line is wanted if it contains the texts; never where a user is asked for.
        """
        if not self.since <= time <= self._until:
            return False
        if not self._globs:
            return True
        if not self.may_match(line):
            return False
        try:
            data = orjson.loads(line)
            return all(glob.fullmatch(str(data.get(key))) for key, glob in self._globs.items())
        except (ValueError, AttributeError):  # no JSON, or no object
            return "user_id" not in self._globs


class LogFile:
    """An open log file: renamed or not, each reading continues where the last one ended.

    With `tail`, the first reading starts that many lines before its end, or a little earlier.
    """

    def __init__(self, path: Path, tail: int | None) -> None:
        self._path, self._file = path, path.open("rb")
        decompress = _DECOMPRESS.get(path.suffix)
        self._lines = decompress(self._file) if decompress else self._file
        stat = os.fstat(self._file.fileno())
        self.key, self._stream = (stat.st_dev, stat.st_ino), path.name.partition(".json.log")[0]
        self._number, self._time, self._rest = 0, b"", b""
        self.close = self._file.close
        if tail is not None and not decompress:
            place = stat.st_size
            while place and tail >= 0:
                place = max(0, place - _BLOCK)
                self._file.seek(place)
                tail -= self._file.read(_BLOCK).count(b"\n")
            self._file.seek(place)
            if place:
                self._file.readline()  # the rest of a line

    def entries(self, query: Query, report: Report, *, follow: bool) -> Iterator[Entry]:
        """Yield the wanted lines up to the present end; to follow, only complete ones."""
        stat = os.fstat(self._file.fileno())
        changed = datetime.fromtimestamp(stat.st_mtime + _CLOCK_ERROR, UTC)
        if changed.isoformat().encode() < query.since:
            return
        if stat.st_size < self._file.tell():  # the file was emptied
            self._rest = b""
            self._file.seek(0, os.SEEK_END)  # forgets what is buffered
            self._file.seek(0)
        window: list[Entry] = []
        try:
            while lines := self._lines.readlines(_BLOCK):
                lines[0] = self._rest + lines[0]
                self._rest = lines.pop() if follow and not lines[-1].endswith(b"\n") else b""
                if not query.may_match(b"".join(lines)):
                    lines = lines[-1:]  # only its time matters
                for line in lines:
                    if line.startswith(_START):
                        self._time = line[_TIME]
                    if line != b"\n" and query.matches(line, self._time):
                        self._number += 1
                        window.append((self._time, self._stream, self._number, line.rstrip(b"\n")))
                window.sort()
                yield from window[:-_WINDOW]
                del window[:-_WINDOW]
        except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
            report(f"{self._path} cannot be read: {error}")
        yield from window


def log_paths(folder: Path | str, *, plain: bool = False) -> list[Path]:
    """Return the log files of a folder: all, or those that are not compressed.

    A compressed copy of a file that is still there is left out.
    """
    paths = {path for path in Path(folder).glob("*.json.log*") if _NAME.fullmatch(path.name)}
    extra = {p for p in paths if p.suffix in _DECOMPRESS and (plain or p.with_suffix("") in paths)}
    return [path for path in sorted(paths - extra) if path.is_file()]


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
    come after them, without end; those before are then searched for in the end of each file only,
    unless the query has a `since`.
    """
    report, files = cache(report), dict[tuple[int, int], LogFile]()
    shown_in: OrderedDict[int, str] = OrderedDict()
    tail = _TAIL if follow and not query.since else None
    paths = log_paths(folder, plain=tail is not None)
    if query.wants_all and last is not None:
        tail = last
    try:
        while True:
            present = set()
            for path in paths:
                try:
                    file = LogFile(path, tail)
                except OSError as error:
                    report(str(error))
                    continue
                present.add(file.key)
                if files.setdefault(file.key, file) is not file:
                    file.close()
            merged = merge(*(file.entries(query, report, follow=follow) for file in files.values()))
            lines = _without_copies(merged, shown_in)
            yield from lines if last is None else deque(lines, maxlen=last)
            if not follow:
                return
            for key in files.keys() - present:  # removed or compressed, and read to its end
                files.pop(key).close()
            sleep(_SECONDS_BETWEEN_LOOKS)
            paths, last, tail = log_paths(folder, plain=True), None, None
    finally:
        for file in files.values():
            file.close()


def _without_copies(entries: Iterable[Entry], shown_in: OrderedDict[int, str]) -> Iterator[bytes]:
    """Yield the lines, each from the stream that had it first: app.json.log has errors, too."""
    for _, stream, _, line in entries:
        if not line.startswith(_START) or shown_in.setdefault(hash(line), stream) == stream:
            yield line
        if len(shown_in) > _REMEMBERED:
            shown_in.popitem(last=False)


def _text_in(glob: str) -> bytes:
    """Return the longest text that each match of the glob contains, as it stands in a line."""
    text = max(re.split(r"\[!?.+?\]|[*?]", glob), key=len)
    return dumps(text.encode(errors="replace").decode())[1:-1].encode()
