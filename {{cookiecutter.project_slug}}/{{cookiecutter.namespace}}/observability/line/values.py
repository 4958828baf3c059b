"""Turns whatever a caller passed into strict JSON values: bounded, masked, never raising."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass
from itertools import islice
from typing import Any

from .exceptions import exception_object
from .known_types import ARRAYS, REPR, name_of, shown_by
from .redact import MASK, Redactor
from .strict_json import clipped, printable

_DEPTH = 12  # of nesting
_NODES = 20_000  # values in one payload
_ITEMS = 1_000  # of one container
_KEY = 200  # characters of a key

_ORDINARY = frozenset({str, int, float, bool, type(None)})
_KNOWN_KEYS_LIMIT = 10_000


class Values:
    """Converts payloads, with one list of sensitive keys."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._harmless_keys: set[str] = set()

    def payload(self, payload: Any) -> dict[str, Any]:
        """Return a payload as an object that orjson can write; the caller's is not changed.

        The ordinary one, a flat dictionary with keys seen before, is returned as it is.
        """
        if payload is None:
            return {}
        try:
            if type(payload) is dict:
                if self._is_ordinary(payload):
                    return payload
                self._learn(payload)
        except Exception:
            pass  # a dictionary that changes under us, say: what follows shows it
        return self.converted(payload)

    def converted(self, payload: Any) -> dict[str, Any]:
        """Return a payload as a new object, every part of it looked at; never raises."""
        shown = _Conversion(self._redactor).value(payload)
        return shown if isinstance(shown, dict) else {"value": shown}

    def _is_ordinary(self, payload: dict[Any, Any]) -> bool:
        values = payload.values()
        if not (
            self._harmless_keys.issuperset(payload) and _ORDINARY.issuperset(map(type, values))
        ):
            return False
        return all(map(math.isfinite, (value for value in values if type(value) is float)))

    def _learn(self, payload: dict[Any, Any]) -> None:
        if len(self._harmless_keys) < _KNOWN_KEYS_LIMIT and len(payload) < _ITEMS:
            self._harmless_keys.update(
                key
                for key in payload
                if type(key) is str
                and len(key) <= _KEY
                and key == printable(key)
                and not self._redactor.is_sensitive(key)
            )


class _Conversion:
    """One payload's conversion: what is left of its budget, and the containers around us."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._left = _NODES
        self._around: set[int] = set()

    def value(self, value: Any, depth: int = 0) -> Any:
        """Return the JSON value that shows `value`."""
        self._left -= 1
        if self._left < 0:
            return "<too many values>"
        if depth > _DEPTH:
            return f"<{name_of(value)}: too deep>"
        if id(value) in self._around:
            return f"<{name_of(value)}: circular>"
        self._around.add(id(value))
        try:
            return self._shown(value, depth)
        except Exception as error:
            return f"<{name_of(value)} that cannot be shown: {type(error).__name__}>"
        finally:
            self._around.discard(id(value))

    def _shown(self, value: Any, depth: int) -> Any:
        kind = type(value)
        if value is None or kind is bool:
            return value
        show, describe = shown_by(kind)
        if show:
            return show(value)
        if describe:
            described = describe(value)
            if isinstance(described, str):
                return described
            return self._object(described, depth)
        if issubclass(kind, tuple) and hasattr(kind, "_fields"):
            return self._object(zip(kind._fields, value, strict=False), depth)
        if issubclass(kind, ARRAYS):
            return self._array(value, depth)
        if issubclass(kind, BaseException):
            return exception_object(value, mask=self._redactor.text, frames=False)
        if is_dataclass(kind):
            return self._object(((f.name, getattr(value, f.name)) for f in fields(kind)), depth)
        if issubclass(kind, Iterator):
            return f"<{name_of(value)}>"  # looking into it would use it up
        return self._redactor.text(printable(clipped(repr(value), REPR)))

    def _object(self, pairs: Iterable[tuple[Any, Any]], depth: int) -> dict[str, Any]:
        shown: dict[str, Any] = {}
        rest = iter(pairs)
        for key, value in islice(rest, _ITEMS):
            name = printable(clipped(key if type(key) is str else str(self.value(key)), _KEY))
            hidden = value is not None and self._redactor.is_sensitive(name)
            while name in shown:
                name += "′"
            shown[name] = MASK if hidden else self.value(value, depth + 1)
        if left := sum(1 for _ in rest):
            shown["…"] = f"<{left} more>"
        return shown

    def _array(self, items: Any, depth: int) -> list[Any]:
        count = len(items)
        first = list(islice(items, _ITEMS))
        if count == 2 and type(first[0]) is str and self._redactor.is_sensitive(first[0]):
            return [printable(clipped(first[0], _KEY)), MASK]  # a header, as a pair
        shown = [self.value(item, depth + 1) for item in first]
        return [*shown, f"<{count - _ITEMS} more>"] if count > _ITEMS else shown
