"""What is logged: payloads of the sizes that are compared, none of them with a secret."""

from typing import Any

SEVEN: dict[str, Any] = {
    "id": 17,
    "name": "Teapot, blue",
    "stock": 3,
    "price": 12.5,
    "active": True,
    "currency": "EUR",
    "supplier": None,
}
# What no quick look passes: a list, an object in the object, and texts that may hold a secret.
NESTED: dict[str, Any] = {
    "id": 17,
    "url": "https://shop.example.com/api/products/17/?page=2",
    "restocked": "2026-11-22T16:47:37Z",
    "tags": ["blue", "china", "new"],
    "supplier": {"id": 3, "country": "PT"},
    "price": 12.5,
    "active": True,
}
PAYLOADS: dict[str, dict[str, Any]] = {
    "0 keys": {},
    "7 keys": SEVEN,
    "7 keys, nested": NESTED,
    "50 keys": {f"field_{number}": f"value {number}" for number in range(50)},
    "20 KB": {"text": "word " * 4_000},
}


def text_of(size: int) -> dict[str, Any]:
    """Return a payload whose one value is a text of this many bytes."""
    return {"text": "word " * (size // 5)}


def records_of(size: int) -> dict[str, Any]:
    """Return a payload with nested records, of about this many bytes of JSON."""
    record = SEVEN | {"notes": "word " * 180}
    return {"records": [record] * max(1, size // 1_024)}
