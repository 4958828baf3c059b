"""How values of known types are shown: Python's, and Django's by what identifies them."""

import math
import os
from collections import deque
from collections.abc import Callable, ItemsView, KeysView, Mapping, ValuesView
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from functools import cache, lru_cache
from typing import Any
from uuid import UUID

from .strict_json import clipped, printable

REPR = 500  # characters of bytes, and of an object nobody has told us how to show
_INT64 = range(-(2**63), 2**64)

Show = Callable[[Any], Any]


def name_of(value: Any) -> str:
    """Return the name of a value's type."""
    return printable(type(value).__qualname__)


def _text(value: str) -> str:
    return printable(str.__str__(value))


def _integer(value: int) -> int | str:
    number = int.__int__(value)
    if number in _INT64:
        return number
    return str(number) if number.bit_length() < 1_000 else f"<int of {number.bit_length()} bits>"


def _float(value: float) -> float | str:
    number = float.__float__(value)
    return number if math.isfinite(number) else str(number)


def _bytes(value: bytes | bytearray | memoryview) -> str:
    return clipped(bytes(value[:REPR]).decode("utf-8", "backslashreplace"), REPR)


def _member(value: Enum) -> Any:
    plain = value.value
    return plain if type(plain) in (int, bool) else _text(str(plain))


_SCALARS: dict[type, Show] = {
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
ARRAYS = (list, tuple, set, frozenset, deque, KeysView, ValuesView, ItemsView)
_OBJECTS: dict[type, Show] = {
    dict: dict.items,  # a subclass's own items() may hide some: QueryDict shows only the last
    Mapping: Mapping.items,
}


@cache
def _django_objects() -> dict[type, Show]:
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


@lru_cache(maxsize=1_000)
def shown_by(kind: type) -> tuple[Show | None, Show | None]:
    """Return how a type is shown: by a function to one value, or by one to its named parts."""
    return _found(_SCALARS, kind), _found(_OBJECTS, kind) or _found(_django_objects(), kind)


def _found(table: dict[type, Show], kind: type) -> Show | None:
    return next((show for known, show in table.items() if issubclass(kind, known)), None)
