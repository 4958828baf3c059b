"""django-structlog as documented: its middleware and its own two events; console and file."""

import structlog

from .base import *  # noqa: F403
from .base import INSTALLED_APPS as _APPS
from .base import LOG_DIR, MIDDLEWARE_WITHOUT_LOGGING, replace_logging
from .structlog_setup import STDLIB_PROCESSORS, configure_structlog

LOG_DIR.mkdir(parents=True, exist_ok=True)
INSTALLED_APPS = [*_APPS, "django_structlog"]
MIDDLEWARE = [*MIDDLEWARE_WITHOUT_LOGGING, "django_structlog.middlewares.RequestMiddleware"]
LOG_WATCHERS = []
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "json": {"()": f"{__package__}.structlog_setup.json_formatter"},
        "key_value": {"()": f"{__package__}.structlog_setup.key_value_formatter"},
    },
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "stream": "ext://sys.stdout",
            "formatter": "key_value",
        },
        "file": {
            "class": "logging.handlers.WatchedFileHandler",
            "filename": LOG_DIR / "json.log",
            "formatter": "json",
        },
    },
    "loggers": {
        "django_structlog": {"handlers": ["console", "file"], "level": "INFO"},
        "ecommerce": {"handlers": ["console", "file"], "level": "INFO"},
    },
}
configure_structlog(STDLIB_PROCESSORS)
_logger = structlog.get_logger("ecommerce.products.views")
replace_logging(lambda event, payload: _logger.info(event, **payload))
