"""What nobody caught: exceptions of threads and of the main program, and Python's warnings."""

import logging
import sys
import threading
from types import TracebackType
from typing import Any

from django.conf import settings

from ..logging_helper import log_event


def connect() -> None:
    """Have uncaught exceptions and warnings logged in place of being printed."""
    logging.captureWarnings(True)
    sys.excepthook = _at_top_level
    threading.excepthook = _in_thread
    sys.unraisablehook = _unraisable


def _at_top_level(
    kind: type[BaseException], exception: BaseException, traceback: TracebackType | None
) -> None:
    is_event = isinstance(exception, Exception) and not isinstance(exception, BrokenPipeError)
    if is_event:
        _log(exception, "main")
    # Somebody at a terminal wants to read it; and it must stand somewhere if not on the console.
    if sys.stderr.isatty() or not is_event or "console" not in settings.LOG_HANDLERS:
        sys.__excepthook__(kind, exception, traceback)


def _in_thread(args: threading.ExceptHookArgs) -> None:
    if isinstance(args.exc_value, Exception):
        _log(args.exc_value, args.thread.name if args.thread else "unknown")


def _unraisable(args: Any) -> None:
    """Log what Python would print of an exception in `__del__`, or in a callback of C code."""
    if args.exc_value is not None:
        _log(args.exc_value, threading.current_thread().name)


def _log(exception: BaseException, thread: str) -> None:
    log_event("uncaught_exception", {"thread": thread}, "CRITICAL", exception=exception)
