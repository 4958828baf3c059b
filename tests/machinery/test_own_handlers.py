"""An event that only our handlers see is made without a record of logging: its line is the same."""

import logging
import threading

import pytest

from observability import events
from observability.context import RequestContext, bound
from observability.events import log_event
from observability.line.formatter import JSONLineFormatter
from observability.line.handlers import DropCounting, LogFileHandler, own_handlers

from .support import NAMESPACE, Logs


class TheirHandler(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


def logger() -> logging.Logger:
    return logging.getLogger(NAMESPACE)


def is_light() -> bool:
    return bool(own_handlers(logger().getChild("shop")))


@pytest.mark.parametrize("name", ["sold", "Not Snake", "x" * 300, 7])
@pytest.mark.parametrize(
    "payload",
    [
        None,
        {},
        {"count": 1, "note": "é", "price": 2.5, "none": None, "yes": True},
        {"password": "x", "items": [{"pin": "1", "sku": "a-1"}, ["X-Api-Key", "secret"]]},
        {"long": "x" * 300_000},
        {"lone": "\ud800", "object": object},
        ["no", "mapping"],
    ],
    ids=["none", "empty", "flat", "secrets", "long", "odd", "list"],
)
@pytest.mark.parametrize("level", ["DEBUG", "INFO", "WARNING"])
@pytest.mark.parametrize("context", [None, RequestContext("an-id-of-a-request", {})])
def test_the_line_is_that_of_a_record(logs: Logs, name, payload, level, context):
    log_event("first", {"count": 1, "note": "é"})
    with bound(context):
        assert is_light()
        log_event(name, payload, level)
        logger().addHandler(TheirHandler())
        assert not is_light()
        log_event(name, payload, level)
    _first, light, full = logs.lines()
    assert light.pop("timestamp") <= full.pop("timestamp")
    assert light == full


def test_an_event_with_an_exception_has_a_record(logs: Logs, monkeypatch):
    monkeypatch.setattr(events, "Event", None)
    log_event("refused", level="WARNING", exception=ValueError("no"))
    try:
        raise ValueError
    except ValueError:
        log_event("failed", level="ERROR")
    assert logs.events() == ["refused", "failed"]
    assert all("exception" in line for line in logs.lines())


def test_a_line_goes_to_the_handlers_of_its_level(logs: Logs):
    errors = next(one for one in logger().handlers if one.name == "error_file")
    errors.setLevel("WARNING")
    log_event("told")
    log_event("warned", level="WARNING")
    assert logs.events() == ["told", "warned"]
    assert [line["event"] for line in logs.lines("errors")] == ["warned"]


def add_a_filter_of_the_logger(monkeypatch, _seen):
    monkeypatch.setattr(logging.getLogger(f"{NAMESPACE}.shop"), "filters", [lambda record: False])


def add_a_filter_of_a_handler(monkeypatch, _seen):
    for handler in logger().handlers:
        monkeypatch.setattr(handler, "filters", [lambda record: False])


def derive_a_handler(monkeypatch, seen):
    class Derived(LogFileHandler):
        def emit(self, record):
            seen.append(record)

    monkeypatch.setattr(logger(), "handlers", [Derived("never-written.log")])


def derive_a_formatter(monkeypatch, seen):
    class Derived(JSONLineFormatter):
        def format(self, record):
            seen.append(record)
            raise ValueError

    for handler in logger().handlers:
        monkeypatch.setattr(handler, "formatter", Derived())


def replace_a_method_of_logging(monkeypatch, seen):
    monkeypatch.setattr(logging.Logger, "callHandlers", lambda _self, record: seen.append(record))


def derive_a_logger(monkeypatch, seen):
    class Derived(logging.Logger):
        def handle(self, record):
            seen.append(record)

    monkeypatch.setitem(events._LOGGERS, f"{NAMESPACE}.shop", Derived("theirs"))


@pytest.mark.parametrize(
    "intrude",
    [
        add_a_filter_of_the_logger,
        add_a_filter_of_a_handler,
        derive_a_handler,
        derive_a_formatter,
        replace_a_method_of_logging,
        derive_a_logger,
    ],
)
def test_it_gives_way_to_whoever_has_a_part_in_it(logs: Logs, monkeypatch, intrude):
    seen: list[logging.LogRecord] = []
    log_event("before", logger=f"{NAMESPACE}.shop")
    intrude(monkeypatch, seen)
    log_event("meanwhile", logger=f"{NAMESPACE}.shop")
    monkeypatch.undo()
    log_event("after", logger=f"{NAMESPACE}.shop")
    written = [event for event in logs.events() if event != "log_records_dropped"]
    assert written == ["before", "after"]
    assert all(isinstance(record, logging.LogRecord) for record in seen)
    assert bool(seen) == (not intrude.__name__.startswith("add_a_filter"))


def test_it_gives_way_to_a_record_factory(logs: Logs):
    before = logging.getLogRecordFactory()
    logging.setLogRecordFactory(logging.LogRecord)
    try:
        assert not is_light()
    finally:
        logging.setLogRecordFactory(before)
    assert is_light()


def test_what_is_dropped_while_drops_are_told_is_counted():
    class Told(DropCounting):
        def write_line(self, line):
            if "log_records_dropped" in line:
                dropping.start()
                dropping.join(0.2)

    handler = Told()
    handler.setFormatter(JSONLineFormatter())
    handler._reported_at = float("inf")  # nothing on standard error
    record = logging.makeLogRecord({"msg": "written"})
    dropping = threading.Thread(target=handler.handleError, args=(record,))
    handler.handleError(record)
    handler.handle(record)
    dropping.join()
    assert handler._dropped == 1
