"""docs/logging.md is held against the code, in both directions, and its examples against both."""

import ast
import re
from functools import cache
from itertools import pairwise
from typing import Any

import pytest
from django.conf import settings
from jsonschema import Draft202012Validator

from observability import verification

from .support import PROJECT, Line, parsed_line

CATALOGUE = (PROJECT / "docs" / "logging.md").read_text("utf-8")
ROW = re.compile(
    r"^\| `(\w+)` \| ([^|]+) \| [^|]+ \| ([^|]+) \|(?: (?:`(\w+)` )?\|)?$", re.MULTILINE
)
ROWS: dict[str, tuple[str, str]] = {}
OWASP: dict[str, str] = {}  # the column of the vocabulary's names
for event, level, payload, owasp in ROW.findall(CATALOGUE):
    OWASP |= {event: owasp} if owasp else {}
    same = payload == "the same"  # as in the row above
    ROWS[event] = (level, list(ROWS.values())[-1][1] if same else payload)
EXAMPLES: list[Line] = [
    parsed_line(line)
    for block in re.findall(r"```json\n(.*?)```", CATALOGUE, re.DOTALL)
    for line in block.splitlines()
]
# What makes an event's line, and at which place among its arguments the name stands.
PLACES = {"log_event": 0, "log_operation": 0, "_warn": 0, "_audit": 0, "set_event": 0}
PLACES |= {"of_event": 2, "log_outcome": 0, "_own_line": 0}
OUTCOMES = ("_start", "_success", "_error")


# https://cheatsheetseries.owasp.org/cheatsheets/Logging_Vocabulary_Cheat_Sheet.html
VOCABULARY = set(
    """authn_login_success authn_login_successafterfail authn_login_fail authn_login_fail_max
    authn_login_lock authn_password_change authn_password_change_fail authn_impossible_travel
    authn_token_created authn_token_revoked authn_token_reuse authn_token_delete authz_fail
    authz_change authz_admin crypt_decrypt_fail crypt_encrypt_fail excess_rate_limit_exceeded
    upload_complete upload_stored upload_validation upload_delete input_validation_fail
    input_validation_discrete_fail malicious_excess_404 malicious_extraneous malicious_attack_tool
    malicious_cors malicious_direct_reference privilege_permissions_changed sensitive_create
    sensitive_read sensitive_update sensitive_delete sequence_fail session_created session_renewed
    session_expired session_use_after_expire sys_startup sys_shutdown sys_restart sys_crash
    sys_monitor_disabled sys_monitor_enabled user_created user_updated user_archived
    user_deleted""".split()
)

MACHINERY, SERVICE = "observability", settings.LOG_NAMESPACE
# The schema is the same in every project: what it has of parts that are left out in this one.
OF_PARTS = {
    "tasks": {"task_started", "task_succeeded", "task_failed"},
    "celery_tasks": {"task_retried"},
}
ABSENT = {
    event
    for part, events in OF_PARTS.items()
    if not (PROJECT / MACHINERY / f"{part}.py").exists()
    for event in events
}


@cache
def events_of_the_code(*packages: str) -> set[str]:
    """Return the names of events that the packages' code gives to whatever makes a line."""
    found: set[str] = set()
    for path in (path for package in packages for path in (PROJECT / package).rglob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        for node in ast.walk(tree):
            found |= {event for event, _ in _pairs(node)}
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


def _pairs(node: ast.AST) -> list[tuple[str, str]]:
    """Return the names of events that stand beside one of OWASP's in a piece of code."""
    values: list[tuple[Any, Any]] = []
    if isinstance(node, ast.Dict):
        values = list(zip(node.keys, node.values, strict=True))
    elif isinstance(node, ast.Call | ast.Tuple):
        parts = node.args if isinstance(node, ast.Call) else node.elts
        values = list(pairwise(parts))
    texts = [(_text(one) or "", _text(other) or "") for one, other in values]
    return [(event, name) for event, name in texts if event != "owasp" and name in VOCABULARY]


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
    owasp = {"owasp"} if line["event"] in OWASP else set()
    assert required | owasp <= set(line["payload"]) <= allowed | owasp
    named = re.findall(r"[A-Z]{4,}", level)
    assert line["level"] in (named or [line["level"]])


def test_the_schema_knows_the_payload_of_every_event_of_the_machinery():
    known = {case["if"]["properties"]["event"]["const"] for case in verification.SCHEMA["allOf"]}
    assert known == events_of_the_code(MACHINERY) | ABSENT


def test_the_names_of_owasp_are_the_same_in_the_catalogue_the_examples_and_the_schema():
    cases = {
        case["if"]["properties"]["event"]["const"]: case["then"]["properties"]["payload"]
        for case in verification.SCHEMA["allOf"]
    }
    schema = {event: case["properties"].get("owasp") for event, case in cases.items()}
    assert {event: says["const"] for event, says in schema.items() if says} == OWASP
    assert all("owasp" in cases[event]["required"] for event in OWASP)
    examples = {line["event"]: line["payload"].get("owasp") for line in EXAMPLES}
    assert {event: name for event, name in examples.items() if name} == OWASP
    assert set(OWASP.values()) <= VOCABULARY


def test_every_event_of_security_and_audit_has_a_name_of_owasp():
    for title in ("Audit", "Security"):
        section = CATALOGUE.partition(f"### {title}\n")[2].partition("###")[0]
        assert {found[0] for found in ROW.findall(section)} <= set(OWASP)


@pytest.mark.parametrize("line", EXAMPLES, ids=lambda line: line["event"])
def test_the_schema_refuses_a_field_that_is_not_listed(line: Line):
    problems = verification.schema_problems({**line, "payload": {**line["payload"], "more": 1}})
    assert bool(problems) == (line["event"] in events_of_the_code(MACHINERY))


# The table of types: what each of its words means, as JSON Schema says it.
TEXTS = {"type": ["array", "string"], "items": {"type": "string"}}  # a long list is shortened
TYPES: dict[str, dict[str, Any]] = {
    "text": {"type": ["string", "null"]},
    "whole number": {"type": ["integer", "null"]},
    "number": {"type": "number"},
    "true or false": {"type": "boolean"},
    "list of texts": TEXTS,
    "object of lists of texts": {"type": "object", "additionalProperties": TEXTS},
    "key of a user": {"type": ["integer", "string", "null"]},
}
FIELDS = {
    field: TYPES[kind]
    for kind, fields in re.findall(r"^\| ([a-z ]+) \| (`[^|:]+)", CATALOGUE, re.MULTILINE)
    if kind in TYPES
    for field in re.findall(r"`(\w+)`", fields)
}


@pytest.mark.parametrize("line", EXAMPLES, ids=lambda line: line["event"])
def test_a_field_has_the_type_that_is_listed(line: Line):
    listed = Draft202012Validator({"properties": FIELDS, "additionalProperties": False})
    assert [error.message for error in listed.iter_errors(line["payload"])] == []


def test_the_schema_has_the_same_types():
    for case in verification.SCHEMA["allOf"]:
        if case["if"]["properties"]["event"]["const"] in ABSENT:
            continue
        for field, says in case["then"]["properties"]["payload"]["properties"].items():
            assert set(as_list(says["type"])) <= set(as_list(FIELDS[field]["type"])), field


def test_every_field_that_is_listed_belongs_to_an_event():
    named = {name for _, payload in ROWS.values() for name in re.findall(r"`(\w+)\??`", payload)}
    assert set(FIELDS) - {"truncated_bytes", "owasp"} == named


def as_list(types: str | list[str]) -> list[str]:
    return [types] if isinstance(types, str) else types
