"""Forgery: nobody can set a key of the line, start a second line, or steer a terminal."""

import logging
import unicodedata

import pytest
from django.test import Client

from observability.context import bind_request_id
from observability.events import log_event

from .support import KEYS, NAMESPACE, Logs

OWN_KEYS = [*KEYS, "exception", "user_id", "task_id", "trace_id", "span_id", "severity"]

BREAKING_OUT = {
    "newline": 'x\n{"event":"forged"}',
    "carriage return": "x\rforged",
    "crlf": "x\r\nforged",
    "line separator": "x\u2028forged",
    "paragraph separator": "x\u2029forged",
    "next line": "x\x85forged",
    "vertical tab and form feed": "x\x0b\x0cforged",
    "file, group and record separator": "x\x1c\x1d\x1eforged",
    "escape sequence": "x\x1b[2J\x1b]0;forged\x07",
    "c1 control sequence": "x\x9b2J\x90forged\x9c",
    "delete and backspace": "x\x7f\x08forged",
    "nul": "x\x00forged",
    "right to left override": "x\u202eforged\u2066\u200f",
    "closing quote and brace": 'x","event":"forged"}',
    "lone surrogate": "x\udc80forged",
}


def logger():
    return logging.getLogger(f"{NAMESPACE}.tests")


def assert_harmless(text: str) -> None:
    """Hold the raw file: nothing in it ends a line early, or is more than a character."""
    assert text.endswith("}\n")
    assert len(text.splitlines()) == text.count("\n")
    steering = {"Cc", "Zl", "Zp", "Cs"}
    for character in text.replace("\n", ""):
        assert unicodedata.category(character) not in steering, ascii(character)
        assert unicodedata.bidirectional(character) not in {"RLO", "LRO", "RLE", "LRE", "RLI"}


@pytest.mark.parametrize("key", [*OWN_KEYS, "_line", "_told", "type"])
@pytest.mark.parametrize("value", ["forged", {"forged": 1}, None], ids=repr)
def test_extra_cannot_set_a_key_of_the_line(logs: Logs, key, value):
    logger().info("true")
    logger().info("true", extra={key: value})
    honest, line = logs.lines()
    assert {**line, "timestamp": "", "payload": {}} == {**honest, "timestamp": ""}
    if key != "_line":
        assert line["payload"] == {key: value}


def test_a_dict_message_cannot_set_a_key_of_the_line(logs: Logs):
    message = dict.fromkeys([*OWN_KEYS, "exc_info", "stack_info", "message"], "forged")
    before = dict(message)
    try:
        raise LookupError("true")
    except LookupError:
        logger().error(message, exc_info=True)
    line = logs.only()
    assert (line["level"], line["event"]) == ("ERROR", "log_message")
    assert line["exception"]["message"] == "true"
    assert line["payload"] == before == message


def test_payload_keys_stay_in_the_payload(logs: Logs):
    payload = dict.fromkeys(OWN_KEYS, "forged")
    log_event("true", payload)
    line = logs.only()
    assert list(line) == [*KEYS, "pid"]
    assert (line["event"], line["payload"]) == ("true", payload)


@pytest.mark.parametrize("text", BREAKING_OUT.values(), ids=BREAKING_OUT)
@pytest.mark.usefixtures("deaf_pytest")
def test_no_text_breaks_out_of_its_line(logs: Logs, text):
    def fail():
        raise type(text.encode("ascii", "replace").decode().replace("\0", ""), (Exception,), {})(
            text
        )

    log_event("true", {text: text, "inner": [{"text": text}]})
    log_event(text)
    logger().info(text, extra={"text": text})
    logger().info("of %s %r", text, text)
    logger().warning("%d", text)
    logging.getLogger(f"{NAMESPACE}.{text}").info("true")
    try:
        fail()
    except Exception as error:
        error.add_note(text)
        log_event("true", level="ERROR")
    assert_harmless(logs.text("app"))
    assert_harmless(logs.text("errors"))
    lines = logs.lines()
    assert len(lines) == 7
    assert not any(line["event"] == "forged" for line in lines)


@pytest.mark.parametrize("text", BREAKING_OUT.values(), ids=BREAKING_OUT)
@pytest.mark.usefixtures("test_views")
def test_no_request_breaks_out_of_its_line(logs: Logs, text):
    client = Client()
    sendable = text.encode("utf-8", "replace").decode()
    client.get(f"/api/{sendable}/", headers={"User-Agent": sendable, "Referer": sendable})
    client.get("/test/ids", {sendable: sendable}, headers={"X-Request-ID": sendable})
    client.post("/test/ids", data=sendable, content_type=f"text/{sendable}")
    assert_harmless(logs.text("app"))
    assert all("forged" not in line["event"] for line in logs.lines())
    assert all(line["request_id"] != sendable for line in logs.lines())


def test_a_request_id_that_was_bound_by_hand_is_shown_as_valid(logs: Logs):
    bind_request_id("8-to-128_characters.of-these")
    log_event("true")
    assert logs.only()["request_id"] == "8-to-128_characters.of-these"
