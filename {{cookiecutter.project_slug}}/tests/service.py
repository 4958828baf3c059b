"""The service's own names: the one place where the tests say what it is called."""

from {{ cookiecutter.namespace }}.logging_helper import (
    log_event,
    log_operation,
)
from {{ cookiecutter.namespace }}.observability import (
    checks,
    serving,
    uncaught,
    verification,
)
from {{ cookiecutter.namespace }}.observability.line import (
    handlers,
    streams,
    strict_json,
)
from {{ cookiecutter.namespace }}.observability.line.formatter import (
    JSONLineFormatter,
)
from {{ cookiecutter.namespace }}.observability.line.redact import (
    Redactor,
)
from {{ cookiecutter.namespace }}.observability.line.shorten import (
    shortened,
)
from {{ cookiecutter.namespace }}.observability.reading import (
    pretty,
    query,
    reader,
)
from {{ cookiecutter.namespace }}.observability.request_id import (
    bind_request_id,
    current_request_id,
)
from {{ cookiecutter.namespace }}.products.models import (
    Product,
)

__all__ = [
    "JSONLineFormatter",
    "Product",
    "Redactor",
    "bind_request_id",
    "checks",
    "current_request_id",
    "handlers",
    "log_event",
    "log_operation",
    "pretty",
    "query",
    "reader",
    "serving",
    "shortened",
    "streams",
    "strict_json",
    "uncaught",
    "verification",
]
