"""Describes an exception as a JSON object: type, message, frames, causes; never local variables."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from traceback import StackSummary, walk_tb
from types import TracebackType
from typing import Any

from .strict_json import clipped, printable

_FRAMES = 100  # the innermost ones, and no more
_CHARACTERS = 8_000  # of a message
_NAME = 200  # characters of the name of a class or a module
_CHAIN = 8  # causes below each other
_MEMBERS = 20  # of an exception group
_IN_ALL = 50  # exceptions of one line: groups within groups would multiply


def exception_object(
    exception: BaseException, *, mask: Callable[[str], str], frames: bool = True
) -> dict[str, Any]:
    """Return type, module and message of an exception, its frames, notes, cause and members.

    `mask` hides secrets in free text. The cause is the one that Python's own traceback would
    show. Never raises, whatever the exception's own methods do.
    """
    return _described(exception, mask, frames, depth=0, places=iter(range(_IN_ALL)))


def _described(
    exception: BaseException,
    mask: Callable[[str], str],
    frames: bool,
    depth: int,
    places: Iterator[int],
) -> dict[str, Any]:
    kind = type(exception)
    described: dict[str, Any] = {
        "type": clipped(printable(kind.__qualname__), _NAME),
        "module": clipped(printable(str(kind.__module__)), _NAME),
        "message": mask(text_of(exception)),
    }
    # What follows looks into an object that may be broken: what it gave so far is kept.
    with suppress(Exception):
        _look_inside(described, exception, mask, frames, depth, places)
    return described


def _look_inside(
    described: dict[str, Any],
    exception: BaseException,
    mask: Callable[[str], str],
    frames: bool,
    depth: int,
    places: Iterator[int],
) -> None:
    if frames:
        described["stacktrace"] = mask(_stacktrace(exception.__traceback__)) + (
            f"{described['type']}: {clipped(described['message'], 500)}"
        )
    notes = getattr(exception, "__notes__", None)
    if isinstance(notes, list) and notes:
        described["notes"] = [mask(printable(clipped(str(note), 500))) for note in notes[:_MEMBERS]]
    if depth >= _CHAIN:
        return

    def inner(other: BaseException) -> dict[str, Any]:
        return _described(other, mask, frames, depth + 1, places)

    cause = exception.__cause__
    if cause is None and not exception.__suppress_context__:
        cause = exception.__context__
    if cause is not None and next(places, None) is not None:
        described["cause"] = inner(cause)
    if isinstance(exception, BaseExceptionGroup):
        members = zip(exception.exceptions[:_MEMBERS], places, strict=False)
        described["exceptions"] = [inner(member) for member, _ in members]


def text_of(exception: BaseException) -> str:
    """Return the text of an exception, bounded, also of one whose `str` raises."""
    try:
        return printable(clipped(str(exception), _CHARACTERS))
    except Exception:
        return f"<a {printable(type(exception).__qualname__)} that cannot be shown>"


def _stacktrace(traceback: TracebackType | None) -> str:
    """Return the frames as Python prints them, outermost first, without the last line."""
    entries = list(walk_tb(traceback))
    left_out = len(entries) - _FRAMES
    head = "Traceback (most recent call last):\n"
    if left_out > 0:
        head += f"  … {left_out} frames …\n"
    # lookup_lines reads source, never values.
    return printable(head + "".join(StackSummary.extract(iter(entries[-_FRAMES:])).format()))
