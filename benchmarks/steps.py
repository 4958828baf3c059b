"""Where the time of one event goes: each of its steps alone, `steps FOLDER`, under pyperf."""

import logging
import os
import sys
from fcntl import LOCK_EX, LOCK_NB, LOCK_UN, flock

from .alone import runner_of
from .payloads import SEVEN
from .peers import EVENT, LOGGER, set_up_project

STEPS = {
    "event": "one event, whole",
    "record": "`logging`: make the record, with the event in it",
    "dispatch": "`logging`: from the logger to the handler and its lock",
    "line": "the line: seven keys looked at, JSON",
    "stat": "`stat`: was the file renamed or removed?",
    "lock": "`flock`, twice: one writer at a time",
    "seek": "`lseek`: has anybody written since?",
    "write": "`write`, as in the floor",
}


def main() -> None:
    """Measure every step of the rendered project, with one file."""
    runner, _name, folder = runner_of(__spec__.name)
    set_up_project(folder, "file")
    from ecommerce.logging_helper import Event, log_event

    root = logging.getLogger(LOGGER.partition(".")[0])
    (handler,) = root.handlers
    assert handler.formatter
    formatter = handler.formatter
    logger = logging.getLogger(LOGGER)
    log_event(EVENT, SEVEN)
    path = folder / "app.json.log"
    file = os.open(path, os.O_RDWR | os.O_APPEND)
    *_, data = path.read_bytes().splitlines(keepends=True)

    def record() -> logging.LogRecord:
        event = Event(EVENT, SEVEN)
        return logger.makeRecord(LOGGER, logging.INFO, __file__, 1, event, (), None, "record")

    made = record()

    def line() -> None:
        formatter.format(made)
        del made._line  # noqa: SLF001 - or the second time it would be at hand

    def lock() -> None:
        flock(file, LOCK_EX | LOCK_NB)
        flock(file, LOCK_UN)

    runner.bench_func("steps/event", log_event, EVENT, SEVEN)
    runner.bench_func("steps/record", record)
    root.handlers = [_Idle()]
    runner.bench_func("steps/dispatch", logger.handle, made)
    runner.bench_func("steps/line", line)
    runner.bench_func("steps/stat", os.stat, str(path))
    runner.bench_func("steps/lock", lock)
    runner.bench_func("steps/seek", os.lseek, file, 0, os.SEEK_END)
    runner.bench_func("steps/write", os.write, file, data)
    runner.bench_func("steps/caller", _caller)


class _Idle(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        pass


def _caller() -> None:
    sys._getframe(1).f_globals["__name__"]  # noqa: SLF001 - as the helper does


if __name__ == "__main__":
    main()
