"""The service's own names: the one place where the tests say what it is called."""

from {{ cookiecutter.namespace }}.logging_helper import (
    log_event,
    log_operation,
)
from {{ cookiecutter.namespace }}.observability import (
    checks,
    handlers,
    pretty,
    query,
    reading,
    strict_json,
    verification,
)
from {{ cookiecutter.namespace }}.observability.formatter import (
    JSONLineFormatter,
)
from {{ cookiecutter.namespace }}.observability.redact import (
    Redactor,
)
from {{ cookiecutter.namespace }}.observability.request_id import (
    bind_request_id,
    current_request_id,
)
from {{ cookiecutter.namespace }}.observability.shorten import (
    shortened,
)
from {{ cookiecutter.namespace }}.observability.uncaught import (
    log_what_nobody_caught,
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
    "log_what_nobody_caught",
    "pretty",
    "query",
    "reading",
    "shortened",
    "strict_json",
    "verification",
]
