"""django-structlog as documented: its middleware, and the three handlers of its first steps."""

import structlog

from .base import *  # noqa: F403
from .base import INSTALLED_APPS as _APPS
from .base import LOG_DIR, MIDDLEWARE_WITHOUT_LOGGING, replace_logging
from .structlog_setup import configure_structlog

LOG_DIR.mkdir(parents=True, exist_ok=True)
INSTALLED_APPS = [*_APPS, "django_structlog"]
MIDDLEWARE = [*MIDDLEWARE_WITHOUT_LOGGING, "django_structlog.middlewares.RequestMiddleware"]
LOG_WATCHERS = []
_HANDLERS = ["console", "flat_line_file", "json_file"]
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "console": {"()": f"{__package__}.structlog_setup.console_formatter"},
        "json": {"()": f"{__package__}.structlog_setup.json_formatter"},
        "key_value": {"()": f"{__package__}.structlog_setup.key_value_formatter"},
    },
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "stream": "ext://sys.stdout",  # a file in the benchmarks, which stderr is not
            "formatter": "console",
        },
        "flat_line_file": {
            "class": "logging.handlers.WatchedFileHandler",
            "filename": LOG_DIR / "flat_line.log",
            "formatter": "key_value",
        },
        "json_file": {
            "class": "logging.handlers.WatchedFileHandler",
            "filename": LOG_DIR / "json.log",
            "formatter": "json",
        },
    },
    "loggers": {
        "django_structlog": {"handlers": _HANDLERS, "level": "INFO"},
        "ecommerce": {"handlers": _HANDLERS, "level": "INFO"},
    },
}
configure_structlog()
_logger = structlog.get_logger("ecommerce.products.views")
replace_logging(lambda event, payload: _logger.info(event, **payload))
