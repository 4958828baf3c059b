"""What wemake's project has as middleware of structlog, and an access event for it."""

from collections.abc import Callable

import structlog
from django.http import HttpRequest, HttpResponse

from .middleware import Access

_logger = structlog.get_logger("ecommerce.access")


class StructlogAccess(Access):
    """One event of structlog a request."""

    def log(self, method: str, path: str, status: int, milliseconds: float) -> None:
        """Log it by structlog."""
        _logger.info(
            "request_finished", method=method, path=path, status=status, duration_ms=milliseconds
        )


def clear_context(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Forget after each request what was bound to structlog's context, as wemake's project does."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        structlog.contextvars.clear_contextvars()
        return response

    return middleware
