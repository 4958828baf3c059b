"""Knows which keys are sensitive, and hides their values in text."""

import re
from collections.abc import Iterable
from functools import cache

from ..settings import setting

MASK = "***"

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_NOT_WORD = re.compile(r"[\W_]+")
_ASCII_SEPARATORS = {code: None for code in range(128) if not chr(code).isalnum()}
_SHORT = 4  # a term so short ("ssn", "iban") must be a word of its own: "classname" has one


@cache
def redactor() -> "Redactor":
    """Return the redactor of the service, which LOG_SENSITIVE_KEYS decides."""
    return Redactor(setting("LOG_SENSITIVE_KEYS"))


class Redactor:
    """Decides by the name of a key, in any case and with any separators, what is to be masked."""

    def __init__(self, sensitive_keys: Iterable[str]) -> None:
        terms = {_NOT_WORD.sub("", key).lower() for key in sensitive_keys} - {""}
        self._long = tuple(term for term in terms if len(term) > _SHORT)
        self._short = frozenset(term for term in terms if len(term) <= _SHORT)
        self._terms = {*terms, "authorization", "cookie", "bearer", "token", "basic"}
        self._in_text = self._pattern(sensitive_keys)

    def is_sensitive(self, key: str) -> bool:
        """Say whether the value under this key must not be shown."""
        squeezed = _NOT_WORD.sub("", key).lower()
        if any(term in squeezed for term in self._long):
            return True
        words = {word.lower() for word in _WORD.findall(key)}
        return squeezed in self._short or not self._short.isdisjoint(words)

    def text(self, text: str) -> str:
        """Mask `key=value`, `key: value`, credentials and passwords in URLs in a free text."""
        if not self.is_suspect(text):
            return text
        return self._in_text.sub(lambda found: next(filter(None, found.groups())) + MASK, text)

    def is_suspect(self, text: str) -> bool:
        """Say, soon, whether a text may hold a secret: what our pattern needs to match at all."""
        if "=" not in text and ":" not in text:
            folded = text.casefold()
            return "bearer" in folded or "token" in folded or "basic" in folded
        if not text.isascii() or ("@" in text and "://" in text):
            return True  # in any case, "ſ" is an "s"
        squeezed = text.translate(_ASCII_SEPARATORS).lower()
        return any(term in squeezed for term in self._terms)

    def _pattern(self, sensitive_keys: Iterable[str]) -> re.Pattern[str]:
        spelled = {
            _NOT_WORD.sub("", key).lower(): r"[\W_]?".join(map(re.escape, _NOT_WORD.split(key)))
            for key in sensitive_keys
        }
        long, short = (
            "|".join(sorted((spelled[term] for term in terms), key=len, reverse=True)) or r"(?!)"
            for terms in (self._long, self._short)
        )
        # Bounded: from each of many keys to the end of a long word would take for ever.
        rest = r"\w{0,30}"
        key = rf"""(?:(?:{long}){rest}|(?:(?<![A-Za-z])|_)(?:{short})(?![A-Za-z]))["']?\s*[=:]\s*"""
        header = rf"""(?:authorization|cookie){rest}["']?\s*:\s*"""
        # To the end where a quote is never closed: what was cut short is no less secret.
        quoted = r"""[bu]?"(?:\\[\s\S]|[^"\\])*"?|[bu]?'(?:\\[\s\S]|[^'\\])*'?"""
        scheme = r"(?:(?:bearer|basic|token)\s+)?"
        return re.compile(
            rf"({header})(?:{quoted}|[^\r\n]+)"  # to the end of its line
            rf"""|({key}{scheme})(?:{quoted}|[\[(\x7b][^\])\x7d]*[\])\x7d]?|[^\s"',;&)\x7d\]]+)"""
            r"|(\b(?:bearer|basic)\s+)[\w.~+/=-]{8,}"
            r"|(\btoken\s+)(?=[\w.~+/=-]*\d)[\w.~+/=-]{16,}"
            r"|(://[^\s:/@]*:)[^\s/@]+(?=@)",
            re.IGNORECASE,
        )
