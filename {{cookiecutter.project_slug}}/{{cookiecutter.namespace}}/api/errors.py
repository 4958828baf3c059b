"""Error bodies: application/problem+json (RFC 9457) with the request id, in DRF and outside it."""

import logging
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.core.exceptions import BadRequest, RequestDataTooBig, SuspiciousOperation
from django.http import HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.utils.deprecation import MiddlewareMixin
from django.views import defaults
from drf_standardized_errors.formatter import ExceptionFormatter
from drf_standardized_errors.handler import ExceptionHandler
from drf_standardized_errors.types import CLIENT_ERROR, ErrorResponse
from rest_framework.exceptions import APIException, ParseError, PermissionDenied

from observability.context import current_request_id
from observability.problem import MEDIA_TYPE, problem, problem_body
from observability.security import log_refusal

# What Django raises for a request that it refuses or cannot read.
REFUSED = (BadRequest, MultiPartParserError, SuspiciousOperation, UnreadablePostError)
# The codes of what is answered outside DRF; others have the name of their status.
CODES = {403: "permission_denied", 413: "too_large", 429: "account_locked", 500: "server_error"}


class TooLarge(APIException):
    """A body has more than DATA_UPLOAD_MAX_MEMORY_SIZE bytes."""

    status_code = 413
    default_code = "too_large"
    default_detail = "The request is too large."


class ProblemFormatter(ExceptionFormatter):
    """Writes DRF's errors as a problem document: what went wrong, and where in the input."""

    def format_error_response(self, error_response: ErrorResponse) -> dict[str, Any]:
        """Return the body; its code is that of its one error, or `validation_error`."""
        errors = [vars(error) for error in error_response.errors]
        one = errors and error_response.type == CLIENT_ERROR
        code = errors[0]["code"] if one else error_response.type
        return problem(self.exc.status_code, code, errors)


class ProblemHandler(ExceptionHandler):
    """Answers an exception of an API view; Django's logger reports one that was unexpected."""

    def convert_known_exceptions(self, exc: Exception) -> Exception:
        """Return DRF's exception for one of Django's that is the fault of the request."""
        if isinstance(exc, REFUSED):
            return TooLarge() if isinstance(exc, RequestDataTooBig) else ParseError()
        known: Exception = super().convert_known_exceptions(exc)
        return known

    def get_response(self, exc: APIException, data: dict[str, Any]) -> Any:
        """Return the response in JSON, whatever the view's renderers are."""
        headers, status = self.get_headers(exc), exc.status_code
        return JsonResponse(data, status=status, headers=headers, content_type=MEDIA_TYPE)

    def report_exception(self, exc: APIException, response: Any) -> None:
        """Log the exception, if it is a matter of security, or a crash."""
        request = self.context.get("request")
        if isinstance(self.exc, SuspiciousOperation):  # as Django logs it outside DRF
            logger = logging.getLogger(f"django.security.{type(self.exc).__name__}")
            logger.error("%s", self.exc, extra={"request": request})
        log_refusal(exc, request)
        super().report_exception(exc, response)


class ProblemMiddleware(MiddlewareMixin):
    """Gives every error below /api/ the one shape: also what Django answers before a view."""

    def process_request(self, request: HttpRequest) -> HttpResponse | None:
        """Refuse text that is not in UTF-8: some charsets decode nothing, and some without end."""
        if (request.encoding or "utf-8").lower() in ("utf-8", "utf8"):
            return None
        return _text(HTTPStatus.BAD_REQUEST, "Text must be in UTF-8.")

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """Replace the body of an error that is no problem document; its headers stay."""
        status, kind = response.status_code, response.headers.get("Content-Type", "")
        is_error = status >= 400 and request.path_info.startswith("/api/")
        if is_error and kind != MEDIA_TYPE and not response.streaming:
            name = HTTPStatus(status).phrase
            code = CODES.get(status, name.lower().replace(" ", "_"))
            detail = response.content.decode().strip() if kind == "text/plain" else name
            response.content = problem_body(status, code, detail)
            response["Content-Type"], response["Content-Length"] = MEDIA_TYPE, len(response.content)
        return response


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer a request that Django refuses: handler400."""
    page = defaults.bad_request(request, exception)
    page.status_code = 413 if isinstance(exception, RequestDataTooBig) else 400
    return page


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer a forbidden request outside DRF: handler403."""
    log_refusal(PermissionDenied(), request)
    return defaults.permission_denied(request, exception)


def server_error(_request: HttpRequest) -> HttpResponse:
    """Answer a crash outside DRF: handler500."""
    return _text(500, f"Server error. Request id: {current_request_id()}")


def locked_out(_request: HttpRequest, *_axes: Any) -> HttpResponse:
    """Answer a locked out client: AXES_LOCKOUT_CALLABLE."""
    response = _text(429, "Too many failed logins.")
    response["Retry-After"] = str(int(settings.AXES_COOLOFF_TIME.total_seconds()))
    return response


def _text(status: int, text: str) -> HttpResponse:
    return HttpResponse(f"{text}\n", status=status, content_type="text/plain")
