"""Appends whole lines to a file that processes share."""

import errno
import os
from io import FileIO
from time import monotonic, sleep

try:
    import fcntl
except ImportError:  # Windows, where a line is as whole as a single append
    fcntl = None  # type: ignore[assignment]

FOLDER_MODE = 0o750
FILE_MODE = 0o640
# How long a line waits for the lock of its file, and for how long none waits after that.
LOCK_SECONDS = 0.5
LOCKLESS_SECONDS = 30.0
# Absent on some systems: Windows opens text files by default and has no links to refuse.
_EXTRA_FLAGS = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


class LogStream(FileIO):
    """A log file that is appended to, and where the last line that we wrote to it ended."""

    whole_until = 0


def open_log_file(path: str) -> LogStream:
    """Open a log file for appending, unbuffered, and create it and its folder if need be.

    Raises OSError, also where a symbolic link stands at the file's name: to follow a planted
    one would write into somebody else's file.
    """
    return LogStream(open_private(path, os.O_RDWR | os.O_APPEND), "a")


def open_private(path: str, flags: int) -> int:
    """Open a file by these flags, with the rights of a log file if it is new; see above."""
    os.makedirs(os.path.dirname(path), mode=FOLDER_MODE, exist_ok=True)
    return os.open(path, flags | os.O_CREAT | _EXTRA_FLAGS, FILE_MODE)


def append(stream: LogStream, line: str) -> None:
    """Write a line and its newline whole, or raise OSError and leave nothing of it behind.

    A write ends early where the disk is full, and where its process is killed: the beginning of
    a line stays, and the next line would be glued to it. So writers take turns, by a lock that
    the kernel takes back from the dead, and each looks at how the one before it ended.
    """
    data = line.encode() + b"\n"
    file = stream.fileno()
    locked = _lock(file)
    try:
        end = os.lseek(file, 0, os.SEEK_END)
        # Where nobody has written since, the end is our own newline.
        if end != stream.whole_until and end and _byte_at(file, end - 1) != b"\n":
            data = b"\n" + data
        if os.write(file, data) < len(data):
            if locked:  # or it would take away what another writes meanwhile
                os.truncate(file, end)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), stream.name)
        stream.whole_until = end + len(data) if locked else 0
    finally:
        if locked:
            fcntl.flock(file, fcntl.LOCK_UN)


def _byte_at(file: int, place: int) -> bytes:
    if hasattr(os, "pread"):
        return os.pread(file, 1, place)
    os.lseek(file, place, os.SEEK_SET)  # a file opened for appending is written at its end
    return os.read(file, 1)


class _Patience:
    """Until when no line waits for a lock, because one has waited in vain."""

    exhausted_until = 0.0


def _lock(file: int) -> bool:
    """Take the file's lock, and say whether we have it; lines go without rather than wait long.

    Whoever may read the file can hold its lock, and a stopped process would for ever.
    """
    deadline = 0.0
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            now = monotonic()
        except (OSError, AttributeError):  # a system, or a file system, without locks
            return False
        deadline = deadline or now + LOCK_SECONDS
        if now >= deadline:
            _Patience.exhausted_until = now + LOCKLESS_SECONDS
        if now < _Patience.exhausted_until:
            return False
        sleep(0.0002)
