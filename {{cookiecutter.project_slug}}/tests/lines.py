"""Reads log lines as a machine would: strict JSON, by the schema."""

import json
from typing import Any

from observability.verification import schema_problems

Line = dict[str, Any]


def valid_lines(text: str) -> list[Line]:
    """Return the lines of a text; each must be one JSON object that the schema allows."""
    lines: list[Line] = [json.loads(line) for line in text.splitlines()]
    for line in lines:
        assert schema_problems(line) == [], line
    return lines
