"""Odd payloads: whatever is passed becomes one valid line, and nothing happens to the caller."""

import copy
import logging
from collections.abc import Mapping
from contextlib import suppress
from itertools import count

import pytest
from django.contrib.sessions.models import Session
from rest_framework.authtoken.models import Token, TokenProxy

from ecommerce.products.models import Product
from observability.events import log_event, log_operation

from .odd_values import (
    ANYTHING,
    ODD_VALUES,
    Plain,
    circular_dict,
    class_that_raises_in,
    nested,
)
from .support import NAMESPACE, Line, Logs

ODD_TEXTS = {
    "empty": "",
    "none": None,
    "number": 5,
    "bytes": b"a",
    "list": ["a"],
    "dict": {"a": 1},
    "lone surrogate": "a\ud800",
    "line breaks": 'x\n{"event":"forged"}\r\u2028',
    "escape": "\x1b[2J\x9b2J\u202e",
    "10 MB": "x" * 10_000_000,
    "str raises": class_that_raises_in("__str__", "__repr__", "__format__"),
    "circular": circular_dict(),
    "deep": nested(10_000),
    "class": Plain,
}


def as_before(value: object) -> object:
    """Return a copy to compare with later; None if there cannot be one."""
    with suppress(Exception, RecursionError):
        copied = copy.deepcopy(value)
        return copied if copied == value else None
    return None


@pytest.mark.parametrize("name", ODD_VALUES)
def test_an_odd_value_becomes_one_valid_line(logs: Logs, name):
    make, expected = ODD_VALUES[name]
    value = make()
    payload = {"before": 1, "odd": value, "after": [value, {"inner": value}]}
    before = as_before(value)

    log_event("odd", payload)

    line = logs.only()
    assert line["event"] == "odd"
    shown = line["payload"]["odd"]
    if callable(expected):
        assert expected(shown), shown
    elif expected is not ANYTHING:
        assert shown == expected
        assert type(shown) is type(expected)
    assert "canary" not in logs.text()
    assert list(payload) == ["before", "odd", "after"]
    assert payload["odd"] is payload["after"][0] is value
    assert before is None or before == value


def test_there_are_as_many_cases_as_promised():
    assert len(ODD_VALUES) >= 70


@pytest.mark.parametrize("name", ODD_VALUES)
def test_an_odd_value_as_the_whole_payload(logs: Logs, name):
    log_event("odd", ODD_VALUES[name][0]())
    assert logs.only()["event"] == "odd"


@pytest.mark.parametrize("name", ODD_VALUES)
@pytest.mark.usefixtures("deaf_pytest")
def test_an_odd_value_as_extra_and_as_argument_of_a_plain_call(logs: Logs, name):
    logger = logging.getLogger(f"{NAMESPACE}.tests")
    value = ODD_VALUES[name][0]()
    logger.info("odd", extra={"odd": value})
    # Two arguments: of a single one, logging itself asks whether it is a mapping and true.
    logger.info("odd %s %r", 1, value)
    logger.info(value)
    assert logs.events() == ["log_message"] * 3


def test_a_generator_is_not_used_up(logs: Logs):
    generator = (number for number in range(3))
    log_event("odd", {"odd": generator})
    assert list(generator) == [0, 1, 2]


def test_a_queryset_is_not_evaluated(logs: Logs):
    queryset = Product.objects.filter(name="canary")
    log_event("odd", {"odd": queryset})  # a query without a database would fail the test
    assert queryset._result_cache is None
    assert logs.only()["payload"] == {"odd": "<QuerySet of products.Product>"}


@pytest.mark.parametrize("credential", [Token(key="canary"), Session(session_key="canary")])
def test_a_key_that_is_a_credential_is_masked(logs: Logs, credential):
    log_event("issued", {"issued": credential, "all": [credential], "by": Product(pk=5)})
    shown = {"model": credential._meta.label, "pk": "***"}
    known = {"model": "products.Product", "pk": "5"}
    assert logs.only()["payload"] == {"issued": shown, "all": [shown], "by": known}
    log_event("issued", credential)
    logging.getLogger(f"{NAMESPACE}.tests").info("issued", extra={"issued": credential})
    assert "canary" not in logs.text()


def test_a_key_that_only_counts_is_shown(logs: Logs):
    """The admin's model of a token is known by its user, which says nothing of the token."""
    log_event("issued", {"issued": TokenProxy(key="canary", user_id=5)})
    assert logs.only()["payload"] == {"issued": {"model": "authtoken.TokenProxy", "pk": "5"}}


def test_an_upload_is_not_read(logs: Logs):
    make, _ = ODD_VALUES["uploaded file"]
    upload = make()
    log_event("odd", {"odd": upload})
    assert upload.read() == b"canary"


@pytest.mark.parametrize("name", ODD_TEXTS)
def test_an_odd_event_name_becomes_snake_case(logs: Logs, name):
    log_event(ODD_TEXTS[name], {"count": 1})
    line = logs.only()
    assert line["payload"] == {"count": 1}
    assert len(line["event"]) <= 110


@pytest.mark.parametrize(
    ("name", "event"),
    [
        ("Order Created!", "order_created"),
        ("order-created", "order_created"),
        ("2nd order", "event_2nd_order"),
        ("_order", "order"),
        ("", "event"),
        ("Ünïcode", "n_code"),
        ("a" * 500, "a" * 100),
        (b"order", "order"),
        (None, "none"),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_how_an_odd_event_name_is_shown(logs: Logs, name, event):
    log_event(name)
    assert logs.events() == [event]


@pytest.mark.parametrize("name", ODD_TEXTS)
@pytest.mark.usefixtures("deaf_pytest")
def test_an_odd_message_becomes_one_line(logs: Logs, name):
    logging.getLogger(f"{NAMESPACE}.tests").info(ODD_TEXTS[name])
    assert logs.only()["event"] == "log_message"


@pytest.mark.parametrize(
    ("message", "arguments"),
    [
        ("%d", ("no number",)),
        ("%s %s", ("one",)),
        ("none", ("one", "two")),
        ("%(name)s", ({"other": 1},)),
        ("100%", ("one",)),
        ("%s", (class_that_raises_in("__str__", "__repr__"),)),
    ],
    ids=["wrong type", "too few", "too many", "missing name", "stray percent", "str raises"],
)
@pytest.mark.usefixtures("deaf_pytest")
def test_arguments_that_do_not_fit_cost_no_line(logs: Logs, message, arguments):
    logging.getLogger(f"{NAMESPACE}.tests").warning(message, *arguments)
    line: Line = logs.only()
    assert line["level"] == "WARNING"
    assert line["message"] == message
    assert line["payload"]["format_error"]


def test_a_payload_of_ordinary_values_arrives_as_it_is_the_second_time_too(logs: Logs):
    payload = {"a": 1, "b": "text", "c": 1.5, "d": None, "e": False, "f": "läden"}
    for _ in range(2):
        log_event("ordinary", payload)
    assert [line["payload"] for line in logs.lines()] == [payload] * 2


@pytest.mark.parametrize("value", [float("nan"), 2**70, "\ud800"], ids=ascii)
def test_an_odd_value_under_a_key_that_is_known_by_now(logs: Logs, value):
    log_event("ordinary", {"known": 1})
    log_event("ordinary", {"known": value})
    assert isinstance(logs.lines()[1]["payload"]["known"], str)


class Endless(Mapping):
    """A mapping whose keys have no end."""

    def __iter__(self):
        return (f"key {number}" for number in count())

    def __getitem__(self, key):
        return 1

    def __len__(self):
        return 1_000_000


def test_a_mapping_without_an_end_becomes_a_line(logs: Logs):
    log_event("odd", {"endless": Endless()})
    log_event("odd", Endless())
    with log_operation("odd", Endless()):
        pass
    assert len(logs.lines()) == 4


def test_a_payload_of_known_keys_is_bounded_as_well(logs: Logs):
    halves = [{f"key_{half}_{number}": number for number in range(600)} for half in range(2)]
    for payload in (*halves, halves[0] | halves[1]):
        log_event("counted", payload)
    assert [len(line["payload"]) for line in logs.lines()] == [600, 600, 1_001]
