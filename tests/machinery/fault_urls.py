"""Views that fail or are left in the middle, each of them for a known user, and their URLs."""

import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from django.contrib.auth import get_user_model
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import path

from observability.events import log_event, log_operation

from . import urls

USER = 7
CHUNKS = 200  # of 64 KB: more than the buffers of a socket hold


def whole(request: HttpRequest) -> HttpResponse:
    know_user(request)
    return HttpResponse("whole")


def operation(request: HttpRequest) -> HttpResponse:
    know_user(request)
    with log_operation("work"):
        raise LookupError("crashed in an operation")


async def stopping(request: HttpRequest) -> HttpResponse:
    """Stop the process, and keep its event loop busy until a file is there."""
    os.kill(os.getpid(), signal.SIGTERM)
    log_event("stopping")
    end = time.monotonic() + 10
    while not Path(request.GET["until"]).exists() and time.monotonic() < end:
        time.sleep(0.01)  # nothing else may run
    return HttpResponse("whole")


def header(request: HttpRequest) -> HttpResponse:
    return HttpResponse(headers={"X-Echo": "a\0b"})


def large(request: HttpRequest) -> StreamingHttpResponse:
    """Stream far more than a client reads that leaves after the beginning."""
    return streamed(request, CHUNKS, fails=False)


def broken(request: HttpRequest) -> StreamingHttpResponse:
    """Fail when the status and the beginning of the body have been sent."""
    return streamed(request, 2, fails=True)


def failing_at_once(request: HttpRequest) -> StreamingHttpResponse:
    """Fail before the beginning of the body, when gunicorn has not sent the status yet."""
    return streamed(request, 0, fails=True)


def streamed(request: HttpRequest, count: int, fails: bool) -> StreamingHttpResponse:
    def chunks() -> Iterator[bytes]:
        for _ in range(count):
            yield bytes(65_536)
        if fails:
            raise LookupError("the body failed")

    async def async_chunks() -> AsyncIterator[bytes]:
        for chunk in chunks():
            yield chunk

    know_user(request)
    return StreamingHttpResponse(async_chunks() if isinstance(request, ASGIRequest) else chunks())


def know_user(request: HttpRequest) -> None:
    request.user = get_user_model()(pk=USER)


handler403, handler500 = urls.handler403, urls.handler500
urlpatterns = [
    path("fault/whole", whole),
    path("fault/operation", operation),
    path("fault/header", header),
    path("fault/stopping", stopping),
    path("fault/large", large),
    path("fault/broken", broken),
    path("fault/failing-at-once", failing_at_once),
    *urls.urlpatterns,
]
