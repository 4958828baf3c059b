"""The access event of a peer that has none: method, path, status and duration."""

import logging
from collections.abc import Callable
from time import perf_counter

from django.http import HttpRequest, HttpResponse

_text = logging.getLogger("ecommerce.access")


class Access:
    """What is measured of a request."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        """Wrap what answers the request."""
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request, and log how."""
        started = perf_counter()
        response = self.get_response(request)
        milliseconds = round((perf_counter() - started) * 1000, 3)
        self.log(request.method or "", request.path, response.status_code, milliseconds)
        return response

    def log(self, method: str, path: str, status: int, milliseconds: float) -> None:
        """Log it in the way of the peer."""
        raise NotImplementedError


class TextAccess(Access):
    """One line of text a request."""

    def log(self, method: str, path: str, status: int, milliseconds: float) -> None:
        """Log it by the standard library."""
        _text.info("request_finished %s %s %s %s", method, path, status, milliseconds)
