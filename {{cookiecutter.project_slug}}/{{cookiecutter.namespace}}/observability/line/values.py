"""Turns whatever a caller passed into strict JSON values: bounded, masked, never raising."""

import math
from collections.abc import Iterable, Iterator, Sized
from dataclasses import fields, is_dataclass
from itertools import islice
from typing import Any

from .exceptions import exception_object
from .known_types import ARRAYS, REPR, name_of, shown_by
from .redact import MASK, Redactor
from .shorten import MARK
from .strict_json import clipped, printable, split_at

_DEPTH = 12  # of nesting
_NODES = 20_000  # values in one payload
_ITEMS = 1_000  # of one container
_KEY = 200  # characters of a key
_LONGEST_KEY = 10_000  # of which this many are looked at

_PLAIN = frozenset({int, bool, type(None)})
_KNOWN_KEYS = 10_000


class Values:
    """Converts payloads: one list of sensitive keys, one limit of what a text may hold."""

    def __init__(self, redactor: Redactor, max_characters: int) -> None:
        self._redactor = redactor
        self._max_characters = max_characters
        self._harmless_keys: set[str] = set()

    def payload(self, payload: Any) -> dict[str, Any]:
        """Return a payload as an object that orjson can write; the caller's is not changed.

        The ordinary one, a flat dictionary with keys seen before, is returned as it is.
        """
        if payload is None:
            return {}
        try:
            if type(payload) is dict and self._is_ordinary(payload):
                return payload
        except Exception:
            pass  # a dictionary that changes under us, say: what follows shows it
        return self.converted(payload)

    def converted(self, payload: Any) -> dict[str, Any]:
        """Return a payload as a new object, every part of it looked at; never raises."""
        conversion = _Conversion(self._redactor, self._max_characters, self._harmless_keys)
        shown = conversion.value(payload)
        shown = shown if isinstance(shown, dict) else {"value": shown}
        return shown | {MARK: conversion.left_out} if conversion.left_out else shown

    def _is_ordinary(self, payload: dict[Any, Any]) -> bool:
        if len(payload) > _ITEMS or not self._harmless_keys.issuperset(payload):
            return False
        texts = []
        for value in payload.values():
            kind = type(value)
            if kind is str:
                texts.append(value)
            elif kind is float:
                if not math.isfinite(value):
                    return False
            elif kind not in _PLAIN:
                return False
        text = " ".join(texts)  # to search them at once
        return len(text) <= self._max_characters and not self._redactor.is_suspect(text)


class _Conversion:
    """One payload's conversion: what is left of its budget, and the containers around us."""

    def __init__(self, redactor: Redactor, max_characters: int, harmless_keys: set[str]) -> None:
        self._redactor = redactor
        self._max_characters = max_characters
        self._harmless_keys = harmless_keys
        self._left = _NODES
        self.left_out = 0  # bytes
        self._around: set[int] = set()

    def value(self, value: Any, depth: int = 0) -> Any:
        """Return the JSON value that shows `value`."""
        self._left -= 1
        if self._left < 0:
            return "<too many values>"
        kind = type(value)
        if value is None or kind is bool:
            return value
        if kind is str and len(value) <= self._max_characters and value.isascii():
            return self._redactor.text(value)
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
        show, describe = shown_by(kind)  # type: ignore[arg-type]  # a type can be hashed
        if show:
            if issubclass(kind, str) and len(value) > self._max_characters:
                # No line holds more, and looking at it all takes too long.
                value, left_out = split_at(str.__str__(value), self._max_characters)
                self.left_out += left_out
            shown = show(value)
            return self._redactor.text(shown) if isinstance(shown, str) else shown
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
            name, sensitive = self._key(key)
            while name in shown:
                name += "′"
            hidden = sensitive and value is not None
            shown[name] = MASK if hidden else self.value(value, depth + 1)
        if next(rest, None) is not None:  # a mapping may have no end, so they are not counted
            shown["…"] = f"<{len(pairs) - _ITEMS} more>" if isinstance(pairs, Sized) else "<more>"
        return shown

    def _key(self, key: Any) -> tuple[str, bool]:
        """Return how a key is shown, and whether it is sensitive; remember the harmless ones."""
        if type(key) is not str:
            key = str(self.value(key))
        elif key in self._harmless_keys:
            return key, False
        sensitive = self._redactor.is_sensitive(key[:_LONGEST_KEY])
        name = printable(clipped(key, _KEY))
        if name == key and not sensitive:
            if len(self._harmless_keys) >= _KNOWN_KEYS:
                self._harmless_keys.clear()
            self._harmless_keys.add(name)
        return name, sensitive

    def _array(self, items: Any, depth: int) -> list[Any]:
        count = len(items)
        first = list(islice(items, _ITEMS))
        if count == 2 and type(first[0]) in (str, bytes):  # a header, as a pair
            name = clipped(str(self.value(first[0])), _KEY)
            if self._redactor.is_sensitive(name):
                return [name, MASK]
        shown = [self.value(item, depth + 1) for item in first]
        return [*shown, f"<{count - _ITEMS} more>"] if count > _ITEMS else shown
