"""Reads protobuf messages without their schemas: field numbers and values."""

import struct
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

Message = defaultdict[int, list[Any]]


def read(data: bytes) -> Message:
    """Return the values of each field; raises ValueError or IndexError when it is no message."""
    fields: Message = defaultdict(list)
    for number, value in _fields(data):
        fields[number].append(value)
    return fields


def _fields(data: bytes) -> Iterator[tuple[int, Any]]:
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, kind = key >> 3, key & 7
        if kind == 0:
            value, at = _varint(data, at)
            yield number, value
        elif kind == 1:
            yield number, data[at : at + 8]
            at += 8
        elif kind == 2:
            size, at = _varint(data, at)
            if at + size > len(data):
                raise ValueError("a field is longer than its message")
            yield number, data[at : at + size]
            at += size
        elif kind == 5:
            yield number, data[at : at + 4]
            at += 4
        else:
            raise ValueError(f"no such type of field: {kind}")


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            return value, at


Value = str | bool | int | float | list[Any] | dict[str, Any] | None
# By the number of AnyValue's field.
VALUES: dict[int, Callable[[Any], Value]] = {
    1: lambda value: value.decode("utf-8"),
    2: bool,
    3: lambda value: value - (1 << 64) if value >> 63 else value,
    4: lambda value: struct.unpack("<d", value)[0],
    5: lambda value: [any_value(each) for each in read(value)[1]],
    6: lambda value: attributes(read(value)[1]),
}


def any_value(data: bytes) -> Value:
    """Return the Python value of an OTLP AnyValue; None for an empty one."""
    return next((VALUES[number](value) for number, value in _fields(data)), None)


def attributes(pairs: list[bytes]) -> dict[str, Any]:
    """Return the dictionary of OTLP's KeyValues."""
    found = {}
    for pair in pairs:
        fields = read(pair)
        found[fields[1][0].decode("utf-8")] = any_value(fields[2][0]) if fields[2] else None
    return found
