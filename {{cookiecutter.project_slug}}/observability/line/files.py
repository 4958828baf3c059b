"""A log file that processes share: whole lines are appended, and a renamed file is replaced."""

import errno
import os
from contextlib import closing, suppress
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
# How often it is asked, at the least, whether the path still leads to the open file.
LOOK_SECONDS = 0.05
_EAGER_TRIES = 50  # for the lock, before it is waited for
_FLAGS = os.O_RDWR | os.O_APPEND | os.O_CREAT
# Absent on some systems: Windows opens text files by default and has no links to refuse.
_FLAGS |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


class LogFile:
    """Appends lines to the file that has a path; keeps old files by size, if `max_bytes` is given.

    A write ends early where the disk is full, and where its process is killed: the beginning of
    a line stays, and the next line would be glued to it. So writers take turns, by a lock that
    the kernel takes back from the dead, and each looks at how the one before it ended.
    """

    lockless_until = 0.0  # no line waits for a lock, because one has waited in vain

    def __init__(self, path: str, max_bytes: int = 0, backups: int = 0) -> None:
        self.path = path
        self._max_bytes, self._backups = max_bytes, backups
        self._file = -1  # its descriptor
        self._look_at = 0.0
        self._whole_until = 0  # where the last line that we wrote ended
        self._is_busy = self._is_locked = False

    def append(self, line: str) -> None:
        """Write a line and its newline whole, or raise OSError and leave nothing of it behind.

        OSError is also raised where a symbolic link stands at the path: to follow a planted one
        would write into somebody else's file.
        """
        data = line.encode() + b"\n"
        # A signal's handler logs: in the middle of a write, or before it.
        if self._is_locked:
            self._write(data, os.fstat(self._file))
            return
        if self._is_busy:
            with closing(LogFile(self.path)) as another:
                # Without the lock: this thread may hold it.
                another._write(data, another._status(locked=False))
            return
        self._is_busy = True
        try:
            if (now := monotonic()) >= self._look_at:
                self._look_at = now + LOOK_SECONDS
                self._reopen_if_moved()
            status = self._status()
            # A rename leaves the time of the change of a file ahead of that of its last write.
            may_be_moved = status.st_ctime_ns > status.st_mtime_ns or status.st_nlink == 0
            if may_be_moved and self._reopen_if_moved():
                status = self._status()
            self._write(data, status)
            if self._max_bytes and status.st_size + len(data) >= self._max_bytes:
                with suppress(OSError):  # the line is written: the file grows where none is renamed
                    self._rotate()
        finally:
            self._is_busy = False
            if self._is_locked:
                self._is_locked = False
                try:  # noqa: SIM105 - suppress() costs more than flock
                    fcntl.flock(self._file, fcntl.LOCK_UN)
                except (OSError, ValueError):
                    pass  # a signal's handler has just closed the file, and so freed its lock

    def close(self) -> None:
        """Close the file; its lock, if this process holds it, is free then."""
        file, self._file, self._is_locked = self._file, -1, False
        if file >= 0:
            os.close(file)

    def _status(self, *, locked: bool = True) -> os.stat_result:
        """Return the status of the file, opened and locked."""
        if self._file < 0:
            os.makedirs(os.path.dirname(self.path), mode=FOLDER_MODE, exist_ok=True)
            self._file, self._whole_until = os.open(self.path, _FLAGS, FILE_MODE), 0
        self._is_locked = locked and _lock(self._file)
        return os.fstat(self._file)

    def _write(self, data: bytes, status: os.stat_result) -> None:
        file, end = self._file, status.st_size
        # Where nobody has written since, the end is our own newline.
        if end != self._whole_until and end and _byte_at(file, end - 1) != b"\n":
            data = b"\n" + data
        if os.write(file, data) < len(data):
            if self._is_locked:  # or it would take away what another writes meanwhile
                os.truncate(file, end)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), self.path)
        self._whole_until = end + len(data) if self._is_locked else 0

    def _reopen_if_moved(self) -> bool:
        """Close the file if the path leads to another one, or to none."""
        try:
            is_ours = self._file >= 0 and os.path.samestat(
                os.stat(self.path, follow_symlinks=False), os.fstat(self._file)
            )
        except FileNotFoundError:
            is_ours = False
        if not is_ours:
            self.close()
        return not is_ours

    def _rotate(self) -> None:
        """Rename the file and the older ones, unless another process has just done it."""
        if self._reopen_if_moved():
            return
        if not fcntl:  # Windows renames no open file; elsewhere the lock keeps others away
            self.close()
        for number in range(self._backups - 1, 0, -1):
            with suppress(FileNotFoundError):
                os.replace(f"{self.path}.{number}", f"{self.path}.{number + 1}")
        os.replace(self.path, f"{self.path}.1")
        self.close()


def _byte_at(file: int, place: int) -> bytes:
    os.lseek(file, place, os.SEEK_SET)  # a file opened for appending is written at its end
    return os.read(file, 1)


def _lock(file: int) -> bool:
    """Take the file's lock, and say whether we have it; lines go without rather than wait long.

    Whoever may read the file can hold its lock, and a stopped process would for ever.
    """
    deadline, tries = 0.0, 0
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
            LogFile.lockless_until = now + LOCKLESS_SECONDS
        if now < LogFile.lockless_until:
            return False
        tries += 1
        sleep(0 if tries < _EAGER_TRIES else 0.0002)
