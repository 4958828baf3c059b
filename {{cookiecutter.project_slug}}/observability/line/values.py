"""Turns whatever a caller passed into strict JSON values: bounded, masked, never raising."""

import re
from collections.abc import Iterable, Sized
from functools import cache, lru_cache
from itertools import islice
from typing import Any

from ..settings import setting
from .known_types import name_of, shown_by
from .ordinary import copy_of_ordinary
from .redact import MASK, Redactor, redactor
from .strict_json import LEFT_OUT, clipped, printable, split_at

_DEPTH = 12  # of nesting
_NODES = 20_000  # values in one payload
_ITEMS = 1_000  # of one container
_KEY = 200  # characters of a key
_CUT = 64  # characters of each text beyond what can be searched
_LONGEST_KEY = 10_000  # characters of it that are searched
_NAME = 100  # characters of the name of an event
_HARMLESS_KEYS = 10_000  # that are remembered

_SNAKE_CASE = re.compile(r"[a-z][a-z0-9_]*")
_WORDS = re.compile(r"[a-z0-9]+")


@cache
def safe_values() -> "SafeValues":
    """Return the converter of the service, which its settings decide."""
    return SafeValues(redactor(), setting("LOG_MAX_LINE_BYTES"))


class SafeValues:
    """Converts payloads by one list of sensitive keys and one limit of what a text may hold."""

    def __init__(self, redactor: Redactor, max_characters: int) -> None:
        self.redactor = redactor
        self.max_characters = max_characters
        self.harmless_keys: set[str] = set()

    def payload(self, payload: Any) -> dict[str, Any]:
        """Return a payload as a new object that orjson can write; the caller's is not changed."""
        if payload is None:
            return {}
        try:
            if type(payload) is dict:
                texts: list[str] = []
                copied: dict[str, Any] = copy_of_ordinary(payload, self.harmless_keys, texts)
                text = " ".join(texts)  # to search them at once
                text.encode()  # raises for what UTF-8 cannot hold
                if len(text) <= self.max_characters and not self.redactor.is_suspect(text):
                    return copied
        except Exception:  # it is not ordinary, or a dictionary that changes under us
            pass
        conversion = _Conversion(self)
        shown = conversion.value(payload)
        shown = shown if isinstance(shown, dict) else {"value": shown}
        return shown | {LEFT_OUT: conversion.left_out} if conversion.left_out else shown

    def text(self, value: Any) -> str:
        """Return any value as one masked and bounded text."""
        return str(_Conversion(self).value(value))

    def event_name(self, name: Any) -> str:
        """Return the name of an event in snake_case, whatever was passed."""
        if type(name) is str and len(name) <= _NAME and _is_snake_case(name):
            return name
        words = "_".join(_WORDS.findall(self.text(name).lower()))[:_NAME]
        return words if words[:1].isalpha() else f"event_{words}".rstrip("_")


@lru_cache(maxsize=1_000)
def _is_snake_case(name: str) -> bool:
    return _SNAKE_CASE.fullmatch(name) is not None


class _Conversion:
    """One payload's conversion: what is left of its limits, and the containers around a value."""

    def __init__(self, values: SafeValues) -> None:
        self._values = values
        self._mask = values.redactor.text
        self._left = _NODES
        # No line holds more than one such text, and to search them all would take too long.
        self._room = 2 * values.max_characters
        self.left_out = 0  # bytes
        self._around: set[int] = set()

    def value(self, value: Any, depth: int = 0) -> Any:
        """Return the JSON value that shows `value`."""
        self._left -= 1
        if self._left < 0:
            return "<too many values>"
        if depth > _DEPTH and type(value) is not str:
            return f"<{name_of(value)}: too deep>"
        if id(value) in self._around:
            return f"<{name_of(value)}: circular>"
        self._around.add(id(value))
        try:
            return self._shown(value, depth)
        # All of it: an object's own methods run here, and the caller must not pay for them.
        except BaseException as error:
            return f"<{name_of(value)} that cannot be shown: {type(error).__name__}>"
        finally:
            self._around.discard(id(value))

    def _shown(self, value: Any, depth: int) -> Any:
        if value is None or type(value) is bool:
            return value
        shown_as, show = shown_by(type(value))  # type: ignore[arg-type]  # a type can be hashed
        if shown_as == "object":
            return self._object(show(value), depth)
        if shown_as == "array":
            return self._array(value, depth)
        if isinstance(value, str):
            limit = max(_CUT, min(self._values.max_characters, self._room))
            self._room -= len(value)
            if len(value) > limit:
                value, left_out = split_at(str.__str__(value), limit)
                self.left_out += left_out
        shown = show(value)
        return self._mask(shown) if shown_as == "text" and isinstance(shown, str) else shown

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
        if "value" in shown and self._values.redactor.is_sensitive(str(shown.get("name", ""))):
            shown["value"] = MASK  # a header, as an object
        return shown

    def _key(self, key: Any) -> tuple[str, bool]:
        """Return how a key is shown, and whether it is sensitive; remember the harmless ones."""
        harmless = self._values.harmless_keys
        text = key if type(key) is str else str(self.value(key))
        if text in harmless:
            return text, False
        searched = text[:_LONGEST_KEY]
        sensitive = self._values.redactor.is_sensitive(searched)
        masked = self._mask(searched)  # a URL can be a key, and so can `password=…`
        name = printable(clipped(text if masked == searched else masked, _KEY))
        if name == key and not sensitive:
            if len(harmless) >= _HARMLESS_KEYS:
                harmless.clear()
            harmless.add(name)
        return name, sensitive

    def _array(self, items: Any, depth: int) -> list[Any]:
        count = len(items)
        first = list(islice(items, _ITEMS))
        if count == 2 and type(first[0]) in (str, bytes):  # a header, as a pair
            name, sensitive = self._key(first[0])
            if sensitive:
                return [name, MASK]
        shown = [self.value(item, depth + 1) for item in first]
        return [*shown, f"<{count - _ITEMS} more>"] if count > _ITEMS else shown
