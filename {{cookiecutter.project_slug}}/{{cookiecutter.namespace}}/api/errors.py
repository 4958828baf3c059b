"""Error bodies: application/problem+json (RFC 9457) with the request id, in DRF and outside it."""

from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views import defaults
from drf_standardized_errors.formatter import ExceptionFormatter
from drf_standardized_errors.handler import ExceptionHandler
from drf_standardized_errors.types import ErrorResponse
from rest_framework.exceptions import APIException, PermissionDenied
from rest_framework.response import Response

from observability.context import current_request_id
from observability.security import log_refusal

MEDIA_TYPE = "application/problem+json"


def problem(status: int, code: str, **members: Any) -> dict[str, Any]:
    """Return the members that every problem document has, and more by keyword."""
    return {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "request_id": current_request_id(),
        **members,
    }


class ProblemFormatter(ExceptionFormatter):
    """Writes DRF's errors as a problem document with the list of errors as a member."""

    def format_error_response(self, error_response: ErrorResponse) -> dict[str, Any]:
        """Return the body: what went wrong, and where in the input."""
        errors = [vars(error) for error in error_response.errors]
        return problem(self.exc.status_code, str(error_response.type), errors=errors)


class ProblemHandler(ExceptionHandler):
    """Answers an exception of an API view; Django's logger reports one that was unexpected."""

    def get_response(self, exc: APIException, data: dict[str, Any]) -> Response:
        """Return the response in the media type of a problem document."""
        response: Response = super().get_response(exc, data)
        response.content_type = MEDIA_TYPE
        return response

    def report_exception(self, exc: APIException, response: Response) -> None:
        """Log the exception, if it is a matter of security, or a crash."""
        log_refusal(exc, self.context.get("request"))
        super().report_exception(exc, response)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer a forbidden request outside DRF: handler403."""
    log_refusal(PermissionDenied(), request)
    page = defaults.permission_denied
    return _below_api(request, 403, "permission_denied") or page(request, exception)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer an unknown path: handler404."""
    return _below_api(request, 404, "not_found") or defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer a crash outside DRF: handler500."""
    text = f"Server error. Request id: {current_request_id()}\n"
    page = HttpResponse(text, status=500, content_type="text/plain")
    return _below_api(request, 500, "server_error") or page


def locked_out(request: HttpRequest, *_axes: Any) -> HttpResponse:
    """Answer a locked out client: AXES_LOCKOUT_CALLABLE."""
    page = HttpResponse("Too many failed logins.\n", status=429, content_type="text/plain")
    response = _below_api(request, 429, "account_locked") or page
    response["Retry-After"] = str(int(settings.AXES_COOLOFF_TIME.total_seconds()))
    return response


def _below_api(request: HttpRequest, status: int, code: str) -> HttpResponse | None:
    """Return a problem document for a path below /api/; None elsewhere, where pages are."""
    if not request.path_info.startswith("/api/"):
        return None
    return JsonResponse(problem(status, code), status=status, content_type=MEDIA_TYPE)
