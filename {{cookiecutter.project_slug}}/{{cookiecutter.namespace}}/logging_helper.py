"""log_event and log_operation: all that application code needs to know about logging."""

import logging
import sys
from collections.abc import Mapping
from contextlib import suppress
from itertools import islice
from time import perf_counter
from types import FrameType, TracebackType
from typing import Any

NAMESPACE = __name__.partition(".")[0]

_LEVELS: dict[object, int] = {
    "DEBUG": logging.DEBUG,
    "INFO": logging.INFO,
    "WARNING": logging.WARNING,
    "ERROR": logging.ERROR,
    "CRITICAL": logging.CRITICAL,
}
_LEVELS |= {number: number for number in _LEVELS.values()}
_LOGGERS: dict[str, logging.Logger] = {}
_MERGED = 10_000  # keys of a payload that are looked at, since a mapping may have no end

# What refuses a request: DRF's exceptions know their status, Django's do not. Named, not
# imported, to need neither here.
_WEB = ("django.", "rest_framework.")
_REFUSALS = {"Http404": 404, "PermissionDenied": 403, "BadRequest": 400, "SuspiciousOperation": 400}


class Event:
    """What a record carries as its message: the name of an event and its payload.

    https://docs.python.org/3/howto/logging.html#using-arbitrary-objects-as-messages
    """

    __slots__ = ("name", "payload", "suffix")

    def __init__(self, name: object, payload: object, suffix: str = "") -> None:
        self.name = name
        self.payload = payload
        self.suffix = suffix

    def __str__(self) -> str:
        return (self.name if type(self.name) is str else "unnamed_event") + self.suffix


def log_event(
    event_name: str,
    payload: Mapping[str, Any] | None = None,
    level: str = "INFO",
    *,
    exception: BaseException | None = None,
) -> None:
    """Log one event of the calling module, as one JSON line.

    `event_name` is snake_case; `payload` is any mapping, and is never changed; `level` is the
    name of a level, an unknown one is INFO, and the payload says so. An `exception` is logged
    with it; at ERROR and above that is, unless given, the one being handled, if any.
    Nothing is raised, whatever is passed.
    """
    caller = sys._getframe(1)
    try:
        logger, number = _LOGGERS[caller.f_globals["__name__"]], _LEVELS[level]
    except Exception:  # the module's first event, or a level in another spelling
        logger, number, payload = _looked_up(caller, level, payload)
    if logger.isEnabledFor(number):
        _log(logger, number, caller, Event(event_name, payload), exception)


class log_operation:  # noqa: N801 - reads as a function where it is used
    """Log the start and the outcome of a block: `<name>_start`, then `_success` or `_error`.

    `payload` goes with every event; the block adds to the payload of `_success` by filling the
    dictionary that `with` gives it. The outcome has `duration_ms` (milliseconds). An exception
    is logged and goes on its way: as WARNING without a traceback if it means that the request
    was refused (an HTTP status below 500), as ERROR with one if it means a crash.

        with log_operation("create_product") as outcome:
            outcome["id"] = create().pk
    """

    def __init__(self, name: str, payload: Mapping[str, Any] | None = None) -> None:
        self._name = name
        self._payload = payload
        self._outcome: dict[str, Any] = {}

    def __enter__(self) -> dict[str, Any]:
        self._started = perf_counter()
        caller = sys._getframe(1)
        logger = _logger_of(caller)
        if logger.isEnabledFor(logging.INFO):
            _log(logger, logging.INFO, caller, Event(self._name, self._payload, "_start"), None)
        return self._outcome

    def __exit__(
        self,
        _type: type[BaseException] | None,
        exception: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        facts: dict[str, Any] = {"duration_ms": round((perf_counter() - self._started) * 1000, 3)}
        suffix, level = "_error", logging.ERROR
        if exception is None:
            suffix, level = "_success", logging.INFO
            facts = self._outcome | facts
        elif refusal := _refusal(exception):
            level, exception = logging.WARNING, None
            facts = refusal | facts
        elif not isinstance(exception, Exception):
            # A cancelled task or an interpreter on its way out is no fault of the service.
            level = logging.WARNING
        caller = sys._getframe(1)
        logger = _logger_of(caller)
        if logger.isEnabledFor(level):
            event = Event(self._name, _merged(self._payload, facts), suffix)
            _log(logger, level, caller, event, exception)


def _log(
    logger: logging.Logger,
    number: int,
    caller: FrameType,
    event: Event,
    exception: BaseException | None,
) -> None:
    """Make one record and hand it to the handlers; never raise."""
    try:
        if exception is None and number >= logging.ERROR:
            exception = sys.exc_info()[1]
        exc_info = None
        if exception is not None:
            exc_info = (type(exception), exception, exception.__traceback__)
        code, line = caller.f_code, caller.f_lineno
        record = logger.makeRecord(
            logger.name, number, code.co_filename, line, event, (), exc_info, code.co_name
        )
        logger.handle(record)
    except Exception as error:
        # Only a broken handler or filter of somebody else's gets here: the caller must not pay.
        with suppress(Exception):
            sys.stderr.write(f"log_event failed: {type(error).__name__}\n")


def _looked_up(
    caller: FrameType, level: object, payload: Mapping[str, Any] | None
) -> tuple[logging.Logger, int, Mapping[str, Any] | None]:
    """Return the logger, the number of the level, and the payload: it names an unknown level."""
    number = _level_number(level)
    if number is None:
        number, payload = logging.INFO, _merged(payload, {"unknown_level": level})
    return _logger_of(caller), number, payload


def _level_number(level: object) -> int | None:
    """Return the number of a level given by name, in any case, or by number; else None."""
    try:
        return _LEVELS.get(level.upper() if isinstance(level, str) else level)
    except Exception:  # what cannot be hashed or compared, say
        return None


def _logger_of(caller: FrameType) -> logging.Logger:
    """Return the logger of the caller's module, which is always inside the namespace."""
    module = caller.f_globals.get("__name__")
    if type(module) is not str:  # as in code that `exec` runs
        module = NAMESPACE
    if module not in _LOGGERS:
        inside = module == NAMESPACE or module.startswith(f"{NAMESPACE}.")
        _LOGGERS[module] = logging.getLogger(module if inside else f"{NAMESPACE}.{module}")
    return _LOGGERS[module]


def _merged(payload: object, additions: dict[str, Any]) -> dict[str, Any]:
    """Return a new payload with the additions; what is no mapping becomes `value`."""
    with suppress(Exception):
        if payload is None:
            return additions
        if isinstance(payload, Mapping):
            return dict(islice(payload.items(), _MERGED)) | additions
    return {"value": payload, **additions}


def _refusal(exception: BaseException) -> dict[str, Any] | None:
    """Describe an exception that refuses a request, by codes: its text may echo the input."""
    with suppress(Exception):
        kinds = [kind for kind in type(exception).__mro__ if kind.__module__.startswith(_WEB)]
        names = [kind.__name__ for kind in kinds]
        status = next((_REFUSALS[name] for name in names if name in _REFUSALS), 500)
        if "APIException" in names:
            status = int(exception.status_code)  # type: ignore[attr-defined]
        if status < 500:
            codes = getattr(exception, "get_codes", lambda: None)()
            error = type(exception).__name__
            return {"error": error, "status": status} | ({"codes": codes} if codes else {})
    return None
