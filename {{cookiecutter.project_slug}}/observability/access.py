"""`request_finished`, once per request, and the middleware that binds the request's context."""

import sys
from asyncio import CancelledError
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from .context import REQUEST_ID_HEADER, RequestContext, begin_request, bound, client_ip
from .events import log_event
from .settings import setting

# The client left before there was a response: nginx's code, which no RFC has.
CLIENT_CLOSED_REQUEST = 499
# Where a server's wrapper leaves the context for the middleware, in environ or scope.
CONTEXT_KEY = "observability.context"


class RequestMiddleware:
    """Binds each request's context, returns its id in X-Request-ID, and logs its end.

    It must be the first middleware, so that every line of a request has its id. It is sync or
    async, as the next one is.
    https://docs.djangoproject.com/en/stable/topics/http/middleware/#asynchronous-support
    """

    sync_capable = True
    async_capable = True

    def __init__(
        self, get_response: Callable[[HttpRequest], HttpResponseBase | Awaitable[HttpResponseBase]]
    ) -> None:
        self.get_response: Callable[[HttpRequest], Any] = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        """Answer a request."""
        if self.is_async:
            return self._answer(request)
        with _observed(request) as context:
            return _ending(context, self.get_response(request))

    async def _answer(self, request: HttpRequest) -> HttpResponseBase:
        with _observed(request) as context:
            return _ending(context, await self.get_response(request))


@contextmanager
def _observed(request: HttpRequest) -> Iterator[RequestContext]:
    """Bind the context of a request, and log the end of one that gets no response."""
    carrier = getattr(request, "scope", request.META)
    context: RequestContext = carrier.get(CONTEXT_KEY) or begin_request(request.META)
    context.request = request
    request.request_id = context.request_id  # type: ignore[attr-defined]  # as django-request-id
    try:
        yield context
    except BaseException:  # only cancellation and the end of the process get here
        log_end(context)
        raise


def _ending(context: RequestContext, response: HttpResponseBase) -> HttpResponseBase:
    """Log when the server closes the response: after its last byte, or when the client left.

    https://docs.djangoproject.com/en/stable/ref/request-response/#django.http.HttpResponse.close
    """
    context.response, context.status = response, response.status_code
    response[REQUEST_ID_HEADER] = context.request_id
    close = response.close

    def log_and_close() -> None:
        response.__dict__.pop("close", None)  # or the response would hold itself
        try:
            log_end(context)
        finally:
            close()

    response.close = log_and_close  # type: ignore[method-assign]
    return response


def log_end(context: RequestContext) -> None:
    """Log the end of a request, unless it has been logged."""
    if not context.finished:
        context.finished = True
        with bound(context):  # under ASGI a response is closed outside the request's context
            _log_end(context)


def _log_end(context: RequestContext) -> None:
    request, meta = context.request, context.META
    match = request.resolver_match if request else None
    payload: dict[str, Any] = {
        "method": meta.get("REQUEST_METHOD"),
        "path": request.path if request else meta.get("PATH_INFO", ""),
        "route": match.route if match else None,
        "status": context.status or _status_without_response(),
        "duration_ms": round((perf_counter() - context.started) * 1000, 3),
        "db_queries": context.queries,
        "db_ms": round(context.db_seconds * 1000, 3),
        "ip": client_ip(context),
    }
    # The line that reports a failure itself is the ERROR.
    level = "WARNING" if payload["status"] >= 400 else "INFO"
    if level == "INFO" and meta.get("PATH_INFO", "").startswith(_quiet_paths()):
        level = "DEBUG"
    log_event("request_finished", payload, level)
    if payload["duration_ms"] > setting("SLOW_REQUEST_MS"):
        log_event("slow_request", payload, "WARNING")
    if context.queries > setting("MAX_QUERIES_PER_REQUEST"):
        (statement, times), *_ = context.statements.most_common(1)
        facts = {"db_queries": context.queries, "most_repeated": statement, "times": times}
        log_event("many_queries", facts, "WARNING")


def _status_without_response() -> int:
    error = sys.exc_info()[1]
    return 500 if error and not isinstance(error, CancelledError) else CLIENT_CLOSED_REQUEST


def _quiet_paths() -> tuple[str, ...]:
    """Return the paths of probes and static files, not worth a line each when answered well."""
    return ("/health/", settings.STATIC_URL) if settings.STATIC_URL else ("/health/",)
