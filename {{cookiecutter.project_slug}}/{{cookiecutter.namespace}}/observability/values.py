"""Turns whatever a caller passed into strict JSON values: bounded, masked, never raising."""

import math
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, KeysView, Mapping, ValuesView
from dataclasses import fields, is_dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from functools import cache
from itertools import islice
from typing import Any
from uuid import UUID

from .exceptions import exception_object
from .redact import MASK, Redactor
from .strict_json import clipped, printable

_DEPTH = 12  # of nesting
_NODES = 20_000  # values in one payload
_ITEMS = 1_000  # of one container
_KEY = 200  # characters of a key
_REPR = 500  # characters of an object nobody has told us how to show
_TEXT = 1_000_000  # characters of a string; the limit of the line cuts further

_ORDINARY = frozenset({str, int, float, bool, type(None)})
_KNOWN_KEYS_LIMIT = 10_000
_INT64 = range(-(2**63), 2**64)


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
            return f"<{_name(value)}: too deep>"
        if id(value) in self._around:
            return f"<{_name(value)}: circular>"
        self._around.add(id(value))
        try:
            return self._shown(value, depth)
        except Exception as error:
            return f"<{_name(value)} that cannot be shown: {type(error).__name__}>"
        finally:
            self._around.discard(id(value))

    def _shown(self, value: Any, depth: int) -> Any:
        kind = type(value)
        if value is None or kind is bool:
            return value
        if show := _found(_SCALARS, kind):
            return show(value)
        if describe := _found(_OBJECTS, kind) or _found(_django_objects(), kind):
            described = describe(value)
            if isinstance(described, str):
                return described
            return self._object(described, depth)
        if issubclass(kind, tuple) and hasattr(kind, "_fields"):
            return self._object(zip(kind._fields, value, strict=False), depth)
        if issubclass(kind, _ARRAYS):
            return self._array(value, depth)
        if issubclass(kind, BaseException):
            return exception_object(value, mask=self._redactor.text, frames=False)
        if is_dataclass(kind):
            return self._object(((f.name, getattr(value, f.name)) for f in fields(kind)), depth)
        if issubclass(kind, Iterator):
            return f"<{_name(value)}>"  # looking into it would use it up
        return self._redactor.text(printable(clipped(repr(value), _REPR)))

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


def _name(value: Any) -> str:
    return printable(type(value).__qualname__)


def _text(value: str) -> str:
    return printable(clipped(str.__str__(value), _TEXT))


def _integer(value: int) -> int | str:
    number = int.__int__(value)
    if number in _INT64:
        return number
    return str(number) if number.bit_length() < 1_000 else f"<int of {number.bit_length()} bits>"


def _float(value: float) -> float | str:
    number = float.__float__(value)
    return number if math.isfinite(number) else str(number)


def _bytes(value: bytes | bytearray | memoryview) -> str:
    return clipped(bytes(value[:_REPR]).decode("utf-8", "backslashreplace"), _REPR)


def _member(value: Enum) -> Any:
    plain = value.value
    return plain if type(plain) in (int, bool) else _text(str(plain))


_SCALARS: dict[type, Callable[[Any], Any]] = {
    Enum: _member,
    str: _text,
    int: _integer,
    float: _float,
    bytes: _bytes,
    bytearray: _bytes,
    memoryview: _bytes,
    datetime: datetime.isoformat,
    date: date.isoformat,
    time: time.isoformat,
    timedelta: str,
    Decimal: str,
    UUID: str,
    os.PathLike: lambda path: _text(str(os.fspath(path))),
    type: lambda kind: printable(f"{kind.__module__}.{kind.__qualname__}"),
}
_ARRAYS = (list, tuple, set, frozenset, deque, KeysView, ValuesView)
_OBJECTS: dict[type, Callable[[Any], Any]] = {
    dict: dict.items,  # a subclass's own items() may hide some: QueryDict shows only the last
    Mapping: Mapping.items,
}


@cache
def _django_objects() -> dict[type, Callable[[Any], Any]]:
    """Return how Django's own objects are shown: what identifies them, not what they hold."""
    from django.core.files.base import File
    from django.db.models import Model, QuerySet
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase
    from django.utils.functional import Promise

    def key_of(instance: Model) -> dict[str, Any]:
        keys = [instance.__dict__.get(field.attname) for field in instance._meta.pk_fields]
        return {"model": instance._meta.label, "pk": keys[0] if len(keys) == 1 else keys}

    return {
        Model: lambda instance: key_of(instance).items(),
        QuerySet: lambda queryset: f"<QuerySet of {queryset.model._meta.label}>",
        HttpRequest: lambda request: {"method": request.method, "path": request.path}.items(),
        HttpResponseBase: lambda response: {"status": response.status_code}.items(),
        File: lambda file: {"file": file.name, "size": file.__dict__.get("size")}.items(),
        Promise: lambda lazy: _text(str(lazy)),
    }


def _found(table: dict[type, Callable[[Any], Any]], kind: type) -> Callable[[Any], Any] | None:
    return next((show for known, show in table.items() if issubclass(kind, known)), None)
