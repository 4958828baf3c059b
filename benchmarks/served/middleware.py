"""The access event of the peers that have none: method, path, status and duration."""

import logging
from collections.abc import Callable
from time import perf_counter

import structlog
from django.http import HttpRequest, HttpResponse

_text = logging.getLogger("ecommerce.access")
_structured = structlog.get_logger("ecommerce.access")


class _Access:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        started = perf_counter()
        response = self.get_response(request)
        milliseconds = round((perf_counter() - started) * 1000, 3)
        self.log(request.method or "", request.path, response.status_code, milliseconds)
        return response

    def log(self, method: str, path: str, status: int, milliseconds: float) -> None:
        raise NotImplementedError


class TextAccess(_Access):
    """One line of text a request."""

    def log(self, method: str, path: str, status: int, milliseconds: float) -> None:
        """Log it by the standard library."""
        _text.info("request_finished %s %s %s %s", method, path, status, milliseconds)


class StructlogAccess(_Access):
    """One event of structlog a request."""

    def log(self, method: str, path: str, status: int, milliseconds: float) -> None:
        """Log it by structlog."""
        _structured.info(
            "request_finished", method=method, path=path, status=status, duration_ms=milliseconds
        )
