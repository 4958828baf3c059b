"""The request id: django-request-id over a context variable, and the first middleware."""

import re
from contextvars import ContextVar

import request_id as django_request_id
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from .middleware import DualMiddleware

HEADER = "X-Request-ID"
_META_KEY = "HTTP_X_REQUEST_ID"  # of the same in WSGI, and in Django's ASGI
# What a client may send: no control, quote, space or path character, no endless text.
_WELL_FORMED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{7,127}")

_current: ContextVar[str | None] = ContextVar("request_id", default=None)


class _ContextLocal:
    """The protocol of django-request-id's `local`, right for threads, tasks and streams alike.

    The package keys its own by thread, which under ASGI loses the id or keeps a stale one.
    """

    @property
    def request_id(self) -> str | None:
        return _current.get()

    @request_id.setter
    def request_id(self, value: str | None) -> None:
        _current.set(value)

    def __release_local__(self) -> None:
        _current.set(None)


# Replaced before the package's own modules bind the name: its getter, its logging filter and
# its template tag are right from here on.
django_request_id.local = _ContextLocal()


def current_request_id() -> str | None:
    """Return the id of the request being served, or None outside one."""
    return _current.get()


def bind_request_id(value: str | None) -> None:
    """Make `value` the current id in this context; None ends the request."""
    _current.set(value)


class RequestIDMiddleware(DualMiddleware):
    """Bind the id of every request, and return it in the response.

    A well-formed X-Request-ID is taken over, anything else is replaced. Must be the first
    middleware, so that every line of a request has its id.
    """

    def respond(self, request: HttpRequest) -> HttpResponseBase:
        """Answer with the id in the header."""
        request_id = _start(request)
        response: HttpResponseBase = self.get_response(request)
        response[HEADER] = request_id
        return response

    async def respond_async(self, request: HttpRequest) -> HttpResponseBase:
        """Do the same."""
        request_id = _start(request)
        response: HttpResponseBase = await self.get_response(request)
        response[HEADER] = request_id
        return response


def _start(request: HttpRequest) -> str:
    """Bind this request's id, always overwriting what a reused thread or connection left."""
    sent: str = request.META.get(_META_KEY, "")  # request.headers would parse them all
    request_id = sent if _WELL_FORMED.fullmatch(sent) else django_request_id.generate_request_id()
    request.request_id = request_id  # type: ignore[attr-defined]  # django-request-id's attribute
    _current.set(request_id)
    return request_id
