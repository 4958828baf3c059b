"""Strict JSON that is also safe to print, and texts cut to what such a line can hold."""

import re

import orjson

# The key of a payload that says how many bytes were left out of its line.
LEFT_OUT = "truncated_bytes"

# Valid unescaped in JSON, but they end a line for some readers (NEL, U+2028), steer a terminal
# (DEL, C1 controls) or reorder what a person reads (the bidirectional controls).
_UNSAFE = re.compile("[\x7f-\x9f\u2028\u2029\u061c\ufeff\u200e\u200f\u202a-\u202e\u2066-\u2069]")

_COUNTED = 10_000_000  # characters


def dumps(value: object) -> str:
    """Return a JSON value as one line of text; raises TypeError for what is not JSON."""
    text = orjson.dumps(value).decode()
    # Nothing unsafe is printable; that is known much sooner than the pattern finds nothing.
    if (text.isascii() and "\x7f" not in text) or text.isprintable():
        return text
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def size_of(value: object) -> int:
    """Return the length in bytes of a JSON value."""
    return len(dumps(value).encode())


def split_at(text: str, characters: int) -> tuple[str, int]:
    """Return the beginning of a text, and the length in bytes of the rest of it in JSON.

    Far beyond what a line can hold, a character counts as a byte.
    """
    counted = text[characters : characters + _COUNTED]
    beyond = max(0, len(text) - characters - _COUNTED)
    return text[:characters], size_of(printable(counted)) - len('""') + beyond


def clipped(text: str, characters: int) -> str:
    """Return at most that many characters of a text, and say how many there were."""
    if len(text) <= characters:
        return text
    return f"{text[:characters]}… ({len(text)} characters)"


def printable(text: str) -> str:
    """Return a text that UTF-8 can hold: lone surrogates become escapes."""
    return text.encode("utf-8", "backslashreplace").decode()
