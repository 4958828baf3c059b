"""The body of an error: a problem document with the id of its request.

https://www.rfc-editor.org/rfc/rfc9457.html
"""

import json
from http import HTTPStatus
from typing import Any

from .context import current_request_id

MEDIA_TYPE = "application/problem+json"


def problem(status: int, code: str, errors: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a problem document; each of the errors has a code, a detail and an attr."""
    about = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": int(status)}
    return about | {"code": code, "request_id": current_request_id(), "errors": errors}


def problem_body(status: int, code: str, detail: str) -> bytes:
    """Return the problem document of one error that concerns the request as a whole."""
    error = {"code": code, "detail": detail, "attr": None}
    return json.dumps(problem(status, code, [error])).encode()
