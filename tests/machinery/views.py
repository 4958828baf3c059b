"""Views that only tests need: of every kind that Django knows, and views that fail.

Those that meet wait for each other in the middle, so that requests are sure to overlap.
"""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator

from django.core.handlers.asgi import ASGIRequest
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.template import engines
from django.template.base import BLOCK_TAG_END, BLOCK_TAG_START
from request_id import get_current_request_id
from rest_framework.authentication import BaseAuthentication, BasicAuthentication
from rest_framework.exceptions import AuthenticationFailed, ValidationError
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from ecommerce.products.models import Product
from observability.context import current_request_id
from observability.events import log_event

# How many meet, set by the test: threads at the one, tasks of one loop at the other.
threads_meet = threading.Barrier(1)
tasks_meet = asyncio.Barrier(1)
# Set when the view that waits for ever does.
waits = threading.Event()


def sync(request: HttpRequest) -> HttpResponse:
    log_event("sync_begins")
    threads_meet.wait(timeout=10)
    log_event("sync_ends")
    return HttpResponse(current_request_id())


async def asynchronous(request: HttpRequest) -> HttpResponse:
    log_event("async_begins")
    async with asyncio.timeout(10):
        await tasks_meet.wait()
    await asyncio.to_thread(log_event, "async_in_thread")
    await asyncio.create_task(_log_in_task())
    return HttpResponse(current_request_id())


async def _log_in_task() -> None:
    log_event("async_in_task")


def stream(request: HttpRequest) -> StreamingHttpResponse:
    def chunks() -> Iterator[str]:
        log_event("stream_begins")
        yield f"{current_request_id()}\n"
        threads_meet.wait(timeout=10)
        log_event("stream_ends")
        yield f"{current_request_id()}\n"

    return StreamingHttpResponse(chunks())


async def async_stream(request: HttpRequest) -> StreamingHttpResponse:
    async def chunks() -> AsyncIterator[str]:
        log_event("async_stream_begins")
        yield f"{current_request_id()}\n"
        async with asyncio.timeout(10):
            await tasks_meet.wait()
        log_event("async_stream_ends")
        yield f"{current_request_id()}\n"

    return StreamingHttpResponse(chunks())


def crash(request: HttpRequest) -> HttpResponse:
    threads_meet.wait(timeout=10)
    raise LookupError(request.GET.get("text", "crashed"))


async def async_crash(request: HttpRequest) -> HttpResponse:
    async with asyncio.timeout(10):
        await tasks_meet.wait()
    raise LookupError("crashed")


def ids(request: HttpRequest) -> JsonResponse:
    """Answer the id as each way of asking django-request-id tells it."""
    tags = [f"{BLOCK_TAG_START} {tag} {BLOCK_TAG_END}" for tag in ("load request_id", "request_id")]
    template = engines["django"].from_string("".join(tags))
    return JsonResponse(
        {
            "attribute": request.request_id,
            "getter": get_current_request_id(),
            "template tag": template.render({}),
            "service": current_request_id(),
        }
    )


def failing_sql(request: HttpRequest) -> HttpResponse:
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM nowhere WHERE token = %s", [request.GET["token"]])
    return HttpResponse()


def slow_query(request: HttpRequest) -> HttpResponse:
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":  # which has no such function
            connection.connection.create_function("pg_sleep", 1, time.sleep)
        cursor.execute("SELECT pg_sleep(0.2)")
    return HttpResponse()


def n_plus_one(request: HttpRequest) -> HttpResponse:
    for number in range(60):
        Product.objects.filter(pk=number).exists()
    return HttpResponse()


def endless(request: HttpRequest) -> StreamingHttpResponse:
    """Stream until the client leaves, for twenty seconds at the most."""
    ticks = range(1_000)

    def chunks() -> Iterator[str]:
        for _ in ticks:
            yield "tick\n"
            time.sleep(0.02)

    async def async_chunks() -> AsyncIterator[str]:
        for _ in ticks:
            yield "tick\n"
            await asyncio.sleep(0.02)

    return StreamingHttpResponse(async_chunks() if isinstance(request, ASGIRequest) else chunks())


async def waiting(request: HttpRequest) -> HttpResponse:
    waits.set()
    await asyncio.sleep(20)
    return HttpResponse()


async def broken_stream(request: HttpRequest) -> StreamingHttpResponse:
    async def chunks() -> AsyncIterator[str]:
        yield "a beginning"
        raise LookupError("broken")

    return StreamingHttpResponse(chunks())


def ending(request: HttpRequest) -> HttpResponse:
    raise SystemExit(1)


class DRFCrash(APIView):
    permission_classes = [AllowAny]

    def get(self, request: Request) -> Response:
        raise LookupError("crashed in DRF")


class Refusing(APIView):
    permission_classes = [AllowAny]

    def post(self, request: Request) -> Response:
        raise ValidationError({"password": [f"{request.data['password']} is too common"]})


class WrongToken(BaseAuthentication):
    """Refuses every token, and says which."""

    def authenticate(self, request: Request) -> None:
        sent = request.headers.get("Authorization", "")
        if sent.startswith("Token "):
            raise AuthenticationFailed(f"Unknown token {sent.removeprefix('Token ')}")

    def authenticate_header(self, request: Request) -> str:
        return "Token"


class Guarded(APIView):
    authentication_classes = [WrongToken, BasicAuthentication]
    permission_classes = [IsAuthenticated]

    def get(self, request: Request) -> Response:
        return Response({})
