"""Copies ordinary payloads in a fraction of the time that a look at every part takes."""

from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

from .known_types import shown_by

_VALUES = 500  # of a payload; a larger one is not ordinary
_LARGEST = 2**63 - 1
_TEXT = {str}
# Types whose texts hold no secret.
_SHOWN = {kind: shown_by(kind)[1] for kind in (Decimal, UUID, datetime, date, time)}


class NotOrdinaryError(Exception):
    """A payload needs a look at every part."""


def copy_of_ordinary(container: Any, harmless_keys: set[str], texts: list[str]) -> Any:
    """Return a copy of a payload, and add its texts, which nobody has searched, to `texts`.

    An ordinary payload has keys that are known as harmless, and values of exactly the types of
    JSON, or of a time, a Decimal or a UUID. Raises NotOrdinaryError, or another error, for any
    other, and for one with too many values.
    """
    return _copied(container, harmless_keys, texts, [_VALUES])


def _copied(container: Any, harmless_keys: set[str], texts: list[str], left: list[int]) -> Any:
    left[0] -= len(container)
    if left[0] < 0:
        raise NotOrdinaryError
    if type(container) is dict:
        # A key can be equal to a text and be none.
        if not harmless_keys.issuperset(container) or {*map(type, container)} - _TEXT:
            raise NotOrdinaryError
        if "value" in container and "name" in container:  # they can be a header's
            raise NotOrdinaryError
        copied: Any = container.copy()
        items: Any = container.items()
    else:
        # Two values can be the name and the content of a header.
        if len(container) == 2 and container[0] not in harmless_keys:
            raise NotOrdinaryError
        copied = list(container)
        items = enumerate(container)
    for key, value in items:
        kind = type(value)
        if kind is str:
            texts.append(value)
        elif value is None or kind is bool:
            continue
        elif kind is int or kind is float:
            if not -_LARGEST <= value <= _LARGEST:  # nan is not, either
                raise NotOrdinaryError
        elif kind is dict or kind is list or kind is tuple:
            copied[key] = _copied(value, harmless_keys, texts, left)
        else:
            copied[key] = _SHOWN[kind](value)
    return copied
