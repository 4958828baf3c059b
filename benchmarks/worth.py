"""What a line of one peer is worth: tried out in the process of the peer."""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from time import sleep
from typing import Any

from .peers import EVENT
from .project import Log

_CIRCLE: dict[str, Any] = {}
_CIRCLE["again"] = _CIRCLE
_REPLACED = "replaced"
_TORN = b'{"event":"torn by a process that was ki'


class _Unshowable:
    def __repr__(self) -> str:
        raise ValueError


ODD: dict[str, tuple[str, object]] = {
    "NaN": (EVENT, math.nan),
    "a set": (EVENT, {1}),
    "an object whose `repr` fails": (EVENT, _Unshowable()),
    "half a surrogate pair": (EVENT, "\ud800"),
    "an integer of 100 bits": (EVENT, 2**100),
    "a circle": (EVENT, _CIRCLE),
    "a line break in the event's name": ("fetch\nproducts", 1),
}


def worth(log: Log, folder: Path) -> dict[str, Any]:
    """Return what becomes of a secret, a long text, odd values, forged keys and broken files."""
    log(EVENT, {"a": 1})
    path = file = max(folder.iterdir(), key=lambda path: path.stat().st_size)
    plain = dict(_leaves(json.loads(file.read_bytes())))

    def line(event: str, fields: dict[str, Any]) -> bytes:
        size = file.stat().st_size
        log(event, fields)
        return file.read_bytes()[size:]

    def outcome(event: str, fields: dict[str, Any]) -> str:
        try:
            made = line(event, fields)
        except Exception:  # whatever the caller would get
            return "raised"
        try:
            values = dict(_leaves(json.loads(made, parse_constant=_refuse)))
        except ValueError:
            return "not JSON" if made else "lost"
        return "replaced" if any(values.get(name) == _REPLACED for name in plain) else "kept"

    own = dict.fromkeys(key for name in plain for key in (name, name.rpartition(".")[2]))
    found = {
        "masked": b"hunter2" not in line(EVENT, {"user": {"password": "hunter2"}}),
        "longest": len(line(EVENT, {"text": "word " * 200_000})),
        "odd": {name: outcome(event, {"value": value}) for name, (event, value) in ODD.items()},
        "forged": {key: outcome(EVENT, {key: _REPLACED}) for key in own if key != "a"},
    }
    with file.open("ab") as other:
        other.write(_TORN)  # as another process leaves it that was killed
    line(EVENT, {})
    found["recovers"] = not file.read_bytes().splitlines()[-1].startswith(_TORN)
    file = path.rename(path.with_suffix(".renamed"))
    for _ in range(2):  # to notice may take a moment
        line(EVENT, {})
        sleep(0.1)
    return found | {"reopens": path.exists()}


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def _leaves(value: object, name: str = "") -> Iterator[tuple[str, object]]:
    """Yield the values of a line, each with the names that lead to it."""
    if not isinstance(value, dict):
        yield name, value
        return
    for key, inner in value.items():
        yield from _leaves(inner, f"{name}.{key}" if name else key)
