"""docs/logging.md is held against the code, in both directions, and its examples against both."""

import ast
import re
from functools import cache

import pytest
from django.conf import settings

from observability import verification

from .support import PROJECT, Line, parsed_line

CATALOGUE = (PROJECT / "docs" / "logging.md").read_text("utf-8")
ROW = re.compile(r"^\| `(\w+)` \| ([^|]+) \| [^|]+ \| ([^|]+) \|$", re.MULTILINE)
ROWS: dict[str, tuple[str, str]] = {}
for event, level, payload in ROW.findall(CATALOGUE):
    same = payload == "the same"  # as in the row above
    ROWS[event] = (level, list(ROWS.values())[-1][1] if same else payload)
EXAMPLES: list[Line] = [
    parsed_line(line)
    for block in re.findall(r"```json\n(.*?)```", CATALOGUE, re.DOTALL)
    for line in block.splitlines()
]
# What makes an event's line, and at which place among its arguments the name stands.
PLACES = {"log_event": 0, "log_operation": 0, "_warn": 0, "set_event": 0, "_own_line": 0}
PLACES |= {"of_event": 2}
OUTCOMES = ("_start", "_success", "_error")


MACHINERY, SERVICE = "observability", settings.LOG_NAMESPACE


@cache
def events_of_the_code(*packages: str) -> set[str]:
    """Return the names of events that the packages' code gives to whatever makes a line."""
    found: set[str] = set()
    for path in (path for package in packages for path in (PROJECT / package).rglob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        for node in ast.walk(tree):
            # A table of events, where the name is looked up.
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "_EVENTS":
                found |= set(filter(None, map(_text, node.value.values)))  # type: ignore[attr-defined]
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in ("event", "PROBE"):
                found |= set(filter(None, [_text(node.value)]))
            if not isinstance(node, ast.Call):
                continue
            called = ast.unparse(node.func).rpartition(".")[2]
            place = PLACES.get(called, len(node.args))
            if name := _text(*node.args[place : place + 1]):
                outcomes = OUTCOMES if called == "log_operation" else ("",)
                found |= {name + outcome for outcome in outcomes}
    return found


def _text(node: ast.expr | None = None) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def test_every_event_of_the_code_is_listed_and_no_other():
    assert set(ROWS) == events_of_the_code(MACHINERY, SERVICE) | {"log_message"}


def test_every_event_has_an_example_and_no_other():
    assert {line["event"] for line in EXAMPLES} == set(ROWS)


@pytest.mark.parametrize("line", EXAMPLES, ids=lambda line: line["event"])
def test_an_example_is_as_its_row_says(line: Line):
    level, payload = ROWS[line["event"]]
    documented = re.findall(r"`(\w+)(\??)`", payload)
    required = {name for name, optional in documented if not optional}
    allowed = {name for name, _ in documented} if documented else set(line["payload"])
    assert required <= set(line["payload"]) <= allowed
    named = re.findall(r"[A-Z]{4,}", level)
    assert line["level"] in (named or [line["level"]])


def test_the_schema_knows_the_payload_of_every_event_of_the_machinery():
    known = {case["if"]["properties"]["event"]["const"] for case in verification.SCHEMA["allOf"]}
    assert known == events_of_the_code(MACHINERY)


@pytest.mark.parametrize("line", EXAMPLES, ids=lambda line: line["event"])
def test_the_schema_refuses_a_field_that_is_not_listed(line: Line):
    problems = verification.schema_problems({**line, "payload": {**line["payload"], "more": 1}})
    assert bool(problems) == (line["event"] in events_of_the_code(MACHINERY))
