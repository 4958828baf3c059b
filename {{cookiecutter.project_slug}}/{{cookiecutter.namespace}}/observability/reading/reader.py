"""Reads the log files: the lines asked for, in order of time, each once; and those to come."""

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from heapq import heappush, heappushpop, merge
from itertools import chain, islice
from pathlib import Path

from .blocks import MARK, first_time, last_time
from .files import LogFile, log_paths
from .query import Query

# When, in which stream, in which order there, and the line: tuples that sort by time.
Entry = tuple[bytes, str, int, bytes]

_OUT_OF_ORDER = 1_000  # lines that may stand between two that changed places
_REMEMBERED = 10_000  # lines whose copy in another file may still come


class LogReader:
    """The log files of a folder, as they are now; `complain` is told what cannot be read."""

    def __init__(self, folder: Path, query: Query, complain: Callable[[str], object]) -> None:
        self._folder = folder
        self._query = query
        self._complain = complain
        self._shown: OrderedDict[int, dict[str, int]] = OrderedDict()
        self._files = [file for path in log_paths(folder) if (file := self._open(path))]

    def __bool__(self) -> bool:
        return bool(self._files)

    def read(self) -> Iterator[bytes]:
        """Yield the lines asked for, the oldest first."""
        window: list[Entry] = []
        for entry in merge(*self._streams(backwards=False)):
            if len(window) < _OUT_OF_ORDER:
                heappush(window, entry)
            else:
                yield from self._once([heappushpop(window, entry)])
        yield from self._once(sorted(window))

    def last(self, count: int) -> list[bytes]:
        """Return the last so many of the lines asked for, the oldest first."""
        streams = self._streams(backwards=True)
        enough = count * len(streams) + _OUT_OF_ORDER
        entries = islice(merge(*streams, reverse=True), enough)
        lines = list(self._once(sorted(entries)))
        return lines[max(0, len(lines) - count) :]

    def follow(self, pause: Callable[[], object]) -> Iterator[bytes]:
        """Yield the lines that are written from now on, for ever; `pause` after each look.

        Files are told apart by what they are, not by their names, which a rotation changes.
        """
        known = {file.key: file for file in self._files if file.is_plain}
        times: dict[str, bytes] = {}
        number = 0
        while True:
            present = self._plain_files()
            for key in present.keys() - known.keys():
                if (file := self._open(present[key])) and file.key not in known:
                    file.end = 0
                    self._files.append(file)
                    known[file.key] = file
            entries: list[Entry] = []
            for file in known.values():
                block = file.news()
                before = times.get(file.stream, b"")
                for time, line in self._query.found(block, before):
                    number += 1
                    entries.append((time, file.stream, number, line))
                times[file.stream] = last_time(block) or before
            for key in known.keys() - present.keys():
                known.pop(key).close()
            yield from self._once(sorted(entries))
            pause()

    def close(self) -> None:
        """Close the files that are open."""
        for file in self._files:
            file.close()

    def _open(self, path: Path) -> LogFile | None:
        with self._complaining():
            return LogFile(path)
        return None

    def _plain_files(self) -> dict[tuple[int, int], Path]:
        """Return the files that may be written to, by what tells one from all others."""
        found = {}
        for path in log_paths(self._folder, plain=True):
            with suppress(OSError):  # renamed since it was listed
                stat = path.stat()
                found[stat.st_dev, stat.st_ino] = path
        return found

    def _streams(self, *, backwards: bool) -> list[Iterator[Entry]]:
        """Return the answers of each stream, from its files in the order of their first lines."""
        streams = defaultdict(list)
        for file in self._files:
            with self._complaining():
                if not self._query.comes_before(file.written):
                    streams[file.stream].append((file.first_time(), file.path, file))
        return [
            self._numbered(name, [file for *_, file in sorted(files, reverse=backwards)], backwards)
            for name, files in streams.items()
        ]

    def _numbered(self, name: str, files: list[LogFile], backwards: bool) -> Iterator[Entry]:
        lines = chain.from_iterable(self._answers(file, backwards) for file in files)
        for number, (time, line) in enumerate(lines):
            yield time, name, -number if backwards else number, line

    def _answers(self, file: LogFile, backwards: bool) -> Iterator[tuple[bytes, bytes]]:
        """Yield the answers in one file, each with its time."""
        time = b""
        with self._complaining():
            for block in file.blocks_backwards() if backwards else file.blocks(self._query.start):
                if backwards:
                    yield from reversed(self._query.found(block, b""))
                    if self._query.comes_before(first_time(block)):
                        return
                else:
                    if self._query.comes_after(first_time(block)):
                        return
                    yield from self._query.found(block, time)
                    time = last_time(block) or time

    def _once(self, entries: Iterable[Entry]) -> Iterator[bytes]:
        """Yield the lines of the entries, but not the copy that another stream has of one."""
        for _, stream, _, line in entries:
            if not line.startswith(MARK):
                yield line
                continue
            counts = self._shown.setdefault(hash(line), {})
            before = max(counts.values(), default=0)
            counts[stream] = counts.get(stream, 0) + 1
            if len(self._shown) > _REMEMBERED:
                self._shown.popitem(last=False)
            if counts[stream] > before:
                yield line

    @contextmanager
    def _complaining(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self._complain(str(error))
