"""Health endpoints for probes: /health/live (it serves), /health/ready (so does its database)."""

from django.db import Error, connections
from django.http import HttpRequest, JsonResponse
from django.utils.deprecation import MiddlewareMixin

from ..logging_helper import log_event


class HealthMiddleware(MiddlewareMixin):
    """Answers above host checks and redirects to HTTPS, which a probe by address would fail."""

    def process_request(self, request: HttpRequest) -> JsonResponse | None:
        """Answer a probe; leave every other request alone."""
        if request.path_info == "/health/live":
            return JsonResponse({"status": "ok"})
        return _readiness() if request.path_info == "/health/ready" else None


def _readiness() -> JsonResponse:
    try:
        for alias in connections:
            with connections[alias].cursor() as cursor:
                cursor.execute("SELECT 1")
    except Error as error:
        log_event("not_ready", {"database": alias}, "ERROR", exception=error)
        return JsonResponse({"status": "unavailable", "error": type(error).__name__}, status=503)
    return JsonResponse({"status": "ok"})
