"""`request_finished`, once per request, and the middleware that binds the request's context."""

import sys
from asyncio import CancelledError
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.conf import settings
from django.dispatch import Signal
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from .context import REQUEST_ID_HEADER, RequestContext, begin_request, bound, client_ip
from .events import log_event
from .settings import setting

View = Callable[[HttpRequest], Any]

# The client left before there was a response: nginx's code, which no RFC has.
CLIENT_CLOSED_REQUEST = 499
# A request or a task has ended: the sender is its context, `payload` that of its line.
request_ended = Signal()
# Where a server's wrapper leaves the context for the middleware, in environ or scope.
CONTEXT_KEY = "observability.context"


@sync_and_async_middleware
def RequestMiddleware(get_response: View) -> View:  # noqa: N802 - named as middlewares are
    """Bind each request's context, return its id in X-Request-ID, and log its end.

    It must be the first middleware, so that every line of a request has its id. It is sync or
    async, as the next one is.
    https://docs.djangoproject.com/en/stable/topics/http/middleware/#asynchronous-support
    """

    def answer(request: HttpRequest) -> HttpResponseBase:
        with _observed(request) as context:
            return _ending(context, get_response(request))

    async def answer_async(request: HttpRequest) -> HttpResponseBase:
        with _observed(request) as context:
            return _ending(context, await get_response(request))

    return answer_async if iscoroutinefunction(get_response) else answer


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
    if context.finished:
        return
    context.finished = True
    request, meta = context.request, context.META
    match = request.resolver_match if request else None
    error = sys.exc_info()[1]
    is_crash = error and not isinstance(error, CancelledError)
    payload: dict[str, Any] = {
        "method": meta.get("REQUEST_METHOD"),
        "path": request.path if request else meta.get("PATH_INFO", ""),
        "route": match.route if match else None,
        "status": context.status or (500 if is_crash else CLIENT_CLOSED_REQUEST),
        "duration_ms": round((perf_counter() - context.started) * 1000, 3),
        "db_queries": context.queries,
        "db_ms": round(context.db_seconds * 1000, 3),
        "ip": client_ip(context),
    }
    # The line that reports a failure itself is the ERROR.
    level = "WARNING" if payload["status"] >= 400 else "INFO"
    # Probes and static files are not worth a line each when they are answered well.
    quiet = ("/health/", settings.STATIC_URL or "/health/")
    if level == "INFO" and meta.get("PATH_INFO", "").startswith(quiet):
        level = "DEBUG"
    with bound(context):  # under ASGI a response is closed outside the request's context
        log_event("request_finished", payload, level)
        if payload["duration_ms"] > setting("SLOW_REQUEST_MS"):
            log_event("slow_request", payload, "WARNING")
        if context.queries > setting("MAX_QUERIES_PER_REQUEST"):
            (statement, times), *_ = context.statements.most_common(1)
            facts = {"db_queries": context.queries, "most_repeated": statement, "times": times}
            log_event("many_queries", facts, "WARNING")
        request_ended.send_robust(context, payload=payload)
