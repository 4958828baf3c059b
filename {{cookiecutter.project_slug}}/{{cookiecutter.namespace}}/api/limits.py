"""Limits of what a client may send, where DRF alone would fail or take what it does not describe.

https://www.django-rest-framework.org/api-guide/parsers/#custom-parsers
"""

from contextlib import suppress
from typing import Any

from rest_framework import fields, filters, parsers
from rest_framework.exceptions import ParseError
from rest_framework.request import Request

JSON_DEPTH = 50  # lists and objects within each other
# SQLite takes no more than 1,000 conditions, and 50,000 bytes in one.
WORDS, WORD_LENGTH = 20, 200


class JSONParser(parsers.JSONParser):
    """Refuses what is nested so deeply that Python cannot parse or print it."""

    def parse(self, *args: Any, **kwargs: Any) -> Any:
        """Return the data of a body."""
        with suppress(RecursionError):
            data = super().parse(*args, **kwargs)
            level = [data]
            for _ in range(JSON_DEPTH):
                dicts = [each.values() for each in level if isinstance(each, dict)]
                lists = [each for each in level if isinstance(each, list)]
                level = [inner for each in (*dicts, *lists) for inner in each]
                if not level:
                    return data
        raise ParseError("The JSON is nested too deeply.")


class TextField(fields.CharField):
    """Takes no number for a text."""

    def to_internal_value(self, data: Any) -> str:
        """Return the text without the spaces around it."""
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class SearchFilter(filters.SearchFilter):
    """Searches for no more and no longer words than a database can work on."""

    def get_search_terms(self, request: Request) -> list[str]:
        """Return the words that are searched for."""
        return [word[:WORD_LENGTH] for word in super().get_search_terms(request)[:WORDS]]
