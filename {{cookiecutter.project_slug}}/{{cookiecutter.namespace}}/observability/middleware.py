"""What the middlewares have in common: they serve sync and async views alike."""

from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase


class DualMiddleware:
    """A middleware that is sync or async, as the next one is.

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
        return self.respond_async(request) if self.is_async else self.respond(request)

    def respond(self, request: HttpRequest) -> HttpResponseBase:
        """Answer a request where the next one is sync."""
        raise NotImplementedError

    async def respond_async(self, request: HttpRequest) -> HttpResponseBase:
        """Answer a request where the next one is async."""
        raise NotImplementedError
