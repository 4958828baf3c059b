"""What wemake-django-template configures: structlog's pairs on the console, an access event."""

import structlog

from .base import *  # noqa: F403
from .base import MIDDLEWARE_WITHOUT_LOGGING, replace_logging
from .structlog_setup import STDLIB_PROCESSORS, configure_structlog

MIDDLEWARE = [f"{__package__}.middleware.StructlogAccess", *MIDDLEWARE_WITHOUT_LOGGING]
LOG_WATCHERS = []
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"console": {"()": f"{__package__}.structlog_setup.key_value_formatter"}},
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "stream": "ext://sys.stdout",
            "formatter": "console",
        },
    },
    "loggers": {
        "django": {"handlers": ["console"], "propagate": True, "level": "INFO"},
        "ecommerce": {"handlers": ["console"], "level": "INFO"},
    },
}
configure_structlog(STDLIB_PROCESSORS)
_logger = structlog.get_logger("ecommerce.products.views")
replace_logging(lambda event, payload: _logger.info(event, **payload))
