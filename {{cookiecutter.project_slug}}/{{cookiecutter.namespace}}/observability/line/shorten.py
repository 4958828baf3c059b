"""Keeps a line under its limit: the largest payload values go first, errors go last."""

from operator import itemgetter
from typing import Any

import orjson

from .strict_json import dumps, size_of

_VALUE = 64  # bytes that stay of a payload value, at the least
_STACKTRACE = 600  # bytes that stay of each stack trace, at the least
MARK = "truncated_bytes"


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
    data: dict[str, Any] = orjson.loads(encoded)  # which takes no subclass of str
    size += left_out_of(data["payload"])  # the formatter may have shortened it already
    data["payload"][MARK] = size  # as long as any number that will stand here
    exception = data.get("exception")
    if exception is None:
        _cut_payload(data, limit, keep=0)
    else:
        # What an error says of itself is worth more than a payload beyond a quarter of the line.
        _cut_payload(data, limit, keep=limit // 4)
        _cut_stacktraces(exception, _excess(data, limit))
        if _excess(data, limit) > 0:
            _cut_messages(exception, limit // 16)
            _cut_payload(data, limit, keep=0)
        if _excess(data, limit) > 0:
            data["exception"] = {k: _cut(exception[k], 200) for k in ("type", "module", "message")}
    data["payload"][MARK] = size - 1 - size_of(data)
    return dumps(data)


def left_out_of(payload: dict[str, Any]) -> int:
    """Return how many bytes a payload says were left out of it before."""
    said = payload.get(MARK)
    return said if isinstance(said, int) else 0


def _excess(data: dict[str, Any], limit: int) -> int:
    return size_of(data) + 1 - limit


def _cut_payload(data: dict[str, Any], limit: int, keep: int) -> None:
    """Cut the largest values, a message among them, then leave out the last keys."""
    payload = data["payload"]
    texts = [(payload, key) for key in payload if key != MARK]
    texts += [(data, "message")] if "message" in data else []
    sized = [(size_of(holder[key]), holder, key) for holder, key in texts]
    sized.sort(key=itemgetter(0))
    whole = size_of(payload) + size_of(data.get("message", ""))
    over = min(_excess(data, limit), whole - keep)
    for size, holder, key in reversed(sized):
        if over <= 0 or size <= _VALUE:
            break
        target = max(_VALUE, size - over)
        holder[key] = _cut(holder[key], target)
        over -= size - target
    for key in [key for key in reversed(payload) if key != MARK]:
        if over <= 0:
            break
        over -= size_of({key: payload.pop(key)}) - 1


def _cut(value: Any, size: int) -> str:
    """Return the beginning of a value as a text of at most `size` bytes of JSON."""
    text = value if isinstance(value, str) else dumps(value)
    room = size - size_of("…")
    kept = min(len(text), max(0, room))
    while size_of(text[:kept]) - len('""') > room and kept:
        kept = kept * 3 // 4
    return f"{text[:kept]}…"


def _cut_stacktraces(exception: dict[str, Any], over: int) -> None:
    """Take frames out of the middle, of the longest stack trace first."""
    for described in sorted(_chain(exception), key=_stacktrace_size, reverse=True):
        size = _stacktrace_size(described)
        if over <= 0 or size <= _STACKTRACE:
            break
        target = max(_STACKTRACE, size - over)
        # The message stands below the frames once more, and would take their place.
        frames, _, _ = described["stacktrace"].partition(f"\n{described['type']}: ")
        described["stacktrace"] = frames
        kept = target
        while size_of(described["stacktrace"]) > target:
            described["stacktrace"] = _without_middle(frames, kept)
            kept = kept * 7 // 8
        over -= size - _stacktrace_size(described)


def _without_middle(text: str, kept: int) -> str:
    """Keep whole lines: a quarter of what is kept from the top, the rest from the bottom."""
    top, _, _ = text[: kept // 4].rpartition("\n")
    bottom = text[-(kept * 3 // 4) :]
    _, _, whole = bottom.partition("\n")
    return f"{top}\n  …\n{whole or bottom}"


def _cut_messages(exception: dict[str, Any], size: int) -> None:
    """Bound every text of the chain, and the chain itself."""
    for depth, described in enumerate(_chain(exception)):
        described.pop("notes", None)
        described.pop("exceptions", None)
        described["message"] = _cut(described["message"], size)
        if depth >= 2:
            described.pop("cause", None)


def _chain(exception: dict[str, Any]) -> list[dict[str, Any]]:
    """Return an exception, its causes and its members, and theirs."""
    inner = [exception["cause"]] if "cause" in exception else []
    inner += exception.get("exceptions", [])
    return [exception, *(one for each in inner for one in _chain(each))]


def _stacktrace_size(described: dict[str, Any]) -> int:
    return size_of(described.get("stacktrace", ""))
