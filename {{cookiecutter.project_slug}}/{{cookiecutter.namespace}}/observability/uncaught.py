"""What nobody caught: exceptions of threads and of the main program, and Python's warnings."""

import logging
import sys
import threading
from types import TracebackType

from ..logging_helper import log_event


def connect() -> None:
    """Have uncaught exceptions and warnings logged in place of being printed."""
    logging.captureWarnings(True)
    sys.excepthook = _at_top_level
    threading.excepthook = _in_thread


def _at_top_level(
    kind: type[BaseException], exception: BaseException, traceback: TracebackType | None
) -> None:
    if isinstance(exception, Exception):
        _log(exception, "main")
    # Somebody at a terminal wants to read the traceback; Ctrl-C is no event.
    if sys.stderr.isatty() or not isinstance(exception, Exception):
        sys.__excepthook__(kind, exception, traceback)


def _in_thread(args: threading.ExceptHookArgs) -> None:
    if isinstance(args.exc_value, Exception):
        _log(args.exc_value, args.thread.name if args.thread else "unknown")


def _log(exception: Exception, thread: str) -> None:
    log_event("uncaught_exception", {"thread": thread}, "CRITICAL", exception=exception)
