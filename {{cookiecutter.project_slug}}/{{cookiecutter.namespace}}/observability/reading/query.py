"""What is asked of the log files, and whether a line is an answer."""

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any

import orjson

from config.logging import LEVELS

from ..line.strict_json import dumps
from .blocks import MARK, TIME, time_text

# Lines of several processes stand this far from their order in time, at the most.
_DISORDER = timedelta(seconds=10)


@dataclass(frozen=True)
class Query:
    """What is asked for; an empty text asks for nothing.

    Request id and event are exact, or a glob. A level stands for itself and those above it, a
    logger for itself and those below it. Both times belong to what is asked for.
    """

    request_id: str = ""
    event: str = ""
    level: str = ""
    logger: str = ""
    user: str = ""
    since: datetime | None = None
    until: datetime | None = None

    def found(self, block: bytes, time: bytes) -> list[tuple[bytes, bytes]]:
        """Return the answers in a block, each with its time.

        A line without one has the time of the line before it, `time` being that of the block's.
        """
        found = []
        if self.may_be_in(block):
            for line in block.split(b"\n"):
                if line.startswith(MARK):
                    time = line[TIME]
                if line and self.answers(line, time):
                    found.append((time, line))
        return found

    def may_be_in(self, text: bytes) -> bool:
        """Say whether an answer may be in there: far quicker than to parse it."""
        return all(needle in text for needle in self._needles) and bool(
            not self.level or self._level_text.search(text)
        )

    def answers(self, line: bytes, time: bytes) -> bool:
        """Say whether this line, of this time, is asked for.

        What is no JSON object is, if it has the id, the event and the level in its text.
        """
        if not self._since <= time <= self._until:
            return False
        if not self._asks_for_more:
            return True
        if not self.may_be_in(line):
            return False
        data = parsed(line)
        if data is None:
            return not (self.logger or self.user)
        name = str(data.get("logger"))
        return (
            (not self.request_id or fnmatchcase(str(data.get("request_id")), self.request_id))
            and (not self.event or fnmatchcase(str(data.get("event")), self.event))
            and (not self.level or data.get("level") in self._levels)
            and (not self.logger or name == self.logger or name.startswith(f"{self.logger}."))
            and (not self.user or str(data.get("user_id")) == self.user)
        )

    def comes_before(self, time: bytes) -> bool:
        """Say whether a line of this time, and all that stand before it, are too old."""
        return b"" < time < self.start

    def comes_after(self, time: bytes) -> bool:
        """Say whether a line of this time, and all that stand after it, are too young."""
        return self.until is not None and time > time_text(self.until + _DISORDER)

    @cached_property
    def start(self) -> bytes:
        """The time from which on to read, as it stands in a line; empty: from the beginning."""
        return time_text(self.since - _DISORDER) if self.since else b""

    @cached_property
    def _since(self) -> bytes:
        return time_text(self.since) if self.since else b""

    @cached_property
    def _until(self) -> bytes:
        return time_text(self.until) if self.until else b"~"

    @cached_property
    def _asks_for_more(self) -> bool:
        return any((self.request_id, self.event, self.level, self.logger, self.user))

    @cached_property
    def _levels(self) -> tuple[str, ...]:
        return LEVELS[LEVELS.index(self.level) :]

    @cached_property
    def _level_text(self) -> re.Pattern[bytes]:
        return re.compile(f'"level":"(?:{"|".join(self._levels)})"'.encode())

    @cached_property
    def _needles(self) -> tuple[bytes, ...]:
        texts = (_literal(self.request_id), _literal(self.event), self.logger, self.user)
        return tuple(dumps(text)[1:-1].encode() for text in texts if text)


def parsed(line: bytes) -> dict[str, Any] | None:
    """Return the object of a line, or None for a torn or foreign one."""
    with suppress(ValueError):
        data = orjson.loads(line)
        if isinstance(data, dict):
            return data
    return None


def _literal(glob: str) -> str:
    """Return the longest text that whatever matches the glob must contain."""
    return max(re.split(r"\[.*?\]|[*?]", glob), key=len)
