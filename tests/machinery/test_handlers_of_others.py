"""Handlers of others beside ours: each has the event, its payload masked, and no finished line."""

import json
import logging
import queue
from collections.abc import Iterator
from logging.handlers import QueueHandler, QueueListener
from typing import Any

import pytest
import sentry_sdk
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from sentry_sdk.integrations.logging import LoggingIntegration
from sentry_sdk.transport import Transport

from observability.context import bind_request_id
from observability.events import log_event, log_operation

from .support import NAMESPACE, Logs

EVENT = "payment_refused"
GIVEN = {"order": 7, "password": "canary", "note": "token=canary", "inner": [{"pin": "canary"}]}
SHOWN = {"order": 7, "password": "***", "note": "token=***", "inner": [{"pin": "***"}]}

LINE = '"payload":{'  # stands in every line, and nowhere else: others put spaces between


def speak(level: str = "ERROR") -> None:
    log_event(EVENT, GIVEN, level=level)


def assert_safe(seen: object) -> None:
    """Hold all that a handler was given: no secret, and no finished line."""
    text = repr(seen).replace("\\", "")
    assert "canary" not in text
    assert LINE not in text


@pytest.fixture(params=["before ours", "after ours"])
def attach(request):
    """Return a function that adds a handler to the service's logger, at either end of ours."""
    logger = logging.getLogger(NAMESPACE)
    added: list[logging.Handler] = []

    def add(handler: logging.Handler) -> None:
        added.append(handler)
        logger.removeHandler(handler)  # pytest has added its own
        logger.handlers.insert(
            0 if request.param == "before ours" else len(logger.handlers), handler
        )

    yield add
    for handler in added:
        logger.removeHandler(handler)


def test_caplog(logs: Logs, caplog, attach):
    attach(caplog.handler)
    speak()
    (record,) = caplog.records
    assert (record.getMessage(), record.levelname) == (EVENT, "ERROR")
    assert (record.event, record.payload) == (EVENT, SHOWN)
    assert EVENT in caplog.text
    assert_safe([caplog.text, caplog.record_tuples, vars(record), record.args])
    assert logs.only()["payload"] == SHOWN


def test_caplog_takes_odd_values(caplog, attach):
    attach(caplog.handler)
    log_event("odd % %s %d", {"odd": object()})
    with log_operation("odd %s"):
        pass
    assert [record.getMessage() for record in caplog.records] == [
        "odd_s_d",
        "odd_s_start",
        "odd_s_success",
    ]


class Kept(Transport):
    """Sends nothing, and keeps what would be sent."""

    events: list[dict[str, Any]] = []

    def capture_envelope(self, envelope) -> None:
        self.events.append(envelope.get_event())


@pytest.fixture(scope="module")
def sentry_client() -> Iterator[None]:
    """Start Sentry as a project does, without its network; stop it at the end."""
    with pytest.MonkeyPatch.context() as patch:
        # What Sentry replaces at its start, to be put back.
        patch.setattr(logging.Logger, "callHandlers", logging.Logger.callHandlers)
        sentry_sdk.init(
            dsn="https://key@sentry.invalid/1",
            transport=Kept,
            default_integrations=False,
            integrations=[LoggingIntegration(level=logging.INFO, event_level=logging.ERROR)],
        )
        yield
        sentry_sdk.get_client().close()
        sentry_sdk.get_global_scope().set_client(None)


@pytest.fixture
def sentry(sentry_client) -> Iterator[list[dict[str, Any]]]:
    """Return what was sent to Sentry during the test."""
    Kept.events.clear()
    with sentry_sdk.isolation_scope():
        yield Kept.events


def test_sentry_makes_an_event_of_an_error(logs: Logs, sentry):
    speak()
    (sent,) = sentry
    assert sent["logentry"]["message"] == EVENT
    assert sent["level"] == "error"
    assert (sent["extra"]["event"], sent["extra"]["payload"]) == (EVENT, SHOWN)
    assert_safe(sent)
    assert logs.only()["payload"] == SHOWN


def test_sentry_makes_a_breadcrumb_of_what_was_before(logs: Logs, sentry):
    speak("INFO")
    speak("ERROR")
    (sent,) = sentry
    crumb = sent["breadcrumbs"]["values"][0]
    assert crumb["message"] == EVENT
    inner = [{"pin": "'***'"}]  # Sentry shows what is that deep by its repr
    assert crumb["data"]["payload"] == SHOWN | {"inner": inner}
    assert_safe(sent)


def test_sentry_has_the_exception_of_an_operation(sentry):
    with pytest.raises(LookupError), log_operation("create_order", GIVEN):
        raise LookupError("no stock")
    (sent,) = sentry
    assert sent["logentry"]["message"] == "create_order_error"
    assert sent["exception"]["values"][-1]["type"] == "LookupError"
    payload = sent["extra"]["payload"]
    assert payload.pop("duration_ms") >= 0
    assert payload == SHOWN
    assert_safe(sent["extra"])


def test_opentelemetry(logs: Logs, attach):
    exporter = InMemoryLogRecordExporter()
    provider = LoggerProvider()
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    with pytest.warns(DeprecationWarning, match="LoggingHandler"):
        attach(LoggingHandler(logger_provider=provider))
    speak()
    (exported,) = exporter.get_finished_logs()
    record = exported.log_record
    attributes = json.loads(exported.to_json())["attributes"]
    assert (record.body, record.severity_text) == (EVENT, "ERROR")
    assert (attributes["event"], attributes["payload"]) == (EVENT, SHOWN)
    assert_safe([exported.to_json(), dict(record.attributes)])
    assert logs.only()["payload"] == SHOWN
    provider.shutdown()


@pytest.fixture
def queued():
    """Put a queue in front of our handlers; return what waits until it is empty."""
    logger = logging.getLogger(NAMESPACE)
    ours = logger.handlers[:]
    waiting: queue.SimpleQueue[logging.LogRecord] = queue.SimpleQueue()
    listener = QueueListener(waiting, *ours, respect_handler_level=True)
    logger.handlers[:] = [QueueHandler(waiting)]
    listener.start()
    try:
        yield listener.stop
    finally:
        logger.handlers[:] = ours


def test_a_queue(logs: Logs, queued):
    bind_request_id("of-this-request")
    speak()
    queued()
    line = logs.only()
    assert (line["event"], line["payload"]) == (EVENT, SHOWN)
    assert (line["level"], line["request_id"]) == ("ERROR", "of-this-request")
    assert "message" not in line
    assert logs.lines("errors") == [line]
    assert_safe(line["payload"])


def test_a_queue_keeps_the_exception_and_the_plain_message(logs: Logs, queued):
    with pytest.raises(LookupError), log_operation("create_order"):
        raise LookupError("no stock")
    logging.getLogger(NAMESPACE).warning("%d left of %s", 2, "them", extra={"color": "red"})
    queued()
    start, error, plain = logs.lines()
    assert (start["event"], error["event"]) == ("create_order_start", "create_order_error")
    assert (error["exception"]["type"], error["exception"]["message"]) == (
        "LookupError",
        "no stock",
    )
    assert "test_handlers_of_others" in error["exception"]["stacktrace"]
    assert "message" not in error
    assert (plain["event"], plain["message"]) == ("log_message", "2 left of them")
    assert plain["payload"] == {"color": "red"}
