"""Processes that write numbered lines: python -m stress.write HOW PROCESSES LINES.

HOW is `spawn` (each process configures its logging), `fork` (they inherit it) or `kill`: LINES
processes, one after another, are killed in the middle of writing. A line's number goes to
acknowledged.<process> in the current folder when log_event has returned.
"""

import multiprocessing
import os
import random
import signal
import sys
import time
from importlib import import_module
from itertools import count, islice

import django
from django.apps import apps
from django.conf import settings

# Bytes of a line, roughly: under a page, around it, over what a pipe takes, and far over it.
SIZES = (*(200, 600, 900, 3_000, 4_000, 5_000) * 3, 20_000, 50_000, 200_000)

# What is killed spends its time in writing.
LARGE_SIZES = (300, 20_000, 200_000)
# Seconds between two lines.
PAUSE = float(os.environ.get("STRESS_PAUSE", "0"))


def write(process: int, lines: int | None, *, acknowledge: bool = False) -> None:
    """Write lines, as many as asked for or until killed; one in ten goes to the error file too."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "stress.settings")
    if not apps.ready:  # a forked process has inherited all this
        django.setup()
    log_event = import_module(f"{settings.LOG_NAMESPACE}.logging_helper").log_event
    path = f"acknowledged.{process}"
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT) if acknowledge else -1
    sizes = LARGE_SIZES if acknowledge else SIZES
    for number in islice(count(), lines):
        fill = "x" * max(0, sizes[(number + process) % len(sizes)] - 200)
        level = "ERROR" if number % 10 == 0 else "INFO"
        numbers = {"process": process, "number": number}
        log_event("stress_line", {**numbers, "fill": fill}, level=level)
        if PAUSE:
            time.sleep(PAUSE)
        if acknowledge:
            os.write(file, f"{number}\n".encode())


def start(how: str, process: int, lines: int | None) -> multiprocessing.process.BaseProcess:
    """Start a writing process."""
    context = multiprocessing.get_context("spawn" if how == "spawn" else "fork")
    writer = context.Process(
        target=write, args=(process, lines), kwargs={"acknowledge": how == "kill"}
    )
    writer.start()
    return writer


def main(how: str, processes: int, lines: int) -> int:
    """Run the processes; return how many failed."""
    if how == "spawn":
        writers = [start(how, process, lines) for process in range(processes)]
    else:
        write(processes, 1)  # the file is open when the processes are forked
        writers = [
            start(how, process, lines if how == "fork" else None) for process in range(processes)
        ]
    if how == "kill":
        for process in range(processes + 1, processes + 1 + lines):
            time.sleep(random.uniform(0.002, 0.01))
            victim = writers.pop(random.randrange(len(writers)))
            victim.kill()
            victim.join()
            writers.append(start(how, process, None))
        for writer in writers:
            writer.kill()
    for writer in writers:
        writer.join()
    allowed = (0, -signal.SIGKILL) if how == "kill" else (0,)
    return sum(writer.exitcode not in allowed for writer in writers)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
