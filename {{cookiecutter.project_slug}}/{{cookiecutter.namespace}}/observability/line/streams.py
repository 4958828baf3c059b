"""Writes whole lines: to a file that processes share, to a stream below its buffer."""

import errno
import os
from fcntl import LOCK_EX, LOCK_NB, LOCK_UN, flock
from io import FileIO
from time import monotonic, sleep
from typing import Any

FOLDER_MODE = 0o750
FILE_MODE = 0o640
# How long a line waits for the lock of its file, and for how long none waits after that.
LOCK_SECONDS = 0.5
LOCKLESS_SECONDS = 30.0


class Unbuffered:
    """A text stream written below its buffer, in UTF-8.

    The buffer would keep a line that failed, and write it later: torn, or after it was counted
    as dropped. A stream without a descriptor is written as it is.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._torn = False

    def write(self, text: str) -> None:
        """Write the text at once."""
        try:
            descriptor = self._stream.fileno()
        except (OSError, AttributeError):
            self._stream.write(text)
            self._stream.flush()
            return
        self._stream.flush()  # what others printed goes first
        data = text.encode()
        if self._torn:
            data = b"\n" + data
        while data:
            data = data[os.write(descriptor, data) :]
            self._torn = bool(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class LogStream(FileIO):
    """A log file that is appended to, and where the last line that we wrote to it ended."""

    whole_until = 0


def open_log_file(path: str) -> LogStream:
    """Open a log file for appending, unbuffered, and create it and its folder if need be.

    Raises OSError, also where a symbolic link stands at the file's name: following a planted
    one would write into somebody else's file.
    """
    return LogStream(open_private(path, os.O_RDWR | os.O_APPEND), "a")


def open_private(path: str, flags: int) -> int:
    """Open a file by these flags, with the rights of a log file if it is new; see above."""
    os.makedirs(os.path.dirname(path), mode=FOLDER_MODE, exist_ok=True)
    return os.open(path, flags | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, FILE_MODE)


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
        if end != stream.whole_until and end and os.pread(file, 1, end - 1) != b"\n":
            data = b"\n" + data
        if os.write(file, data) < len(data):
            if locked:  # or it would take away what another writes meanwhile
                os.truncate(file, end)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), stream.name)
        stream.whole_until = end + len(data) if locked else 0
    finally:
        if locked:
            flock(file, LOCK_UN)


class _Patience:
    """Until when nobody waits for a lock, because somebody has waited in vain."""

    exhausted_until = 0.0


def _lock(file: int) -> bool:
    """Take the file's lock, and say whether we have it; lines go without rather than wait long.

    Whoever may read the file can hold its lock, and a stopped process would for ever.
    """
    try:
        flock(file, LOCK_EX | LOCK_NB)
        return True
    except BlockingIOError:
        pass
    except OSError:  # a file system without locks
        return False
    deadline = monotonic() + LOCK_SECONDS
    while (now := monotonic()) < deadline and now > _Patience.exhausted_until:
        try:
            flock(file, LOCK_EX | LOCK_NB)
            return True
        except BlockingIOError:
            sleep(0.0002)
    if now > _Patience.exhausted_until:
        _Patience.exhausted_until = now + LOCKLESS_SECONDS
    return False
