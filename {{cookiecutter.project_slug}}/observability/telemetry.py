"""Traces and metrics by OpenTelemetry: a watcher that tells them where log lines are told."""

import logging
from collections import defaultdict
from functools import partial
from threading import RLock
from time import time_ns
from typing import Any

from opentelemetry import metrics, propagate, trace
from opentelemetry.context import Context, attach
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

from . import context, otlp
from .access import request_ended
from .line import formatter, handlers
from .queries import query_ended
from .servers import service_started
from .settings import setting

# https://opentelemetry.io/docs/specs/semconv/http/http-metrics/#metric-httpserverrequestduration
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
_METHOD = "http.request.method"
_METHODS = {"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE", "QUERY"}

_counting = RLock()
_tracer, _meter = trace.get_tracer("observability"), metrics.get_meter("observability")
_histogram = partial(_meter.create_histogram, explicit_bucket_boundaries_advisory=_SECONDS)
_requests = _histogram("http.server.request.duration", "s")
_tasks = _histogram("observability.task.duration", "s")
_Counts = defaultdict[Any, float]
# By their attributes. OpenTelemetry's own counters would cost more than the line that is counted.
_active, _database, _records = _Counts(int), _Counts(int), _Counts(int)
_span_id = RandomIdGenerator().generate_span_id
_FAILED, _UNSET = trace.Status(trace.StatusCode.ERROR), trace.Status()


def connect() -> None:
    """Trace requests, tasks and queries; count records."""
    context.span_ids = _span_ids
    service_started.connect(_start)
    context.request_began.connect(_began)
    request_ended.connect(_ended)
    query_ended.connect(_queried)
    add, add_and_take = _meter.create_observable_counter, _meter.create_observable_up_down_counter
    add_and_take("http.server.active_requests", [partial(_observations, _active)], "{request}")
    add("observability.request.database.time", [partial(_observations, _database)], "s")
    add("observability.records", [partial(_observations, _records)], "{record}")
    dropped = [lambda _options: [metrics.Observation(handlers.DropCounting.dropped_in_total)]]
    add("observability.records.dropped", dropped, "{record}")
    counter = _RecordCounter()
    counter.setFormatter(formatter.JSONLineFormatter())
    for logger in (logging.getLogger(), logging.getLogger(setting("LOG_NAMESPACE"))):
        logger.addHandler(counter)


class _RecordCounter(logging.Handler):
    """Counts records by their level."""

    takes_events = True

    def emit(self, record: Any) -> None:
        _count(_records, {"level": logging.getLevelName(record.levelno)})


def _count(counts: _Counts, attributes: dict[str, str], number: float = 1) -> None:
    with _counting:
        counts[tuple(attributes.items())] += number


def _observations(counts: _Counts, _options: Any) -> list[metrics.Observation]:
    return [metrics.Observation(number, dict(key)) for key, number in [*counts.items()]]


def _start(**_signal: Any) -> None:
    """Start the exporters, with nothing of a process that this one was forked from."""
    if otlp.start():
        _records.clear()


def _span_ids() -> dict[str, str]:
    """Return the ids of the current span, if there is one."""
    span = trace.get_current_span().get_span_context()
    ids = {"trace_id": f"{span.trace_id:032x}", "span_id": f"{span.span_id:016x}"}
    return ids if span.is_valid else {}


def _began(sender: context.RequestContext, **_signal: Any) -> None:
    """Start the span of a request or a task; nothing that an earlier one has left is its parent."""
    _start()  # a worker of tasks is no server
    sent = {n: sender.META.get(f"HTTP_{n.upper()}", "") for n in ("traceparent", "tracestate")}
    parent = propagate.extract(sent, Context()) if sent["traceparent"] else Context()
    labels = _labels(sender)
    kind = trace.SpanKind.CONSUMER if sender.task else trace.SpanKind.SERVER
    sender.span = _tracer.start_span(sender.task or labels[_METHOD], parent, kind, labels)
    if not sender.task:
        _count(_active, labels)
    attach(trace.set_span_in_context(sender.span, parent))
    sender.ids = sender.ids | _span_ids()


def _ended(sender: context.RequestContext, payload: dict[str, Any], **_signal: Any) -> None:
    """End the span, and count the request or task, by the facts of the line of its end."""
    labels, seconds = _labels(sender), payload["duration_ms"] / 1000
    if sender.task:
        labels["outcome"] = outcome = payload["outcome"]
        _tasks.record(seconds, labels)
    else:
        _count(_active, labels, -1)
        labels["http.response.status_code"] = outcome = payload["status"]
        if payload["route"]:
            labels["http.route"] = payload["route"]
            sender.span.update_name(f"{labels[_METHOD]} {payload['route']}")
        if outcome >= 500:
            labels["error.type"] = str(outcome)
        _requests.record(seconds, labels)
        _count(_database, labels, payload["db_ms"] / 1000)
        sender.span.set_attribute("url.path", payload["path"])
    if outcome == "task_failed" or "error.type" in labels:
        sender.span.set_status(_FAILED)
    sender.span.set_attributes(labels)
    sender.span.end()
    attach(trace.set_span_in_context(sender.outer.span, Context()) if sender.outer else Context())


def _queried(sender: Any, sql: str, seconds: float, error: Any, **_signal: Any) -> None:
    """Tell of a query inside a span; of an error its class, since its text may hold a value.

    https://opentelemetry.io/docs/specs/semconv/db/database-spans/
    """
    parent: Any = trace.get_current_span()
    if not parent.is_recording() or otlp.is_paused():
        return
    ended, outer = time_ns(), parent.get_span_context()
    facts = {"db.system.name": sender.vendor, "db.query.text": sql}
    if error:
        facts["error.type"] = error.__name__
    # One of the tracer's own would cost a request five times as much.
    span = ReadableSpan(
        name=sql.partition(" ")[0],
        context=trace.SpanContext(outer.trace_id, _span_id(), False, outer.trace_flags),
        parent=outer,
        kind=trace.SpanKind.CLIENT,
        attributes=facts,
        status=_FAILED if error else _UNSET,
        start_time=ended - int(seconds * 1e9),
        end_time=ended,
        resource=parent.resource,
        instrumentation_scope=parent.instrumentation_scope,
    )
    otlp.spans.on_end(span)


def _labels(sender: context.RequestContext) -> dict[str, Any]:
    if sender.task:
        return {"task": sender.task}
    method = sender.META.get("REQUEST_METHOD", "")
    labels = {_METHOD: method if method in _METHODS else "_OTHER"}
    return labels | {"url.scheme": sender.META.get("wsgi.url_scheme", "http")}
