"""`request_finished`, once per request, from the outermost place inside the request id."""

import asyncio
from contextvars import copy_context

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from ..logging_helper import log_event
from .client import client_ip
from .middleware import DualMiddleware
from .request_id import bind_request_id
from .serving import Serving, begin_serving

# The client went away before there was a response: nginx's code, which no RFC has.
CLIENT_CLOSED_REQUEST = 499

ENDS = "observability.ends"  # where the ends of a request stand in its ASGI scope


class AccessMiddleware(DualMiddleware):
    """Logs the end of every request, which for a streamed body is the end of the stream."""

    def respond(self, request: HttpRequest) -> HttpResponseBase:
        """Answer, and see to it that the end is logged."""
        end = End(request)
        try:
            return end.at_close_of(self.get_response(request))
        except BaseException as error:
            end.log_without_response(error)
            raise

    async def respond_async(self, request: HttpRequest) -> HttpResponseBase:
        """Do the same."""
        end = End(request)
        try:
            return end.at_close_of(await self.get_response(request))
        except BaseException as error:
            end.log_without_response(error)
            raise


class End:
    """The end of one request, logged once: by whoever comes to it first."""

    def __init__(self, request: HttpRequest) -> None:
        self._serving = begin_serving(request)
        self._status = CLIENT_CLOSED_REQUEST
        # A response is closed outside the request's context under ASGI, where no id is bound.
        self._waiting = [copy_context()]
        getattr(request, "scope", {}).get(ENDS, []).append(self)

    def at_close_of(self, response: HttpResponseBase) -> HttpResponseBase:
        """Log when the server closes the response: after the last byte, or the client left.

        https://docs.djangoproject.com/en/stable/ref/request-response/#django.http.HttpResponse.close
        """
        self._status = response.status_code
        close = response.close

        def log_and_close() -> None:
            response.__dict__.pop("close", None)  # or the response would hold itself
            try:
                self.log()
            finally:
                close()

        response.close = log_and_close  # type: ignore[method-assign]
        return response

    def log_without_response(self, error: BaseException) -> None:
        """Log that there was none: Django answers every exception that is no such end as these."""
        if not isinstance(error, asyncio.CancelledError):
            self._status = 500
        self.log()

    def log(self) -> None:
        """Log, unless it is done."""
        if self._waiting:
            self._waiting.pop().run(_log, self._serving, self._status)

    def bind(self) -> None:
        """Bind the request's id here too, for what the server has to say."""
        bind_request_id(self._serving.request.request_id)  # type: ignore[attr-defined]


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
    log_event("request_finished", payload, _level(request.path_info, status))
    if duration_ms > settings.SLOW_REQUEST_MS:
        log_event("slow_request", payload, "WARNING")
    if serving.queries > settings.MAX_QUERIES_PER_REQUEST:
        (statement, times), *_ = serving.statements.most_common(1)
        log_event(
            "many_queries",
            {"db_queries": serving.queries, "most_repeated": statement, "times": times},
            "WARNING",
        )


def _level(path: str, status: int) -> str:
    if status >= 500:
        return "ERROR"
    if status >= 400:
        return "WARNING"
    # Probes and static files, when all is well, are not worth a line each.
    return "DEBUG" if path.startswith(("/health/", settings.STATIC_URL)) else "INFO"
