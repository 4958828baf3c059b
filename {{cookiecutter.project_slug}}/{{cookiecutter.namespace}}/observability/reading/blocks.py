"""Reads a file in blocks of whole lines, from either end; knows where the time stands in a line."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import IO

# Every line begins so; its time follows, as text of one length: text order is time order.
MARK = b'{"timestamp":"'
TIME = slice(len(MARK), len(MARK) + len("2026-11-22T16:47:37.584123Z"))

BLOCK = 1 << 20
LONGEST_LINE = 1 << 24  # what has no newline for so long is taken apart


def time_text(moment: datetime) -> bytes:
    """Return a time as it stands in a line."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")[:-6].encode() + b"Z"


def first_time(block: bytes) -> bytes:
    """Return the time of the first line of ours in a block, or nothing."""
    place = _first_line(block)
    return block[place : place + TIME.stop][TIME] if place >= 0 else b""


def last_time(block: bytes) -> bytes:
    """Return the time of the last line of ours in a block, or nothing."""
    place = block.rfind(b"\n" + MARK) + 1
    return block[place : place + TIME.stop][TIME] if place else first_time(block)


def blocks_forwards(file: IO[bytes], start: int, end: int) -> Iterator[bytes]:
    """Yield the lines between two places, the first block first."""
    file.seek(start)
    left = end - start
    while data := file.read(min(BLOCK, left)):
        data += file.readline(min(LONGEST_LINE, left - len(data)))
        left -= len(data)
        yield data


def blocks_backwards(file: IO[bytes], end: int) -> Iterator[bytes]:
    """Yield the lines before a place, the last block first.

    Each begins with a line of ours, so that what follows it without a time has one.
    """
    size = BLOCK
    while end > 0:
        start = max(0, end - size)
        file.seek(start)
        data = file.read(end - start)
        cut = _first_line(data[1:]) + 1 if start else 0
        if start and not cut:
            if size < LONGEST_LINE:
                size *= 2
                continue
            cut = data.find(b"\n", 0, -1) + 1
        yield data[cut:]
        end = start + cut


def place_before(file: IO[bytes], end: int, time: bytes) -> int:
    """Return a place, within some line, before all lines from `time` on, by bisection."""
    low, high = 0, end
    while high - low > BLOCK:
        middle = (low + high) // 2
        file.seek(middle)
        data = file.read(BLOCK)
        if b"" < first_time(data) < time:
            low = middle
        else:
            high = middle
    return low


def _first_line(block: bytes) -> int:
    """Return where the first line of ours begins, or -1."""
    if block.startswith(MARK):
        return 0
    return block.find(b"\n" + MARK) + 1 or -1
