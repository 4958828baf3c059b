"""Describes an exception as a JSON object: type, message, frames, causes; never local variables."""

from collections.abc import Iterator
from contextlib import suppress
from traceback import StackSummary, walk_tb
from typing import Any

from .redact import redactor
from .strict_json import clipped, printable

_FRAMES = 100  # the innermost ones, and no more
_CHARACTERS = 8_000  # of a message
_SHORT = 500  # characters of a note, and of a message below the frames
_NAME = 200  # characters of the name of a class or a module
_CHAIN = 8  # causes below each other
_MEMBERS = 20  # of an exception group
_TOTAL = 50  # exceptions of one line: groups within groups would multiply


def describe(exception: BaseException, *, frames: bool = True) -> dict[str, Any]:
    """Return type, module and message of an exception, its frames, notes, cause and members.

    Secrets in its texts are masked. The cause is the one that Python's own traceback would
    show. Never raises, whatever the exception's own methods do.
    """
    return _described(exception, frames, 0, iter(range(_TOTAL)))


def summary(exception: BaseException) -> dict[str, Any]:
    """Return type, module and message of an exception."""
    kind = type(exception)
    try:
        message = printable(clipped(str(exception), _CHARACTERS))
    except BaseException:  # all of it: the caller must not pay for what a __str__ raises
        message = f"<a {printable(kind.__qualname__)} that cannot be shown>"
    return {
        "type": clipped(printable(kind.__qualname__), _NAME),
        "module": clipped(printable(str(kind.__module__)), _NAME),
        "message": redactor().text(message),
    }


def _described(
    error: BaseException, frames: bool, depth: int, places: Iterator[int]
) -> dict[str, Any]:
    described = summary(error)
    # What follows looks into an object that may be broken: what it gave so far is kept.
    with suppress(BaseException):
        if frames:
            last = f"{described['type']}: {clipped(described['message'], _SHORT)}"
            described["stacktrace"] = redactor().text(_frames_of(error)) + last
        if notes := list(getattr(error, "__notes__", ()))[:_MEMBERS]:
            texts = [printable(clipped(str(note), _SHORT)) for note in notes]
            described["notes"] = [redactor().text(text) for text in texts]
        cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        if cause is not None and depth < _CHAIN and next(places, None) is not None:
            described["cause"] = _described(cause, frames, depth + 1, places)
        if isinstance(error, BaseExceptionGroup) and depth < _CHAIN:
            members = zip(error.exceptions[:_MEMBERS], places, strict=False)
            described["exceptions"] = [_described(m, frames, depth + 1, places) for m, _ in members]
    return described


def _frames_of(error: BaseException) -> str:
    """Return the frames as Python prints them, outermost first, without the last line."""
    entries = list(walk_tb(error.__traceback__))
    left_out = len(entries) - _FRAMES
    head = "Traceback (most recent call last):\n"
    head += f"  … {left_out} frames …\n" if left_out > 0 else ""
    # StackSummary reads source, never values.
    return printable(head + "".join(StackSummary.extract(iter(entries[-_FRAMES:])).format()))
