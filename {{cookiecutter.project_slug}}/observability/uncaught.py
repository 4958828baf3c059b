"""Logs what no code caught: exceptions of threads and of the main program, and warnings."""

import logging
import sys
import threading
from typing import Any

from .events import log_event
from .settings import setting


def connect() -> None:
    """Have uncaught exceptions and warnings logged, and call the hooks that were there before."""
    logging.captureWarnings(True)
    sys.excepthook = _hook(sys.excepthook, sys.__excepthook__)
    sys.unraisablehook = _hook(sys.unraisablehook, sys.__unraisablehook__)
    threading.excepthook = _hook(threading.excepthook, threading.__excepthook__)


def _hook(before: Any, pythons_own: Any) -> Any:
    def hook(*args: Any) -> None:
        # The main program passes a class, an exception and a traceback; a thread, and what Python
        # cannot raise, as in `__del__`, one object that has them.
        given = args[0] if len(args) == 1 else None
        error = given.exc_value if given else args[1]
        thread = getattr(given, "thread", None)
        # Whoever closes a pipe has read enough of what the main program prints.
        fault = isinstance(error, Exception) and (thread or not isinstance(error, BrokenPipeError))
        if fault:
            payload = {"thread": (thread or threading.current_thread()).name, "owasp": "sys_crash"}
            log_event("uncaught_exception", payload, "CRITICAL", exception=error)
        # Python's own hook prints it: for somebody at a terminal, and where the log has no console.
        is_printed = sys.stderr.isatty() or not fault or "console" not in setting("LOG_HANDLERS")
        if before is not pythons_own or is_printed:
            before(*args)

    return hook
