"""The line: its keys, their types, and what becomes of messages and exceptions."""

import inspect
import logging
import re
import sys
import time
import traceback

import pytest

from observability import context
from observability.context import bind_request_id
from observability.events import log_event
from observability.line.formatter import JSONLineFormatter
from observability.line.values import safe_values

from .support import KEYS, NAMESPACE, Logs, parsed_line


def formatter():
    return JSONLineFormatter()


def logger():
    return logging.getLogger(f"{NAMESPACE}.tests")


def caught(raising) -> Exception:
    try:
        raising()
    except Exception as error:
        return error
    raise AssertionError("nothing was raised")


def test_an_event_has_the_six_keys_in_order_and_in_a_file_its_process(logs: Logs):
    log_event("product_sold", {"count": 2, "price": 9.5, "name": "Läden", "gift": None})
    line = logs.only()
    assert list(line) == [*KEYS, "pid"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", line["timestamp"])
    assert line["level"] == "INFO"
    assert line["logger"] == f"{NAMESPACE}.machinery.test_line"
    assert line["request_id"] is None
    assert line["event"] == "product_sold"
    assert line["payload"] == {"count": 2, "price": 9.5, "name": "Läden", "gift": None}


@pytest.mark.parametrize(
    ("created", "timestamp"),
    [
        (0, "1970-01-01T00:00:00.000000Z"),
        (1_795_366_057.584123, "2026-11-22T16:47:37.584123Z"),
        (1_795_366_057, "2026-11-22T16:47:37.000000Z"),
        (1_795_366_057.9999999, "2026-11-22T16:47:38.000000Z"),
    ],
    ids=str,
)
def test_the_timestamp_is_rfc_3339_in_utc_and_always_has_a_fraction(created, timestamp):
    record = logging.LogRecord("a", logging.INFO, "", 0, "hello", None, None)
    record.created = created
    assert parsed_line(formatter().format(record))["timestamp"] == timestamp


def test_a_plain_call_becomes_log_message_with_its_extra_in_the_payload(logs: Logs):
    logger().warning("%d of %s", 2, "them", extra={"color": "red"})
    line = logs.only()
    assert list(line) == [*KEYS, "message", "pid"]
    assert (line["event"], line["message"]) == ("log_message", "2 of them")
    assert line["payload"] == {"color": "red"}


@pytest.mark.parametrize("count", range(8))
def test_every_extra_value_arrives_however_many_there_are(logs: Logs, count):
    extra = {f"key_{number}": number for number in range(count)}
    logger().info("hello", extra=extra)
    assert logs.only()["payload"] == extra


def test_stack_info_stands_in_the_payload(logs: Logs):
    logger().info("where am I", stack_info=True)
    assert "test_stack_info_stands_in_the_payload" in logs.only()["payload"]["stack"]


@pytest.mark.parametrize(
    ("number", "name"),
    [(1, "DEBUG"), (10, "DEBUG"), (15, "DEBUG"), (25, "INFO"), (35, "WARNING"), (99, "CRITICAL")],
)
def test_a_custom_level_has_the_name_of_the_standard_one_below(number, name):
    record = logging.LogRecord("a", number, "", 0, "hello", None, None)
    assert parsed_line(formatter().format(record))["level"] == name


def test_the_request_id_is_the_current_one(logs: Logs):
    bind_request_id("d3b7e8f4-2f4a-4e3b-a123-9c8d7f1c5678")
    log_event("spoken")
    assert logs.only()["request_id"] == "d3b7e8f4-2f4a-4e3b-a123-9c8d7f1c5678"


def test_an_exception_is_an_object_with_its_cause_and_notes(logs: Logs):
    def fail():
        try:
            raise KeyError("sku")
        except KeyError as error:
            failed = LookupError("no product")
            failed.add_note("in the second row")
            raise failed from error

    logger().error("failed", exc_info=caught(fail))
    exception = logs.only()["exception"]
    assert (exception["type"], exception["module"]) == ("LookupError", "builtins")
    assert exception["message"] == "no product"
    assert exception["notes"] == ["in the second row"]
    assert exception["stacktrace"].splitlines()[0] == "Traceback (most recent call last):"
    assert "raise failed from error" in exception["stacktrace"]
    assert exception["stacktrace"].splitlines()[-1] == "LookupError: no product"
    assert (exception["cause"]["type"], exception["cause"]["message"]) == ("KeyError", "'sku'")


def test_a_context_that_was_suppressed_is_no_cause(logs: Logs):
    def fail():
        try:
            raise KeyError("sku")
        except KeyError:
            raise LookupError("no product") from None

    logger().error("failed", exc_info=caught(fail))
    assert "cause" not in logs.only()["exception"]


def test_a_group_shows_its_members(logs: Logs):
    group = ExceptionGroup("both failed", [ValueError("one"), KeyError("two")])
    logger().error("failed", exc_info=group)
    exception = logs.only()["exception"]
    assert exception["type"] == "ExceptionGroup"
    assert [member["type"] for member in exception["exceptions"]] == ["ValueError", "KeyError"]


@pytest.mark.usefixtures("deaf_pytest")
def test_groups_within_groups_are_bounded_in_all(logs: Logs):
    group = ExceptionGroup("0", [ValueError("x")] * 20)
    for depth in range(1, 8):
        group = ExceptionGroup(str(depth), [group] * 20)
    logger().error("failed", exc_info=group)  # 20⁸ members, if each were shown
    assert logs.only()["exception"]["message"] == "7 (20 sub-exceptions)"


def test_local_variables_are_never_shown(logs: Logs):
    def fail():
        card = "4000" + "1234"  # noqa: F841
        raise LookupError("no product")

    logger().error("failed", exc_info=caught(fail))
    assert "40001234" not in logs.text()


def test_one_failure_has_one_traceback_however_often_it_is_reported(logs: Logs):
    context.begin_request({})
    error = caught(lambda: [][0])
    for _ in range(3):
        logger().error("failed", exc_info=error)
    assert ["stacktrace" in line["exception"] for line in logs.lines()] == [True, False, False]
    assert {line["exception"]["message"] for line in logs.lines()} == {"list index out of range"}


def test_a_traceback_that_the_error_file_has_not_seen_is_told_again(logs: Logs):
    context.begin_request({})
    error = caught(lambda: [][0])
    logger().warning("failing", exc_info=error)
    logger().error("failed", exc_info=error)
    assert "stacktrace" in logs.lines("errors")[0]["exception"]


def test_one_exception_object_is_told_anew_in_the_next_request(logs: Logs):
    error = caught(lambda: [][0])
    for _ in range(2):
        context.begin_request({})
        logger().error("failed", exc_info=error)
    assert all("stacktrace" in line["exception"] for line in logs.lines())


def test_outside_a_request_an_exception_is_told_each_time_and_left_as_it_was(logs: Logs):
    error = caught(lambda: [][0])
    for _ in range(2):
        logger().error("failed", exc_info=error)
    assert all("stacktrace" in line["exception"] for line in logs.lines())
    assert vars(error) == {}


def test_a_record_is_formatted_once_however_many_handlers_write_it(logs: Logs):
    shown = []

    class Counted:
        def __repr__(self):
            shown.append(1)
            return "counted"

    log_event("spoken", {"it": Counted()}, level="ERROR")
    assert logs.lines("app") == logs.lines("errors")
    assert logs.only()["payload"] == {"it": "counted"}
    assert len(shown) == 1


# Limits of what one event may cost, and of where it may be called


def test_the_texts_of_one_event_are_searched_up_to_what_a_line_can_hold():
    text = "é=" * 125_000
    started = time.process_time()
    payload = safe_values().payload({f"text_{number}": text for number in range(300)})
    assert time.process_time() - started < 2
    assert payload["truncated_bytes"] > 290 * 250_000
    assert len(payload["text_0"]) > 200_000


def test_at_the_limit_of_recursion_an_event_raises_nothing():
    def deeper(left):
        log_event("deep", {"left": left, "password": "x", "items": [1, {"a": 2}]})
        if left:
            deeper(left - 1)

    limit = sys.getrecursionlimit()
    depth = len(inspect.stack())
    sys.setrecursionlimit(depth + 200)
    try:
        raised = [depth for depth in range(150, 230, 8) if not _goes_as_deep(deeper, depth)]
    finally:
        sys.setrecursionlimit(limit)
    # Whoever goes beyond the limit is stopped by Python, and not by the event.
    assert raised == list(range(raised[0], 230, 8))


def _goes_as_deep(function, depth):
    try:
        function(depth)
    except RecursionError as error:
        frames = [frame.name for frame in traceback.extract_tb(error.__traceback__)]
        assert frames[-1] == "deeper", frames[-3:]
        return False
    return True


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        ("redis://:canary@cache:6379/0", "redis://:***@cache:6379/0"),
        ("https://shop:canary@example.com/", "https://***@example.com/"),
        ("password=canary", "password=***"),
        ("note: password=canary", "note: password=***"),
        ("Authorization: Bearer canary12345", "Authorization: ***"),
    ],
)
def test_a_key_that_holds_a_secret_is_masked(logs: Logs, key, shown):
    for _ in range(2):  # the second time, harmless keys are known
        log_event("checked", {key: "ok", "nested": [{key: 1}]})
    assert "canary" not in logs.text()
    assert all(shown in line["payload"]["nested"][0] for line in logs.lines())
    assert all(shown in line["payload"] for line in logs.lines())


@pytest.mark.parametrize(
    "payload",
    [
        {"headers": [{"name": "Authorization", "value": "canary"}]},
        {"name": "X-Api-Key", "value": "canary"},
        {"pair": ["token=canary-0123456789", "x"]},
        {"pair": ["Cookie", "canary"]},
    ],
)
def test_a_header_in_any_form_is_masked(logs: Logs, payload):
    log_event("known", {"name": "a", "value": 1, "headers": 1, "pair": 1})
    for _ in range(2):
        log_event("sent", payload)
    assert "canary" not in logs.text()
    assert logs.lines()[0]["payload"] == {"name": "a", "value": 1, "headers": 1, "pair": 1}
