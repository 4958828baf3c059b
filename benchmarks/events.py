"""One event, by one peer, in a process of its own, under pyperf: `events PEER FOLDER`."""

import logging
import os
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import pyperf

from .alone import runner_of
from .payloads import PAYLOADS, records_of, text_of
from .peers import LOGGER, PEERS, Emit, set_up_project

SIZES = (1_000, 10_000, 100_000, 200_000, 500_000, 1_000_000)


def main() -> None:
    """Measure what this peer is asked for."""
    runner, peer, folder = runner_of(__spec__.name)
    if peer == "disabled":
        _disabled(runner, folder)
    elif peer == "sizes":
        _sizes(runner, folder)
    else:
        emit = PEERS[peer].set_up(folder)
        for name, payload in PAYLOADS.items():
            runner.bench_time_func(f"{peer}/{name}", _timer(emit, payload, folder))


def _timer(emit: Emit, payload: dict[str, Any], folder: Path) -> Callable[[int], float]:
    """Return what times so many events, each time in empty files: memory never used is slow."""

    def seconds(events: int) -> float:
        for file in folder.iterdir():
            os.truncate(file, 0)
        started = perf_counter()
        for _ in range(events):
            emit(payload)
        return perf_counter() - started

    return seconds


def _disabled(runner: pyperf.Runner, folder: Path) -> None:
    set_up_project(folder, "file")
    from ecommerce.logging_helper import log_event

    payload = PAYLOADS["7 keys"]
    logger = logging.getLogger(LOGGER)
    assert not logger.isEnabledFor(logging.DEBUG)

    # As it is called: each in a function of its own, whose own cost is then taken off.
    def plain() -> None:
        logger.debug("fetch_products")

    def with_payload() -> None:
        logger.debug("fetch_products", extra={"payload": payload})

    def event() -> None:
        log_event("fetch_products", payload, "DEBUG")

    def nothing() -> None:
        pass

    for function in (nothing, plain, with_payload, event):
        runner.bench_func(f"disabled/{function.__name__}", function)


def _sizes(runner: pyperf.Runner, folder: Path) -> None:
    emit = PEERS["project"].set_up(folder)
    for size in SIZES:
        for shape, payload in (("text", text_of(size)), ("records", records_of(size))):
            timer = _timer(emit, payload, folder)
            runner.bench_time_func(f"{shape}/{size}", timer)


if __name__ == "__main__":
    main()
