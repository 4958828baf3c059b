"""Odd values, each with how it is to be shown; made anew for every test, as some are used up."""

import collections
import dataclasses
import decimal
import enum
import io
import math
import pathlib
import threading
import types
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple

from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse, QueryDict
from django.test import RequestFactory
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext_lazy

from ecommerce.products.models import Product

ANYTHING = object()


def raising(*_args: object, **_kwargs: object) -> Any:
    raise RuntimeError("odd on purpose")


def class_that_raises_in(*names: str) -> Any:
    """Return an object of which the methods named here raise."""
    return type("Odd", (), dict.fromkeys(names, raising))()


class Color(enum.Enum):
    RED = "red"


class Size(enum.IntEnum):
    BIG = 3


class Point(NamedTuple):
    x: int
    y: int


@dataclasses.dataclass
class Locked:
    name: str
    lock: Any = dataclasses.field(default_factory=threading.Lock)  # cannot be copied


class SilentError(Exception):
    __str__ = __repr__ = raising


class Loud(dict):
    keys = values = items = __iter__ = __getitem__ = __len__ = raising


class OddMapping(Mapping):
    __getitem__ = __iter__ = __len__ = raising


class OddProperties:
    __class__ = property(raising)
    __dict__ = property(raising)


class Plain:
    def __repr__(self) -> str:
        return "<Plain>"


class UncountableList(list):
    __len__ = __iter__ = raising


def circular_dict() -> Any:
    value: dict[str, Any] = {}
    value["self"] = value
    return value


def circular_list() -> Any:
    value: list[Any] = []
    value.append(value)
    return value


def nested(depth: int) -> Any:
    value: Any = []
    for _ in range(depth):
        value = [value]
    return value


def chained_error() -> Exception:
    error = ValueError("outer")
    error.__cause__ = KeyError("inner")
    error.add_note("a note")
    return error


def circular_error() -> Exception:
    first, second = ValueError("first"), ValueError("second")
    first.__cause__, second.__cause__ = second, first
    return first


def request() -> Any:
    return RequestFactory().post("/login?token=canary", {"password": "canary"})


def starts_with(text: str) -> Callable[[Any], bool]:
    return lambda shown: isinstance(shown, str) and shown.startswith(text)


SPECIAL: dict[str, tuple[Callable[[], Any], Any]] = {
    # name: (what makes the value, how it is shown: a value, a test, or ANYTHING)
    "nan": (lambda: math.nan, "nan"),
    "infinity": (lambda: math.inf, "inf"),
    "minus infinity": (lambda: -math.inf, "-inf"),
    "int of 65 bits": (lambda: 2**64, "18446744073709551616"),
    "largest int of 64 bits": (lambda: 2**64 - 1, 2**64 - 1),
    "negative int of 65 bits": (lambda: -(2**63) - 1, "-9223372036854775809"),
    "huge int": (lambda: 10**100_000, "<int of 332193 bits>"),
    "bool": (lambda: True, True),
    "complex": (lambda: 1j, "1j"),
    "decimal": (lambda: decimal.Decimal("1.10"), "1.10"),
    "decimal nan": (lambda: decimal.Decimal("sNaN"), "sNaN"),
    "lone surrogate": (lambda: "a\ud800b", "a\\ud800b"),
    "control characters": (lambda: "a\x00\x1b[2Jb\r\n", "a\x00\x1b[2Jb\r\n"),
    "line separators": (lambda: "\u2028\u2029\x85\x0b\x0c", "\u2028\u2029\x85\x0b\x0c"),
    "string of 10 MB": (lambda: "x" * 10_000_000, starts_with("xxx")),
    "string subclass": (lambda: type("S", (str,), {"__str__": raising})("s"), "s"),
    "bytes": (lambda: b"caf\xc3\xa9", "café"),
    "bytes that are no text": (lambda: b"\xff\x00", "\\xff\x00"),
    "bytearray": (lambda: bytearray(b"a"), "a"),
    "memoryview": (lambda: memoryview(b"a"), "a"),
    "long bytes": (lambda: b"x" * 1_000_000, lambda shown: len(shown) < 1_000),
    "datetime": (lambda: datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02T00:00:00+00:00"),
    "date": (lambda: date(2026, 1, 2), "2026-01-02"),
    "time": (lambda: time(1, 2), "01:02:00"),
    "timedelta": (lambda: timedelta(hours=1), "1:00:00"),
    "uuid": (lambda: uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    "path": (lambda: pathlib.PurePosixPath("/a/b"), "/a/b"),
    "enum": (lambda: Color.RED, "red"),
    "int enum": (lambda: Size.BIG, 3),
    "class": (lambda: Product, f"{Product.__module__}.Product"),
    "function": (lambda: nested, starts_with("<function nested")),
    "module": (lambda: math, starts_with("<module 'math'")),
    "lock": (threading.Lock, starts_with("<unlocked _thread.lock")),
    "open stream": (lambda: io.StringIO("canary"), lambda shown: "canary" not in shown),
    "ellipsis": (lambda: ..., "Ellipsis"),
    "plain object": (Plain, "<Plain>"),
    "object with a long repr": (
        lambda: type("Long", (), {"__repr__": lambda _self: "r" * 10_000})(),
        lambda shown: len(shown) < 1_000,
    ),
}

CONTAINERS: dict[str, tuple[Callable[[], Any], Any]] = {
    "tuple": (lambda: (1, 2, 3), [1, 2, 3]),
    "set": (lambda: {1}, [1]),
    "frozenset": (lambda: frozenset([1]), [1]),
    "deque": (lambda: collections.deque([1]), [1]),
    "dict keys": (lambda: {"a": 1}.keys(), ["a"]),
    "dict values": (lambda: {"a": 1}.values(), [1]),
    "named tuple": (lambda: Point(1, 2), {"x": 1, "y": 2}),
    "counter": (lambda: collections.Counter("aab"), {"a": 2, "b": 1}),
    "mapping proxy": (lambda: types.MappingProxyType({"a": 1}), {"a": 1}),
    "generator": (lambda: (number for number in range(3)), "<generator>"),
    "map": (lambda: map(str, [1]), "<map>"),
    "range": (lambda: range(3), "range(0, 3)"),
    "list of 100,000": (
        lambda: list(range(100_000)),
        lambda shown: len(shown) == 1_001 and shown[-1] == "<99000 more>",
    ),
    "dict of 100,000": (
        lambda: {str(number): number for number in range(100_000)},
        lambda shown: len(shown) == 1_001 and shown["…"] == "<99000 more>",
    ),
    "lists of lists of lists": (
        lambda: [[[0] * 30] * 30] * 30,
        lambda shown: "<too many values>" in str(shown),
    ),
    "circular dict": (circular_dict, {"self": "<dict: circular>"}),
    "circular list": (circular_list, ["<list: circular>"]),
    "one list twice": (lambda: [[1]] * 2, [[1], [1]]),
    "depth of 10,000": (lambda: nested(10_000), lambda shown: "too deep" in str(shown)),
    "dict in depth": (lambda: {"a": {"b": {"c": [1]}}}, {"a": {"b": {"c": [1]}}}),
    "dataclass that cannot be copied": (
        lambda: Locked("a"),
        lambda shown: shown["name"] == "a" and "lock" in shown["lock"],
    ),
    "list without length": (lambda: UncountableList([1]), ANYTHING),
}

KEYS: dict[str, tuple[Callable[[], Any], Any]] = {
    "key none": (lambda: {None: 1}, {"None": 1}),
    "key true": (lambda: {True: 1}, {"True": 1}),
    "key int": (lambda: {1: 1}, {"1": 1}),
    "key tuple": (lambda: {(1, 2): 1}, {"[1, 2]": 1}),
    "key bytes": (lambda: {b"a": 1}, {"a": 1}),
    "key enum": (lambda: {Color.RED: 1}, {"red": 1}),
    "key nan": (lambda: {math.nan: 1}, {"nan": 1}),
    "key empty": (lambda: {"": 1}, {"": 1}),
    "key with a lone surrogate": (lambda: {"\ud800": 1}, {"\\ud800": 1}),
    "key lazy": (lambda: {gettext_lazy("Name"): 1}, {"Name": 1}),
    "key of 10,000 characters": (lambda: {"k" * 10_000: 1}, lambda shown: len(str(shown)) < 300),
    "keys that collide": (lambda: {1: "a", "1": "b"}, {"1": "a", "1′": "b"}),
    "keys that cannot be sorted": (lambda: {None: 1, "a": 2, 3: 3}, {"None": 1, "a": 2, "3": 3}),
    "key whose str raises": (lambda: {class_that_raises_in("__str__", "__repr__"): 1}, ANYTHING),
}

BROKEN: dict[str, tuple[Callable[[], Any], Any]] = {
    "str raises": (lambda: class_that_raises_in("__str__"), starts_with("<")),
    "repr raises": (
        lambda: class_that_raises_in("__repr__"),
        "<Odd that cannot be shown: RuntimeError>",
    ),
    "eq raises": (lambda: class_that_raises_in("__eq__", "__hash__"), starts_with("<")),
    "bool raises": (lambda: class_that_raises_in("__bool__", "__len__"), starts_with("<")),
    "attribute access raises": (
        lambda: class_that_raises_in("__getattribute__", "__getattr__"),
        starts_with("<"),
    ),
    "class raises": (OddProperties, starts_with("<")),
    "iteration raises": (lambda: class_that_raises_in("__iter__", "__next__"), starts_with("<")),
    "dict whose methods raise": (lambda: Loud(a=1), {"a": 1}),
    "mapping whose methods raise": (OddMapping, starts_with("<OddMapping that cannot")),
    "lazy object that raises": (lambda: SimpleLazyObject(raising), starts_with("<")),
    "lazy text that raises": (
        lambda: gettext_lazy(class_that_raises_in("__str__", "__hash__")),
        starts_with("<"),
    ),
    "path that raises": (
        lambda: class_that_raises_in("__fspath__"),
        "<Odd that cannot be shown: RuntimeError>",
    ),
    "exception whose str raises": (
        SilentError,
        lambda shown: shown["message"] == "<a SilentError that cannot be shown>",
    ),
}

ERRORS: dict[str, tuple[Callable[[], Any], Any]] = {
    "exception": (
        lambda: ValueError("wrong"),
        {"type": "ValueError", "module": "builtins", "message": "wrong"},
    ),
    "exception with cause and note": (
        chained_error,
        lambda shown: shown["cause"]["type"] == "KeyError" and shown["notes"] == ["a note"],
    ),
    "exception that causes itself": (circular_error, lambda shown: shown["message"] == "first"),
    "exception group": (
        lambda: ExceptionGroup("all", [ValueError("one"), TypeError("two")]),
        lambda shown: [one["message"] for one in shown["exceptions"]] == ["one", "two"],
    ),
    "exception of 10 MB": (
        lambda: ValueError("x" * 10_000_000),
        lambda shown: len(shown["message"]) < 10_000,
    ),
}

DJANGO: dict[str, tuple[Callable[[], Any], Any]] = {
    "model": (lambda: Product(pk=5, name="canary"), {"model": "products.Product", "pk": "5"}),
    "unsaved model": (lambda: Product(name="canary"), {"model": "products.Product", "pk": None}),
    "deferred model": (
        lambda: Product.from_db("default", ["id"], [5]),
        {"model": "products.Product", "pk": "5"},
    ),
    "queryset": (Product.objects.all, "<QuerySet of products.Product>"),
    "queryset of values": (lambda: Product.objects.values("id"), "<QuerySet of products.Product>"),
    "manager": (lambda: Product.objects, starts_with("<")),
    "query dict": (lambda: QueryDict("a=1&a=2&b=3"), {"a": ["1", "2"], "b": ["3"]}),
    "request": (request, {"method": "POST", "path": "/login"}),
    "response": (lambda: HttpResponse("canary", status=418), {"status": 418}),
    "uploaded file": (
        lambda: SimpleUploadedFile("a.txt", b"canary"),
        {"file": "a.txt", "size": 6},
    ),
    "lazy text": (lambda: gettext_lazy("Name"), "Name"),
    "lazy object": (lambda: SimpleLazyObject(Plain), ANYTHING),
}

ODD_VALUES = SPECIAL | CONTAINERS | KEYS | BROKEN | ERRORS | DJANGO
