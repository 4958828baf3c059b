"""`request_finished`, once per request, from the outermost place inside the request id."""

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import Context, copy_context
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from ..logging_helper import log_event
from .client import client_ip
from .serving import Serving, begin_serving

# The client went away before there was a response: nginx's code, which no RFC has.
CLIENT_CLOSED_REQUEST = 499


class AccessMiddleware:
    """Logs the end of every request, which for a streamed body is the end of the stream.

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
        if self.is_async:
            return self._respond(request)
        serving = begin_serving(request)
        return _log_at_close(self.get_response(request), serving)

    async def _respond(self, request: HttpRequest) -> HttpResponseBase:
        serving = begin_serving(request)
        try:
            response: HttpResponseBase = await self.get_response(request)
        except asyncio.CancelledError:
            _log(serving, CLIENT_CLOSED_REQUEST)
            raise
        return _log_at_close(response, serving)


def _log_at_close(response: HttpResponseBase, serving: Serving) -> HttpResponseBase:
    """Log when the server closes the response: after the last byte, or when the client left.

    https://docs.djangoproject.com/en/stable/ref/request-response/#django.http.HttpResponse.close
    """
    close = response.close
    # Under ASGI the response is closed outside the request's context, where no id is bound.
    waiting: list[Context] = [copy_context()]

    def log_and_close() -> None:
        try:
            if waiting:
                waiting.pop().run(_log, serving, response.status_code)
        finally:
            close()

    response.close = log_and_close  # type: ignore[method-assign]
    return response


def _log(serving: Serving, status: int) -> None:
    request = serving.request
    duration_ms = serving.milliseconds()
    match = request.resolver_match
    payload = {
        "method": request.method,
        "path": request.path,
        "route": match.route if match else None,
        "status": status,
        "duration_ms": duration_ms,
        "db_queries": serving.queries,
        "db_ms": round(serving.db_seconds * 1000, 3),
        "ip": client_ip(request),
    }
    log_event("request_finished", payload, _level(request.path, status))
    if duration_ms > settings.SLOW_REQUEST_MS:
        log_event("slow_request", payload, "WARNING")
    if serving.queries > settings.MAX_QUERIES_PER_REQUEST:
        (statement, times), *_ = serving.statements.most_common(1)
        log_event(
            "many_queries",
            {"db_queries": serving.queries, "most_repeated": statement[:500], "times": times},
            "WARNING",
        )


def _level(path: str, status: int) -> str:
    if status >= 500:
        return "ERROR"
    if status >= 400:
        return "WARNING"
    return "DEBUG" if path.startswith("/health/") else "INFO"
