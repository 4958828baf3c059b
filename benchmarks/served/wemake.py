"""What wemake-django-template configures: structlog's pairs on the console, here and in production.

Its own loggers are Django's and axes'; the project's is added, since its events would be dropped.
"""

import structlog

from .base import *  # noqa: F403
from .base import MIDDLEWARE_WITHOUT_LOGGING, replace_logging
from .structlog_setup import configure_structlog

MIDDLEWARE = [
    f"{__package__}.structlog_middleware.StructlogAccess",
    f"{__package__}.structlog_middleware.clear_context",
    *MIDDLEWARE_WITHOUT_LOGGING,
]
LOG_WATCHERS = []
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"console": {"()": f"{__package__}.structlog_setup.key_value_formatter"}},
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "stream": "ext://sys.stdout",  # a file in the benchmarks, which stderr is not
            "formatter": "console",
        },
    },
    "loggers": {
        "django": {"handlers": ["console"], "propagate": True, "level": "INFO"},
        "security": {"handlers": ["console"], "propagate": False, "level": "ERROR"},
        "ecommerce": {"handlers": ["console"], "level": "INFO"},
    },
}
configure_structlog(
    structlog.processors.ExceptionPrettyPrinter(),
    wrapper_class=structlog.stdlib.BoundLogger,
)
_logger = structlog.get_logger("ecommerce.products.views")
replace_logging(lambda event, payload: _logger.info(event, **payload))
