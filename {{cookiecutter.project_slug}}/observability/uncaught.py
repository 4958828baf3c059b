"""Logs what no code caught: exceptions of threads and of the main program, and warnings."""

import logging
import sys
import threading
from types import TracebackType
from typing import Any

from .events import log_event
from .settings import setting


def connect() -> None:
    """Have uncaught exceptions and warnings logged, and call the hooks that were there before."""
    logging.captureWarnings(True)
    sys.excepthook = _main_hook(sys.excepthook)
    threading.excepthook = _hook(threading.excepthook, threading.__excepthook__)
    sys.unraisablehook = _hook(sys.unraisablehook, sys.__unraisablehook__)


def _main_hook(before: Any) -> Any:
    def hook(
        kind: type[BaseException], exception: BaseException, traceback: TracebackType | None
    ) -> None:
        is_fault = isinstance(exception, Exception) and not isinstance(exception, BrokenPipeError)
        if is_fault:
            _log(exception, "main")
        # Python's own hook prints it: for somebody at a terminal, and where the log has no console.
        is_printed = sys.stderr.isatty() or not is_fault or "console" not in setting("LOG_HANDLERS")
        if before is not sys.__excepthook__ or is_printed:
            before(kind, exception, traceback)

    return hook


def _hook(before: Any, pythons_own: Any) -> Any:
    """Return a hook for threads, or for what Python cannot raise, as in `__del__`."""

    def hook(args: Any) -> None:
        thread = getattr(args, "thread", None) or threading.current_thread()
        if args.exc_value is not None and not isinstance(args.exc_value, SystemExit):
            _log(args.exc_value, thread.name)
        if before is not pythons_own:
            before(args)

    return hook


def _log(exception: BaseException, thread: str) -> None:
    log_event("uncaught_exception", {"thread": thread}, "CRITICAL", exception=exception)
