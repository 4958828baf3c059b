"""What a line of one peer is worth, tried out in a process of its own: `worth PEER FOLDER`."""

import argparse
import json
import math
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .peers import EVENT, PEERS, Log

_CIRCLE: dict[str, Any] = {}
_CIRCLE["again"] = _CIRCLE
_REPLACED = "replaced"
_SECRET = "hunter2"
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


class _Bench:
    """A peer's call, and the file that it writes."""

    def __init__(self, log: Log, folder: Path) -> None:
        """Find the file by a first line, which has nothing odd."""
        self._log = log
        log(EVENT, {"a": 1})
        self.file = max(folder.iterdir(), key=lambda path: path.stat().st_size)
        self.plain = dict(_leaves(json.loads(self.file.read_bytes())))

    def line(self, event: str, fields: dict[str, Any]) -> bytes:
        """Return what one call adds to the file."""
        size = self.file.stat().st_size
        self._log(event, fields)
        with self.file.open("rb") as file:
            file.seek(size)
            return file.read()

    def outcome(self, event: str, fields: dict[str, Any]) -> str:
        """Return what becomes of one call."""
        try:
            line = self.line(event, fields)
        except Exception:  # whatever the caller would get
            return "raised to the caller"
        if not line:
            return "lost"
        try:
            values = dict(_leaves(json.loads(line, parse_constant=_refuse)))
        except ValueError:
            return "not JSON"
        return "replaced" if any(values.get(name) == _REPLACED for name in self.plain) else "kept"


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def _leaves(value: object, name: str = "") -> Iterator[tuple[str, object]]:
    """Yield the values of a line, each with the names that lead to it."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, f"{name}.{key}" if name else key)
    else:
        yield name, value


def worth(log: Log, folder: Path) -> dict[str, Any]:
    """Return what becomes of a secret, a long text, odd values, forged keys and broken files."""
    bench = _Bench(log, folder)
    secret = bench.line(EVENT, {"user": {"password": _SECRET}})
    long = bench.line(EVENT, {"text": "word " * 200_000})
    odd = {name: bench.outcome(event, {"value": value}) for name, (event, value) in ODD.items()}
    own = dict.fromkeys(key for name in bench.plain for key in (name, name.rpartition(".")[2]))
    forged = {key: bench.outcome(EVENT, {key: _REPLACED}) for key in own if key != "a"}
    return {
        "masked": _SECRET.encode() not in secret,
        "longest": len(long),
        "odd": odd,
        "forged": forged,
        "recovers": _recovers(bench),
        "reopens": _reopens(bench),
    }


def _recovers(bench: _Bench) -> bool:
    """Return whether a line is whole after one that another process left unfinished."""
    with bench.file.open("ab") as file:
        file.write(_TORN)
    bench.line(EVENT, {})
    return not bench.file.read_bytes().splitlines()[-1].startswith(_TORN)


def _reopens(bench: _Bench) -> bool:
    """Return whether a line goes to a new file after the old one was renamed."""
    path = bench.file
    bench.file = path.rename(path.with_suffix(".renamed"))
    bench.line(EVENT, {})
    return path.exists()


def main() -> None:
    """Try one peer, and print what was found."""
    parser = argparse.ArgumentParser()
    parser.add_argument("peer")
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    peer = PEERS[arguments.peer]
    assert peer.log
    shutil.rmtree(arguments.folder, ignore_errors=True)
    arguments.folder.mkdir()
    peer.set_up(arguments.folder)
    print(json.dumps(worth(peer.log, arguments.folder)))


if __name__ == "__main__":
    main()
