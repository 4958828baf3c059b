"""The context of a line: the request being served, its id and its user.

django-request-id keeps its id by thread, which under ASGI loses it or keeps a stale one. Here it
is kept in a context variable, and the package's own getter, filter and template tag read that.
"""

import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import lru_cache
from ipaddress import ip_address
from time import perf_counter
from typing import Any

import request_id as django_request_id
from django.dispatch import Signal
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from .settings import setting

REQUEST_ID_HEADER = "X-Request-ID"
# What a client may send: no control, quote, space or path character, no endless text.
_WELL_FORMED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{7,127}")
# https://www.w3.org/TR/trace-context/#traceparent-header
_TRACEPARENT = re.compile(
    r"(?!ff)(?!00.{54})[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?"
)

# A request or a task has begun: the sender is its context.
request_began = Signal()
# Returns the ids of the span that is current, where telemetry has set it.
span_ids: Callable[[], dict[str, str]] | None = None


class RequestContext:
    """What is known of one request while it is served; outside one, an id that was bound."""

    task = ""  # the name, of a task
    outer: "RequestContext | None" = None  # that a task is a part of

    def __init__(self, request_id: str, meta: Mapping[str, Any]) -> None:
        self.request_id = request_id
        self.META = meta  # as a request has it
        traced = _TRACEPARENT.fullmatch(meta.get("HTTP_TRACEPARENT", ""))
        # Beside those of the request: ids that stand on each of its lines. Lines share the
        # dictionary, so it is replaced and not changed.
        self.ids: dict[str, Any] = {"trace_id": traced[1]} if traced else {}
        self.span: Any = None  # telemetry's
        self.request: HttpRequest | None = None
        self.response: HttpResponseBase | None = None
        self.started = perf_counter()
        self.status = 0  # of the response, once it is known
        self.finished = False
        self.queries = 0
        self.db_seconds = 0.0
        self.statements: Counter[str] = Counter()
        self._reported: dict[int, tuple[BaseException, int]] = {}

    def has_reported(self, error: BaseException, level: int) -> bool:
        """Say whether this exception was logged with its traceback, at this level or above."""
        return self._reported.get(id(error), (None, -1))[1] >= level

    def report(self, error: BaseException, level: int) -> None:
        """Remember that an exception is logged with its traceback."""
        self._reported[id(error)] = (error, level)


_current: ContextVar[RequestContext | None] = ContextVar("request_context", default=None)
# Returns what is known of the request being served, or None outside one.
current_request = _current.get
# Makes a request, or none, the current one of this thread or asyncio task.
make_current = _current.set


class _ContextLocal:
    """Has the attributes of django-request-id's `local`, over the context variable."""

    request_id = property(lambda _self: current_request_id(), lambda _self, it: bind_request_id(it))

    def __release_local__(self) -> None:
        _current.set(None)


# Set before the package's own modules import the name.
django_request_id.local = _ContextLocal()


def accepted_id(sent: str) -> str:
    """Return the id that was sent if it is well-formed, and a new one otherwise."""
    return sent if _WELL_FORMED.fullmatch(sent) else django_request_id.generate_request_id()


def begin_request(meta: Mapping[str, Any]) -> RequestContext:
    """Make a request the current one, whatever a reused thread or connection left behind.

    A well-formed X-Request-ID is kept, anything else is replaced by a new id.
    """
    context = RequestContext(accepted_id(meta.get("HTTP_X_REQUEST_ID", "")), meta)
    _current.set(context)
    request_began.send(context)
    return context


def end_request(**_signal: Any) -> None:
    """Forget the current request: a receiver of Django's `request_finished`.

    An exception in flight takes the request with it: the server reports it after this.
    """
    if error := sys.exc_info()[1]:
        with suppress(Exception):  # a class may refuse attributes
            error._request_context = _current.get()  # type: ignore[attr-defined]
    _current.set(None)


def context_of(error: BaseException | None) -> RequestContext | None:
    """Return the current request, or the one that an exception has left."""
    return _current.get() or getattr(error, "_request_context", None)


@contextmanager
def bound(context: RequestContext | None) -> Iterator[None]:
    """Make a request, or none, the current one while the block runs."""
    before = _current.get()
    _current.set(context)
    try:
        yield
    finally:
        _current.set(before)


def bind_request_id(value: str | None) -> None:
    """Make `value` the current id where no request is served; None ends it."""
    _current.set(RequestContext(value, {}) if value else None)


def current_request_id() -> str | None:
    """Return the id of the request being served, or None outside one."""
    return getattr(_current.get(), "request_id", None)


def ids_of(context: RequestContext | None) -> dict[str, Any]:
    """Return the other ids of a line: those of the user, the task and the trace, if known.

    The lazy user is never read: that would load the session, and add `Vary: Cookie`.
    """
    ids = context.ids if context else {}
    ids = ids | span_ids() if span_ids else ids
    if not (context and context.request) or (user := vars(context.request).get("user")) is None:
        return ids
    with suppress(Exception):  # a user can be any object that an authentication class returned
        user = getattr(user, "__dict__", {}).get("_wrapped", user)
        # What a lazy user holds until it is read is an object of no class.
        if type(user) is not object and user.is_authenticated:
            return {"user_id": user.pk if isinstance(user.pk, int) else str(user.pk)} | ids
    return ids


def client_ip(request: HttpRequest | RequestContext) -> str | None:
    """Return the client's address, or None where there is none, as on a Unix socket.

    Behind TRUSTED_PROXIES proxies it is the entry of X-Forwarded-For that the outermost of them
    wrote, counted from the right; the client may have written what stands before it. With no
    proxy the header is not read.
    """
    nearest = _address(request.META.get("REMOTE_ADDR", ""))
    if (proxies := setting("TRUSTED_PROXIES")) < 1:
        return nearest
    hops = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
    return _address(hops[-proxies:][0]) or nearest


@lru_cache(maxsize=1_000)
def _address(text: str) -> str | None:
    """Return an address in its one usual form: without port or zone, IPv4 as IPv4."""
    host = text.strip()
    if host.startswith("["):
        host = host[1:].partition("]")[0]
    elif host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return None
    return str(getattr(address, "ipv4_mapped", None) or address)
