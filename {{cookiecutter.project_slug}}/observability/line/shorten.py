"""Keeps a line under its limit: the largest payload values are cut first, errors last."""

from collections.abc import Callable, Iterator
from typing import Any

import orjson

from .strict_json import LEFT_OUT, dumps, size_of

_VALUE = 64  # bytes that stay of a payload value, at the least
_STACKTRACE = 600  # bytes that stay of each stack trace, at the least

Place = tuple[dict[str, Any], str]  # an object, and the key of a text in it


def shortened(line: str, limit: int) -> str:
    """Return the line if it and its newline take at most `limit` bytes, else a shorter one.

    A shortened line has the same keys and is as valid; `payload.truncated_bytes` says how many
    bytes were left out. The type and message of an exception, its cause and its innermost
    frames stay.
    """
    if len(line) * 4 < limit:  # no character takes more than four bytes
        return line
    encoded = line.encode()
    size = len(encoded) + 1
    if size <= limit:
        return line
    data: dict[str, Any] = orjson.loads(encoded)
    payload = data["payload"]
    before = payload.get(LEFT_OUT)
    size += before if isinstance(before, int) else 0
    payload[LEFT_OUT] = size  # as long as any number that will stand here
    if exception := data.get("exception"):
        # What an error says of itself is worth more than a payload beyond a quarter of the line.
        room = limit - min(size_of(data) - size_of(exception), limit // 4)
        data["exception"] = _fit_exception(exception, room)
    texts: list[Place] = [(payload, key) for key in payload if key != LEFT_OUT]
    texts += [(data, "message")] if "message" in data else []
    _fit(texts, limit - 1 - size_of(data), _VALUE, _cut)
    while size_of(data) >= limit and len(payload) > 1:
        payload.pop(next(key for key in reversed(payload) if key != LEFT_OUT))
    payload[LEFT_OUT] = size - 1 - size_of(data)
    return dumps(data)


def _fit(places: list[Place], spare: int, least: int, cut: Callable[[Any, int], str]) -> None:
    """Cut the largest values, to one size of at least `least` bytes, if `spare` is negative."""
    sizes = [size_of(holder[key]) for holder, key in places]
    room, left = sum(sizes) + spare, sorted(sizes)
    while left and left[0] * len(left) <= room:
        room -= left.pop(0)
    share = max(least, room // len(left)) if left else 0
    for size, (holder, key) in zip(sizes, places, strict=True):
        if left and size > share:
            holder[key] = cut(holder[key], share)


def _fit_exception(exception: dict[str, Any], limit: int) -> dict[str, Any]:
    """Take frames out of the longest stack traces, then cut messages and the chain."""
    if size_of(exception) <= limit:
        return exception
    chain = list(_chain(exception))
    traces: list[Place] = [(each, "stacktrace") for each in chain if "stacktrace" in each]
    for each, key in traces:
        # The message stands below the frames once more, and would take their place.
        each[key] = each[key].partition(f"\n{each['type']}: ")[0]
    _fit(traces, limit - size_of(exception), _STACKTRACE, _without_middle)
    if size_of(exception) > limit:
        for depth, each in enumerate(chain):
            each["message"] = _cut(each["message"], limit // 16)
            for key in ("notes", "exceptions", "cause") if depth >= 2 else ("notes", "exceptions"):
                each.pop(key, None)
    if size_of(exception) > limit:
        return {key: _cut(exception[key], 200) for key in ("type", "module", "message")}
    return exception


def _chain(exception: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield an exception, its causes and its members, and theirs."""
    yield exception
    for inner in [*filter(None, [exception.get("cause")]), *exception.get("exceptions", [])]:
        yield from _chain(inner)


def _cut(value: Any, size: int) -> str:
    """Return the beginning of a value as a text of at most `size` bytes of JSON."""
    text = value if isinstance(value, str) else dumps(value)
    return _longest(lambda kept: f"{text[:kept]}…", min(size, len(text)), size)


def _without_middle(trace: str, size: int) -> str:
    """Return a stack trace in `size` bytes: whole lines, a quarter from the top, the rest below."""

    def ends(kept: int) -> str:
        bottom = trace[-(kept * 3 // 4) :]
        whole_lines = bottom.partition("\n")[2] or bottom
        return f"{trace[: kept // 4].rpartition(chr(10))[0]}\n  …\n{whole_lines}"

    return _longest(ends, size, size)


def _longest(make: Callable[[int], str], kept: int, size: int) -> str:
    """Return the longest text that `make` gives for some number of characters and that fits."""
    while size_of(text := make(kept)) > size and kept:
        kept = kept * 7 // 8
    return text
