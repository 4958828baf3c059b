"""The outermost wrappers of the application, one for each server interface.

A request has its id from the moment the server hands it over until the server has its answer,
and exactly one `request_finished`, also where Django refuses it before its first middleware.
"""

import atexit
import os
import re
import signal
import sys
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from http import HTTPStatus
from itertools import chain, islice
from typing import Any

from django.dispatch import Signal

from .access import CONTEXT_KEY, log_end
from .checks import wrong_values
from .context import REQUEST_ID_HEADER, RequestContext, begin_request, bound, end_request
from .events import log_event
from .problem import MEDIA_TYPE, problem_body

# A process is about to serve, and has served.
service_started, service_stopped = Signal(), Signal()

Headers = list[tuple[str, str]]
_stop_signals: list[int] = []  # that this process has got
_UNSENDABLE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")  # RFC 9110, section 5.5


def wsgi(application: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    """Wrap a WSGI application.

    https://peps.python.org/pep-3333/
    """
    _start_service()

    def serve(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        context = environ[CONTEXT_KEY] = begin_request(environ)

        def start(status: str, headers: Headers, *exc_info: Any) -> Any:
            _check(headers)
            context.status = int(status[:3])
            return start_response(status, headers, *exc_info)

        try:
            response: Any = application(environ, start)
            if getattr(response, "streaming", False):  # a failure at once can still be answered
                parts = iter(response)
                response.streaming_content = chain(list(islice(parts, 1)), parts)
            return response  # type: ignore[no-any-return]
        except BaseException as error:
            try:
                if not isinstance(error, Exception):  # the process is about to end
                    raise
                status, headers, body = _refuse(context, error)
                start_response(f"{status.value} {status.phrase}", headers, sys.exc_info())
                if context.response:  # whose close ends the work of its request
                    context.response.close()
                return [body]
            finally:
                log_end(context)
                end_request()

    return serve


def asgi(application: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    """Wrap an ASGI application.

    https://asgi.readthedocs.io/en/latest/specs/www.html
    """
    _start_service()
    _leave_the_peer_alone()

    async def serve(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            return await _serve_lifespan(receive, send)
        if scope["type"] != "http":
            return await application(scope, receive, send)
        context = scope[CONTEXT_KEY] = begin_request(_meta(scope))
        has_started = False

        # What the server does meanwhile, for the next request perhaps, is not of this one.
        async def receive_outside() -> Any:
            with bound(None):
                return await receive()

        async def send_outside(message: dict[str, Any]) -> None:
            nonlocal has_started
            if message["type"] == "http.response.start":
                _check(_texts(message["headers"]))
                has_started, context.status = True, message["status"]
                if _stop_signals and scope["http_version"] == "1.1":
                    headers = [*message["headers"], (b"connection", b"close")]
                    message = {**message, "headers": headers}
            with bound(None):
                await send(message)

        try:
            await application(scope, receive_outside, send_outside)
        except Exception as error:
            if has_started:
                raise
            status, texts, body = _refuse(context, error)
            headers = [(name.lower().encode(), value.encode()) for name, value in texts]
            start = {"type": "http.response.start", "status": status.value, "headers": headers}
            await send_outside(start)
            await send_outside({"type": "http.response.body", "body": body})
        finally:
            log_end(context)
            end_request()

    return serve


def _start_service() -> None:
    """Log the start, and each setting of the log that is wrong: servers run no system checks."""
    service_started.send(None)
    log_event("service_started", {"pid": os.getpid(), "owasp": "sys_startup"})
    atexit.register(_stop_service)
    for message in wrong_values():
        log_event("wrong_setting", {"problem": message.msg, "fix": message.hint}, "WARNING")


def _leave_the_peer_alone() -> None:
    """Switch off uvicorn's own belief in X-Forwarded-For and -Proto: TRUSTED_PROXIES decides.

    From 127.0.0.1 it believes both unless it is started with --no-proxy-headers, and what it
    overwrites with them is lost. https://uvicorn.dev/deployment/#proxies-and-forwarded-headers
    """
    with suppress(ImportError):
        from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

        setattr(ProxyHeadersMiddleware, "__call__", lambda self, *request: self.app(*request))  # noqa: B010


def _close_connections_at_the_stop() -> None:
    """Have each answer close its connection once SIGTERM has come.

    uvicorn closes the connections that it has. One that it accepts just then stays open: a busy
    client keeps it, and with it the process, for ever, and the stop ends in SIGKILL.
    """
    told: Any = signal.getsignal(signal.SIGTERM)

    def stop(number: int, frame: object) -> None:
        _stop_signals.append(number)
        told(number, frame)

    if callable(told):  # a server's, which is there before its lifespan begins
        with suppress(ValueError):  # outside the main thread
            signal.signal(signal.SIGTERM, stop)


def _stop_service() -> None:
    """Log the stop of a process that has served, once."""
    atexit.unregister(_stop_service)
    log_event("service_stopped", {"pid": os.getpid(), "owasp": "sys_shutdown"})
    service_stopped.send(None)


async def _serve_lifespan(receive: Any, send: Any) -> None:
    """Stop when the server does: uvicorn ends by a signal, which runs nothing of atexit.

    https://asgi.readthedocs.io/en/latest/specs/lifespan.html
    """
    _close_connections_at_the_stop()
    for phase in ("startup", "shutdown"):
        await receive()
        if phase == "shutdown":
            _stop_service()
        await send({"type": f"lifespan.{phase}.complete"})


def _check(headers: Headers) -> None:
    """Raise RuntimeError for a header that no server can send, before any of them is sent."""
    for name, value in headers:
        if _UNSENDABLE.search(value):
            raise RuntimeError(f"The response's header {name} holds a control character.")


def _refuse(context: RequestContext, error: Exception) -> tuple[HTTPStatus, Headers, bytes]:
    """Log why the application gave no answer, and return the one to send: a problem document."""
    # So Django says that it cannot read a request; anything else is a fault of the service.
    is_unreadable = context.request is None and isinstance(error, (LookupError, ValueError))
    status = HTTPStatus.BAD_REQUEST if is_unreadable else HTTPStatus.INTERNAL_SERVER_ERROR
    context.status = status.value
    with bound(context):
        if is_unreadable:
            log_event("unreadable_request", {"error": type(error).__name__}, "WARNING")
        else:
            log_event("request_failed", level="ERROR", exception=error)
        code = "bad_request" if is_unreadable else "server_error"
        body = problem_body(status, code, status.phrase)
    headers = [("Content-Type", MEDIA_TYPE), ("Content-Length", str(len(body)))]
    return status, [*headers, (REQUEST_ID_HEADER, context.request_id)], body


def _texts(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]


def _meta(scope: dict[str, Any]) -> Mapping[str, Any]:
    """Return what is needed of a request's META before Django has made it."""
    meta = {"REQUEST_METHOD": scope["method"], "PATH_INFO": scope["path"]}
    meta["REMOTE_ADDR"] = (scope.get("client") or [""])[0]
    meta["wsgi.url_scheme"] = scope.get("scheme", "http")
    # One that came twice is a list, as in META; with "_", its name could be taken for another's.
    for name, value in _texts(each for each in scope["headers"] if b"_" not in each[0]):
        key = f"HTTP_{name.upper().replace('-', '_')}"
        meta[key] = f"{meta[key]},{value}" if key in meta else value
    return meta
