"""How values of known types are shown: Python's, and Django's by what identifies them."""

import math
import os
from collections import deque
from collections.abc import Callable, ItemsView, Iterator, KeysView, Mapping, ValuesView
from dataclasses import fields, is_dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from typing import Any, Literal
from uuid import UUID

from django.core.files.base import File
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.functional import Promise

from .exceptions import describe
from .redact import MASK, redactor
from .strict_json import clipped, printable

REPR = 500  # characters of bytes, and of an object of an unknown type
_INT64 = range(-(2**63), 2**64)

# How a type is shown: a text is masked; of an object a function gives the named parts, of an
# array the items; a value is what the function gives.
Kind = Literal["text", "object", "array", "value"]


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


def identity(instance: Any) -> dict[str, Any]:
    """Return what identifies a model's object, and shows no credential.

    The key is a text, whatever the model's is, so that the field has one type. It is a credential
    by its own name, and one that is a text by its model's: that of a Token or a Session.
    """
    meta, key = instance._meta, instance.pk
    names = [field.name for field in meta.pk_fields]
    names += [meta.object_name] if isinstance(key, str) else []
    is_credential = any(map(redactor().is_sensitive, names))
    text = None if key is None else str(key)
    return {"model": meta.label, "pk": MASK if is_credential else text}


# The first row that a type belongs to decides.
_KNOWN: tuple[tuple[Kind, Any, Callable[[Any], Any]], ...] = (
    ("text", Enum, lambda m: m.value if type(m.value) in (int, bool) else _text(str(m.value))),
    ("text", str, _text),
    ("text", int, _integer),
    ("text", float, _float),
    ("text", (bytes, bytearray, memoryview), _bytes),
    ("text", (datetime, date, time), lambda moment: moment.isoformat()),
    ("text", (timedelta, Decimal, UUID), str),
    ("text", os.PathLike, lambda path: _text(str(os.fspath(path)))),
    ("text", type, lambda kind: printable(f"{kind.__module__}.{kind.__qualname__}")),
    ("object", dict, dict.items),  # a subclass's own items() may hide some, as QueryDict's does
    ("object", Mapping, Mapping.items),
    ("array", (list, tuple, set, frozenset, deque, KeysView, ValuesView, ItemsView), list),
    ("value", BaseException, lambda error: describe(error, frames=False)),
    ("value", Iterator, lambda iterator: f"<{name_of(iterator)}>"),  # to read it would use it up
    # Django's by what identifies them, not what they hold.
    ("object", Model, lambda instance: identity(instance).items()),
    ("text", QuerySet, lambda queryset: f"<QuerySet of {queryset.model._meta.label}>"),
    ("object", HttpRequest, lambda r: {"method": r.method, "path": r.path}.items()),
    ("object", HttpResponseBase, lambda response: {"status": response.status_code}.items()),
    ("object", File, lambda f: {"file": f.name, "size": f.__dict__.get("size")}.items()),
    ("text", Promise, lambda lazy: _text(str(lazy))),
)


@lru_cache(maxsize=1_000)
def shown_by(kind: type) -> tuple[Kind, Callable[[Any], Any]]:
    """Return as what a type is shown, and the function that shows a value of it."""
    if issubclass(kind, tuple) and hasattr(kind, "_fields"):
        return "object", lambda value: zip(kind._fields, value, strict=False)
    for shown_as, known, show in _KNOWN:
        if issubclass(kind, known):
            return shown_as, show
    if is_dataclass(kind):
        return "object", lambda value: ((f.name, getattr(value, f.name)) for f in fields(kind))
    return "text", lambda value: printable(clipped(repr(value), REPR))
