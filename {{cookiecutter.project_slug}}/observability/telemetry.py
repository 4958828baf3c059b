"""Traces and metrics by OpenTelemetry, told where the log lines of a request are told.

A watcher, configured by the standard variables alone; the exporters start with the server.
https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
"""

import logging
import os
from collections import Counter
from contextlib import suppress
from functools import partial
from threading import Lock, RLock
from typing import Any

from django.utils.module_loading import import_string
from opentelemetry import metrics, propagate, trace
from opentelemetry.context import Context, attach
from opentelemetry.exporter.otlp.proto.http import metric_exporter, trace_exporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider, export

from . import context
from .access import request_ended
from .line import formatter, handlers
from .servers import service_started, service_stopped
from .settings import setting

# https://opentelemetry.io/docs/specs/semconv/http/http-metrics/#metric-httpserverrequestduration
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
_METHOD = "http.request.method"
_METHODS = {"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE", "QUERY"}

_starting, _counting = Lock(), RLock()
_tracer, _meter = trace.get_tracer("observability"), metrics.get_meter("observability")
_histogram = partial(_meter.create_histogram, explicit_bucket_boundaries_advisory=_SECONDS)
_requests = _histogram("http.server.request.duration", "s")
_database = _histogram("observability.request.database.duration", "s")
_tasks = _histogram("observability.task.duration", "s")
# By their attributes. OpenTelemetry's own counters would cost more than the line that is counted.
_active, _records = Counter[Any](), Counter[Any]()


def connect() -> None:
    """Trace requests, tasks and queries; count records."""
    context.span_ids = _span_ids
    service_started.connect(_start)
    service_stopped.connect(_stop)
    context.request_began.connect(_began)
    request_ended.connect(_ended)
    active, records = [partial(_observations, _active)], [partial(_observations, _records)]
    dropped = [lambda _options: [metrics.Observation(handlers.DropCounting.dropped_in_total)]]
    _meter.create_observable_up_down_counter("http.server.active_requests", active, "{request}")
    _meter.create_observable_counter("observability.records", records, "{record}")
    _meter.create_observable_counter("observability.records.dropped", dropped, "{record}")
    counter = _RecordCounter()
    counter.setFormatter(formatter.JSONLineFormatter())
    for logger in (logging.getLogger(), logging.getLogger(setting("LOG_NAMESPACE"))):
        logger.addHandler(counter)
    for database in ("psycopg.Psycopg", "sqlite3.SQLite3"):
        with suppress(ImportError):  # only one of them is installed
            import_string(f"opentelemetry.instrumentation.{database}Instrumentor")().instrument()


class _RecordCounter(logging.Handler):
    """Counts records by their level."""

    takes_events = True

    def emit(self, record: Any) -> None:
        _count(_records, {"level": logging.getLevelName(record.levelno)})


class _SpanExporter(trace_exporter.OTLPSpanExporter):
    """Sends a part of a batch at once: requests wait while many spans are encoded."""

    def export(self, spans: Any) -> Any:
        parts = (spans[first : first + 64] for first in range(0, len(spans), 64))
        # After a failure the rest of the batch is dropped.
        return export.SpanExportResult(any(result.value for result in map(super().export, parts)))


def _count(counts: Counter[Any], attributes: dict[str, str], number: int = 1) -> None:
    with _counting:
        counts[tuple(attributes.items())] += number


def _observations(counts: Counter[Any], _options: Any) -> list[metrics.Observation]:
    return [metrics.Observation(number, dict(key)) for key, number in [*counts.items()]]


def _start(**_signal: Any) -> None:
    """Start the exporters, in each process that serves, once."""
    with _starting:
        if isinstance(trace.get_tracer_provider(), TracerProvider):
            return
        # One that does not answer must not hold up the end of a process.
        os.environ.setdefault("OTEL_EXPORTER_OTLP_TIMEOUT", "3")
        service = setting("LOG_SERVICE") or setting("LOG_NAMESPACE")
        own = Resource({"service.name": service, "service.version": setting("LOG_VERSION")})
        resource = Resource.create(dict(own.merge(OTELResourceDetector().detect()).attributes))
        provider = TracerProvider(resource=resource)
        provider.add_span_processor(export.BatchSpanProcessor(_SpanExporter()))
        trace.set_tracer_provider(provider)
        _records.clear()  # those of a process that this one was forked from
        reader = PeriodicExportingMetricReader(metric_exporter.OTLPMetricExporter())
        metrics.set_meter_provider(MeterProvider([reader], resource))


def _stop(**_signal: Any) -> None:
    """Send what is not sent yet; a process that is no server does so when it ends."""
    if isinstance(provider := trace.get_tracer_provider(), TracerProvider):
        provider.shutdown()
        metrics.get_meter_provider().shutdown()  # type: ignore[attr-defined]


def _span_ids() -> dict[str, str]:
    """Return the ids of the current span, if there is one."""
    span = trace.get_current_span().get_span_context()
    ids = {"trace_id": f"{span.trace_id:032x}", "span_id": f"{span.span_id:016x}"}
    return ids if span.is_valid else {}


def _began(sender: context.RequestContext, **_signal: Any) -> None:
    """Start the span of a request or a task; nothing that an earlier one has left is its parent."""
    _start()  # a worker of tasks is no server
    sent = {n: sender.META.get(f"HTTP_{n.upper()}", "") for n in ("traceparent", "tracestate")}
    parent, labels = propagate.extract(sent, Context()), _labels(sender)
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
        _database.record(payload["db_ms"] / 1000, labels)
        sender.span.set_attribute("url.path", payload["path"])
    if outcome == "task_failed" or "error.type" in labels:
        sender.span.set_status(trace.StatusCode.ERROR)
    sender.span.set_attributes(labels)
    sender.span.end()
    attach(trace.set_span_in_context(sender.outer.span, Context()) if sender.outer else Context())


def _labels(sender: context.RequestContext) -> dict[str, Any]:
    if sender.task:
        return {"task": sender.task}
    method = sender.META.get("REQUEST_METHOD", "")
    labels = {_METHOD: method if method in _METHODS else "_OTHER"}
    return labels | {"url.scheme": sender.META.get("wsgi.url_scheme", "http")}
