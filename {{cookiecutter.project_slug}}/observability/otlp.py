"""Sends spans and metrics by OTLP over HTTP, from the start of a process that serves to its end.

The standard variables alone configure it.
https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
"""

import os
from threading import Lock
from time import monotonic
from typing import Any

from opentelemetry import metrics, trace
from opentelemetry.exporter.otlp.proto.http import metric_exporter, trace_exporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, SynchronousMultiSpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExportResult

from .servers import service_stopped
from .settings import setting

_PAUSE = 30  # seconds without a try, after one has failed
_starting = Lock()
# Takes the spans that have ended.
spans = SynchronousMultiSpanProcessor()  # type: ignore[no-untyped-call]


class _SpanExporter(trace_exporter.OTLPSpanExporter):
    """Drops spans for a while after a failure: requests would wait while it tries in vain."""

    resumes = float("-inf")

    def export(self, batch: Any) -> Any:
        if is_paused():
            return SpanExportResult.FAILURE
        result = super().export(batch)
        if result is SpanExportResult.FAILURE:
            _SpanExporter.resumes = monotonic() + _PAUSE
        return result


class _Batches(BatchSpanProcessor):
    """Takes no spans in a pause: a batch of them would wake the exporter in vain."""

    def on_end(self, span: ReadableSpan) -> None:
        if not is_paused():
            super().on_end(span)


def is_paused() -> bool:
    """Say whether spans are dropped, because a batch of them could not be sent."""
    return monotonic() < _SpanExporter.resumes


def start() -> bool:
    """Start the exporters in this process, once; say whether this call did."""
    with _starting:
        if isinstance(trace.get_tracer_provider(), TracerProvider):
            return False
        # One that does not answer must not hold up the end of a process.
        os.environ.setdefault("OTEL_EXPORTER_OTLP_TIMEOUT", "3")
        # Requests wait while many spans are encoded.
        os.environ.setdefault("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "64")
        # A histogram with exemplars costs half as much again.
        os.environ.setdefault("OTEL_METRICS_EXEMPLAR_FILTER", "always_off")
        service = setting("LOG_SERVICE") or setting("LOG_NAMESPACE")
        own = Resource({"service.name": service, "service.version": setting("LOG_VERSION")})
        resource = Resource.create(dict(own.merge(OTELResourceDetector().detect()).attributes))
        spans.add_span_processor(_Batches(_SpanExporter()))
        trace.set_tracer_provider(TracerProvider(None, resource, active_span_processor=spans))
        reader = PeriodicExportingMetricReader(metric_exporter.OTLPMetricExporter())
        metrics.set_meter_provider(MeterProvider([reader], resource))
        service_stopped.connect(_stop)
        return True


def _stop(**_signal: Any) -> None:
    """Send what is not sent yet; a process that is no server does so when it ends."""
    providers: list[Any] = [trace.get_tracer_provider(), metrics.get_meter_provider()]
    for provider in providers:
        provider.shutdown()
