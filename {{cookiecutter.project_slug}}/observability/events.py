"""log_event and log_operation: all that application code needs to know about logging."""

import logging
import sys
from collections.abc import Mapping
from contextlib import suppress
from itertools import islice
from pathlib import Path
from time import perf_counter
from types import FrameType
from typing import Any

from .context import current_request
from .line.handlers import own_handlers
from .line.record import Event, Record
from .line.values import safe_values
from .logging_config import LEVELS
from .settings import setting

_LEVELS: dict[object, int] = {name: getattr(logging, name) for name in LEVELS}
_LEVELS |= {number: number for number in _LEVELS.values()}
_LOGGERS: dict[str, logging.Logger] = {}
# The names of what is no module to import: a script, a console, the code of `manage.py shell`.
_NO_MODULES = ("__main__", "__console__", "django.core.management.commands.shell")
_OPERATION = 90  # characters of the name of an operation
_MERGED = 10_000  # keys of a payload that are read, since a mapping may have no end

# What refuses a request: DRF's exceptions know their status, Django's do not. They are named
# and not imported, so that neither package is needed here.
_WEB = ("django.", "rest_framework.")
_REFUSALS = {"Http404": 404, "PermissionDenied": 403, "RequestDataTooBig": 413}
_REFUSALS |= dict.fromkeys(("BadRequest", "SuspiciousOperation", "UnreadablePostError"), 400)


def log_event(
    event_name: str,
    payload: Mapping[str, Any] | None = None,
    level: str = "INFO",
    *,
    exception: BaseException | None = None,
    logger: str | None = None,
    stacklevel: int = 1,
) -> None:
    """Log one event of the calling module, as one JSON line.

    `event_name` is snake_case; `payload` is any mapping, and is never changed; `level` is the
    name of a level, an unknown one is INFO, and the payload says so. An `exception` is logged
    with the event; at ERROR and above that is, unless given, the one being handled, if any.
    A function around this one passes `stacklevel=2`, so that the event belongs to its caller;
    `logger` names a logger of the namespace in place of the caller's. Nothing is raised.
    """
    frame = None
    try:
        try:
            frame = sys._getframe(stacklevel)
            target, number = _LOGGERS[logger or frame.f_globals["__name__"]], _LEVELS[level]
        except Exception:  # the module's first event, a level in another spelling, or no caller
            target, number = _logger_of(frame, logger), _level_number(level)
            if not number:
                number, payload = logging.INFO, _merged(payload, {"unknown_level": level})
        if target.isEnabledFor(number):
            _log(target, number, frame, event_name, payload, exception)
    except RecursionError:  # of a caller that is at the limit: any call may raise it
        return


class log_operation:  # noqa: N801 - reads as a function where it is used
    """Log the start and the outcome of a block: `<name>_start`, then `_success` or `_error`.

    `payload` goes with every event; the block adds to the payload of `_success` by filling the
    dictionary that `with` gives it. The outcome has `duration_ms` (milliseconds). An exception
    is logged and raised again: as WARNING without a traceback if it means that the request was
    refused (an HTTP status below 500), as ERROR with one if it means a crash.

        with log_operation("create_product") as outcome:
            outcome["id"] = create().pk
    """

    def __init__(self, name: str, payload: Mapping[str, Any] | None = None) -> None:
        self._name = safe_values().event_name(name)[:_OPERATION]
        self._payload = payload
        self._outcome: dict[str, Any] = {}
        # Here and not in __enter__, which an ExitStack may call.
        self._frame = sys._getframe().f_back
        self._logger = _logger_of(self._frame)

    def __enter__(self) -> dict[str, Any]:
        """Log the start."""
        self._started = perf_counter()
        self._log_outcome("_start", logging.INFO, self._payload)
        return self._outcome

    def __exit__(self, _type: object, exception: BaseException | None, _traceback: object) -> None:
        """Log the outcome."""
        facts: dict[str, Any] = {"duration_ms": round((perf_counter() - self._started) * 1000, 3)}
        suffix, level = "_error", logging.ERROR
        if exception is None:
            suffix, level, facts = "_success", logging.INFO, self._outcome | facts
        elif refusal := _refusal(exception):
            level, exception, facts = logging.WARNING, None, refusal | facts
        elif not isinstance(exception, Exception) or _was_reported(exception):
            # Cancellation and process exit are no fault of the service, and an inner operation
            # has logged its failure.
            level = logging.WARNING
        self._log_outcome(suffix, level, _merged(self._payload, facts), exception)
        self._frame = None

    def _log_outcome(
        self, suffix: str, level: int, payload: Any, exception: BaseException | None = None
    ) -> None:
        if self._logger.isEnabledFor(level):
            _log(self._logger, level, self._frame, self._name + suffix, payload, exception)


def _log(
    logger: logging.Logger,
    number: int,
    frame: FrameType | None,
    name: object,
    payload: object,
    exception: BaseException | None,
) -> None:
    """Make one record and hand it to the handlers; never raise."""
    try:
        if exception is None and number >= logging.ERROR:
            exception = sys.exc_info()[1]
        if exception is None and (handlers := own_handlers(logger)):
            own = Event(logger.name, number, name, payload)
            for handler in handlers:
                if number >= handler.level:
                    handler.emit(own)
            return
        info = None if exception is None else (type(exception), exception, exception.__traceback__)
        path, line, function = "", 0, None
        if frame:
            path, line, function = frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name
        record = Record(logger.name, number, path, line, "", (), info, function)
        record.set_event(name, payload)
        logger.handle(record)
    except Exception as error:
        # Only a broken handler or filter of somebody else's gets here: the caller must not pay.
        with suppress(Exception):
            sys.stderr.write(f"log_event failed: {type(error).__name__}\n")


def _level_number(level: object) -> int:
    """Return the number of a level given by name, in any case, or by number; else 0."""
    with suppress(Exception):  # of what cannot be hashed or compared, say
        return _LEVELS.get(level.upper() if isinstance(level, str) else level, 0)
    return 0


def _logger_of(frame: FrameType | None, name: object = None) -> logging.Logger:
    """Return a logger inside the namespace: by its name, or the one of the frame's module.

    A script has the name of its file; code without one, as in a notebook, is `shell`.
    """
    namespace: str = setting("LOG_NAMESPACE")
    code = frame.f_globals if frame else {"__name__": namespace}
    module = name or code.get("__name__")
    module = module if type(module) is str else "__console__"  # as for code that `exec` runs
    if module not in _LOGGERS:
        place = Path(str(code.get("__file__", "shell"))).stem if module in _NO_MODULES else module
        inside = place == namespace or place.startswith(f"{namespace}.")
        _LOGGERS[module] = logging.getLogger(place if inside else f"{namespace}.{place}")
    return _LOGGERS[module]


def _merged(payload: object, additions: dict[str, Any]) -> dict[str, Any]:
    """Return a new payload with the additions; what is no mapping becomes `value`."""
    with suppress(BaseException):  # all that the payload's own methods raise
        if payload is None:
            return additions
        if isinstance(payload, Mapping):
            return dict(islice(payload.items(), _MERGED)) | additions
    return {"value": payload, **additions}


def _was_reported(exception: BaseException) -> bool:
    context = current_request()
    return context is not None and context.has_reported(exception, logging.ERROR)


def _refusal(exception: BaseException) -> dict[str, Any] | None:
    """Describe an exception that refuses a request, by codes: its text may echo the input.

    Each field has a list of codes, and what is wrong with the request as a whole is `detail`.
    """
    with suppress(Exception):
        names = [one.__name__ for one in type(exception).__mro__ if one.__module__.startswith(_WEB)]
        status = next((_REFUSALS[name] for name in names if name in _REFUSALS), 500)
        status = int(getattr(exception, "status_code", 500)) if "APIException" in names else status
        if status < 500:
            given: Any = getattr(exception, "get_codes", dict)()
            given = given if isinstance(given, dict) else {"detail": given}
            codes = {str(field): _codes(each) for field, each in given.items()}
            facts = {"error": type(exception).__name__, "status": status, "codes": codes}
            return {key: fact for key, fact in facts.items() if fact}
    return None


def _codes(given: Any) -> list[str]:
    """Return the codes of a field, with those of the fields inside it."""
    inner = given.values() if isinstance(given, dict) else given
    return [given] if isinstance(given, str) else [code for each in inner for code in _codes(each)]
