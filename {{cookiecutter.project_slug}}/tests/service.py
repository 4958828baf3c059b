"""The service's own names: the one place where the tests say what it is called."""

from {{ cookiecutter.namespace }}.logging_helper import (
    log_event,
    log_operation,
)
from {{ cookiecutter.namespace }}.observability import (
    checks,
    handlers,
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
    "shortened",
    "strict_json",
    "verification",
]
