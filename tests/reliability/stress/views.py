"""Views that say in every line which request id, and so which user, the line must have."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterator
from importlib import import_module

from django.conf import settings
from django.contrib.auth import get_user_model
from django.http import HttpRequest, JsonResponse, StreamingHttpResponse

log_event = import_module(f"{settings.LOG_NAMESPACE}.logging_helper").log_event

CHUNKS = 5


def _wanted(request: HttpRequest) -> str:
    """Return the id that every line of this request must have; its end says who asks."""
    wanted = request.headers.get("X-Request-ID") or request.request_id
    request.user = get_user_model()(pk=int(wanted[-6:], 16))
    return wanted


def _log(wanted: str, where: str) -> None:
    log_event("stress_step", {"wanted": wanted, "where": where})


def _answer(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"id": request.request_id, "pid": os.getpid()})


def events(request: HttpRequest) -> JsonResponse:
    """Log an event and an error, and say so where only the answer to this request could."""
    wanted = _wanted(request)
    fill = "x" * int(request.GET.get("size", "0"))
    log_event("stress_event", {"wanted": wanted, "fill": fill})
    log_event("stress_error", {"wanted": wanted}, level="ERROR")
    if acknowledged := os.environ.get("STRESS_ACKNOWLEDGED"):
        file = os.open(acknowledged, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(file, f"{wanted}\n".encode())
        os.close(file)
    return _answer(request)


def large(request: HttpRequest) -> JsonResponse:
    """Log more than any line may hold, once in a value and once in a traceback."""
    log_event("stress_large", {"wanted": _wanted(request), "fill": "é" * 1_000_000})
    try:
        int("a long story " * 100_000)
    except ValueError:
        log_event("stress_large_error", {"wanted": _wanted(request)}, level="ERROR")
    return _answer(request)


def sync_view(request: HttpRequest) -> JsonResponse:
    """Log before and after another thread had its turn."""
    wanted = _wanted(request)
    _log(wanted, "before")
    time.sleep(0.002)
    _log(wanted, "after")
    return _answer(request)


async def async_view(request: HttpRequest) -> JsonResponse:
    """Log in the view, in tasks and in threads that it starts."""
    wanted = _wanted(request)
    _log(wanted, "view")
    await asyncio.gather(_task(wanted), asyncio.to_thread(_log, wanted, "thread"), _task(wanted))
    await asyncio.sleep(0.002)
    _log(wanted, "end")
    return _answer(request)


async def _task(wanted: str) -> None:
    await asyncio.sleep(0.001)
    _log(wanted, "task")


def upload(request: HttpRequest) -> JsonResponse:
    """Log after a body was read that did not come in one piece."""
    _log(_wanted(request), f"read {len(request.body)}")
    return _answer(request)


def stream(request: HttpRequest) -> StreamingHttpResponse:
    """Log between the chunks of a body."""
    wanted = _wanted(request)

    def chunks() -> Iterator[str]:
        for number in range(CHUNKS):
            _log(wanted, f"chunk {number}")
            yield "x" * 20_000
            time.sleep(0.002)

    return StreamingHttpResponse(chunks())


async def async_stream(request: HttpRequest) -> StreamingHttpResponse:
    """Log between the chunks of a body that is made on the event loop."""
    wanted = _wanted(request)

    async def chunks() -> AsyncIterator[str]:
        for number in range(CHUNKS):
            _log(wanted, f"chunk {number}")
            yield "x" * 20_000
            await asyncio.sleep(0.002)

    return StreamingHttpResponse(chunks())


def broken_stream(request: HttpRequest) -> StreamingHttpResponse:
    """Fail in the middle of a body, when the status has long been sent."""
    wanted = _wanted(request)

    def chunks() -> Iterator[str]:
        yield "x" * 20_000
        _log(wanted, "before the failure")
        raise RuntimeError(f"wanted={wanted}")

    return StreamingHttpResponse(chunks())


def failing(request: HttpRequest) -> JsonResponse:
    """Fail; Django reports it."""
    raise RuntimeError(f"wanted={_wanted(request)}")


async def async_failing(request: HttpRequest) -> JsonResponse:
    """Fail after another request had its turn."""
    await asyncio.sleep(0.001)
    raise RuntimeError(f"wanted={_wanted(request)}")
