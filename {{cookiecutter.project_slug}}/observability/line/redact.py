"""Knows which keys are sensitive, and hides their values in text.

A text takes a time proportional to its length: what repeats in a pattern is bounded or never
gives back, and how often Python is asked is bounded. A group never gives back as `(?>(?:…)*)`:
`(?:…)*+` misses matches before Python 3.11.5. https://github.com/python/cpython/issues/106052
"""

import re
from collections.abc import Collection, Iterable, Iterator
from functools import cache

from ..settings import setting

MASK = "***"

_SHORT = 4  # a term so short ("ssn", "iban") must be a word of its own: "classname" has one
_LONG = 200  # characters of a text that is soonest searched for one word after the other
_MOST = 1_000  # keys with a term in them, URLs or options of one text
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\W_0-9A-Za-z]+")
_NOT_WORD = re.compile(r"[\W_]+")

# Known formats: what is there in lower case, and what is masked, after its first group.
_NO_PROSE = r"(?!(?i:auth|token|credential|scheme))[A-Za-z0-9_.~+/=-]{8,}+"
_LAST_AT = r"""[^\s"'<>@]{0,500}+(?>(?:@[^\s"'<>@]{0,500}+(?=@))*)(?=@)"""
_KNOWN = (
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
    ("ia", r"A[KS]IA[A-Z0-9]{16}()"),
    # https://github.blog/engineering/behind-githubs-new-authentication-token-formats/
    ("gh", r"gh[pousr]_\w{16,}+()"),
    ("github_", r"github_pat_\w{16,}+()"),
    # https://docs.slack.dev/authentication/tokens
    ("x", r"x(?:ox[a-z]|app)[-.][\w.-]{8,}+()"),
    # https://docs.stripe.com/keys and https://docs.stripe.com/webhooks
    ("_", r"(?:[rs]k_live|[rs]k_test|whsec)_\w{8,}+()"),
    # JSON Web Token: https://www.rfc-editor.org/rfc/rfc7519#section-3.1
    ("eyj", r"(?<![\w-])eyJ[\w-]++\.[\w-]++(?>(?:\.[\w-]*+)*)()"),
    # PEM: https://www.rfc-editor.org/rfc/rfc7468#section-10
    ("--begin", r"-----BEGIN [A-Z ]*PRIVATE(?>(?:[^-]++|-(?!----END))*)(?:-+END[^-]*+-+)?()"),
    # https://www.rfc-editor.org/rfc/rfc6750#section-2.1
    ("bearer", rf"([Bb](?:earer|EARER)\s++){_NO_PROSE}"),
    # https://www.rfc-editor.org/rfc/rfc7617#section-2
    ("basic", rf"([Bb](?:asic|ASIC)\s++)(?=[a-z]*+[A-Z0-9+/=]){_NO_PROSE}"),
    # https://www.django-rest-framework.org/api-guide/authentication/#tokenauthentication
    ("token", r"([Tt](?:oken|OKEN)\s++)(?=[A-Za-z_.~+/=-]*+\d)[A-Za-z0-9_.~+/=-]{16,}+"),
    # https://www.rfc-editor.org/rfc/rfc3986#section-3.2.1: all of it for http, to the last "@"
    ("@", rf"(https?://)(?=[^\s/?#@\"'<>]++@){_LAST_AT}"),
    ("@", r"(://[^\s/?#@\"'<>:]*+:)(?!\d{1,5}+[/?#])" + _LAST_AT),
)
# One of these is in a text that has one of those in it, or "://" and "@".
_MARKS = {"akia", "asia", "xox", "xapp", "whsec_", "eyj", "--begin", "bearer", "basic", "token"}
_MARKS |= {"ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "k_live_", "k_test_"}

# In a text in lower case: from a term to the end of its key, and what is before the value.
_KEY = r"[^\x00-,/:-@[-^`{-\x7f]{0,50}+(?![\w.-])(?>(?: (?:id|key|code|number|value)\b)?)(?P<end>)"
_CLOSED = r"""(?>(?:::\w{1,30}+)?(?:\\{0,15}+["'`]|[)\]*]|\[\w{0,20}+\]|%22|%27){0,6})"""
_EQUALS = r"(?>(?:\s*+(?:[!~:-]?=+>?|:(?!//)|->|%3d|%3a))+)"
# Key (token, user_id)=(1, 2) already exists; {"name": "token", "value": 1}; ("token", 1)
_COMMA = r""",(?:[\w ,"]{0,60}+\)\s*+=|\s*+b?\\*+["']value\\*+["']\s*+:|(?P<pair>))"""
_SEPARATORS = "=:!~,%-"
_AFTER = rf"{_KEY}{_CLOSED}(?=\s*+[{_SEPARATORS}])(?:{_EQUALS}|{_COMMA})\s*+"
_KEY_CHARACTERS = "abcdefghijklmnopqrstuvwxyz0123456789_.-"
_OPTION = re.compile(r"(--[\w.-]{1,60}+)\s")

# How a value begins, and where it ends: with the text, if nothing closes it.
_STRING = r""""[^"\\]*+(?>(?:\\[\s\S][^"\\]*+)*)"?|'[^'\\]*+(?>(?:\\[\s\S][^'\\]*+)*)'?"""
_QUOTES = r"""(?P<quote>"{3}|'{3}|\\{1,15}+["'`]|`)(?:[\s\S]*?(?<!\\)(?P=quote)|[\s\S]*+)"""
_QUOTED = r"(?i:[bruf]{0,2})" + rf"(?:{_QUOTES}|(?>(?:{_STRING})+))"
_SCHEME = r"(?i:basic|bearer|digest|negotiate|token|aws4-hmac-sha256)\s[^\r\n]*+"
# A delimiter in the middle of a word is a part of it.
_WORDS = r"""[^\s&"',;)}\]\\]++|\\(?!["'])|[,;)}\]]++(?![\s"'&,;)}\]\\]|\Z)|(?<=\w)["'](?=\w)"""
# The lines, of a PEM without its header.
_MORE = r"|&(?![\w.%\[\]-]{1,60}+=|\s|\Z))+)(?:(?>(?:\s++[\w+/=]{32,}+)+)(?:\s++[\w+/=]++)?)?"
_VALUE = re.compile(rf"{_QUOTED}|{_SCHEME}|(?>(?:{_WORDS}{_MORE}")
_OPENING = re.compile(r"[\w.]{0,60}+([\[({<])")
_BRACKET = re.compile(_STRING + r"|[\[\](){}<>]")
_PROSE = re.compile(rf"(?!{_SCHEME})[a-z]++(?>(?: [a-z]++)+)[.!]?\s*+$", re.MULTILINE)
_HARMLESS = {"authorization": _PROSE, "pin": re.compile(r"\d{1,2}(?!\w)")}  # the pin of a board


@cache
def redactor() -> "Redactor":
    """Return the redactor of the service, which its settings decide."""
    return Redactor(setting("LOG_SENSITIVE_KEYS"), setting("LOG_HARMLESS_KEYS"))


class Redactor:
    """Decides by the name of a key, in any case and with any separators, what is to be masked."""

    def __init__(self, sensitive_keys: Iterable[str], harmless_keys: Iterable[str] = ()) -> None:
        names = {_NOT_WORD.sub("_", _folded(key)).strip("_") for key in sensitive_keys} - {""}
        terms = {name.replace("_", "") for name in names}
        self._long = re.compile(_any_of([term for term in terms if len(term) > _SHORT]))
        self._short = frozenset(term for term in terms if len(term) <= _SHORT)
        harmless = [f"{' '.join(_WORD.findall(key))} ".lower() for key in harmless_keys]
        self._harmless = re.compile(f"(?<= ){_any_of(harmless)}")
        self._quick = re.compile(_any_of(names | _MARKS))
        self._words = [name.split("_") for name in names]
        self._key = re.compile(_any_of(names) + _AFTER)

    def is_sensitive(self, key: str) -> bool:
        """Say whether the value under this key must not be shown."""
        words = self._harmless.sub("", _folded(f" {' '.join(_WORD.findall(key))} "))
        squeezed = words.replace(" ", "")
        short = squeezed in self._short or not self._short.isdisjoint(words.split())
        return short or self._long.search(squeezed) is not None

    def is_suspect(self, text: str) -> bool:
        """Say, soon for an ordinary one, whether something in a text must be masked."""
        return self.text(text) != text

    def text(self, text: str) -> str:
        """Mask the values of sensitive keys in a free text, and what looks like a credential."""
        folded = _folded(text)
        if not self._may_match(folded) and ("@" not in text or "://" not in text):
            return text
        if folded.count("://") > _MOST or folded.count("--") > _MOST:
            return MASK
        for mark, pattern in _KNOWN:
            if mark in folded:
                # A template would take three times as long as a function.
                text = re.sub(pattern, lambda found: found[1] + MASK, text)
        # One of them stands after a key.
        return "".join(self._shown(text)) if any(one in text for one in _SEPARATORS) else text

    def _may_match(self, folded: str) -> bool:
        if len(folded) > _LONG and not any(mark in folded for mark in _MARKS):
            separated = any(one in folded for one in _SEPARATORS)
            if not separated or not any(all(w in folded for w in words) for words in self._words):
                return False
        return self._quick.search(folded) is not None

    def _shown(self, text: str) -> Iterator[str]:
        folded = _OPTION.sub(r"\1=", _folded(text).replace("%5b", "[[[").replace("%5d", "]]]"))
        shown = position = 0
        for _ in range(_MOST):
            if not (found := self._key.search(folded, position)):
                yield text[shown:]
                return
            position = self._end(text, folded, found)
            if position > found.end():
                yield text[shown : found.end()] + MASK
                shown = position
        yield text[shown:position] + MASK

    def _end(self, text: str, folded: str, found: re.Match[str]) -> int:
        """Return where the value after a key ends; where it begins, if it is harmless."""
        earliest = max(0, found.start() - 100)
        before = folded[earliest : found.start()].rstrip(_KEY_CHARACTERS)
        key = text[earliest + len(before) : found.end("end")]
        name = key.lower()
        alone = found["pair"] == "" and not re.search(r"""[(\[]\s{0,9}b?\\{0,9}["']$""", before)
        harmless = name in _HARMLESS and _HARMLESS[name].match(text, found.end())
        if alone or harmless or not self.is_sensitive(key):
            return found.end()
        end = _end_of_value(text, found.end())
        is_quoted = "'" in found[0] or '"' in found[0]
        if name.endswith(("auth", "authorization", "cookie", "cookies")) and not is_quoted:
            end = text.find("\n", end)  # to the end of its line
        return end if end >= 0 else len(text)


def _end_of_value(text: str, start: int) -> int:
    if not (opening := _OPENING.match(text, start)):
        value = _VALUE.match(text, start)
        return value.end() if value else start
    depth, steps = 0, {opening[1]: 1, ")]}>"["([{<".index(opening[1])]: -1}
    for bracket in _BRACKET.finditer(text, opening.start(1), opening.end() + _MOST * 20):
        depth += steps.get(bracket[0], 0)
        if not depth:
            return bracket.end()
    return len(text)


def _folded(text: str) -> str:
    """Return a text in lower case, as long as before; "ſ" is an "s" in any case."""
    return text.lower() if text.isascii() else text.replace("İ", "i").replace("ſ", "s").lower()


def _any_of(words: Collection[str]) -> str:
    """Return a pattern of words that shares their beginnings, which is three times as fast."""
    tails = {word[:1]: [other[1:] for other in words if other[:1] == word[:1]] for word in words}
    if not words or "" in tails:
        return "" if words else "(?!)"  # the shorter word is enough
    heads = (r"[\W_]?" if head == "_" else re.escape(head) for head in tails)
    return f"(?:{'|'.join(map(str.__add__, heads, map(_any_of, tails.values())))})"
