"""What cookiecutter-django configures in production: text on the console, errors by mail."""

import logging

from .base import *  # noqa: F403
from .base import MIDDLEWARE_WITHOUT_LOGGING, replace_logging

MIDDLEWARE = [f"{__package__}.middleware.TextAccess", *MIDDLEWARE_WITHOUT_LOGGING]
LOG_WATCHERS = []
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "verbose": {
            "format": "%(levelname)s %(asctime)s %(module)s %(process)d %(thread)d %(message)s",
        },
    },
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "stream": "ext://sys.stdout",  # a file in the benchmarks, which stderr is not
            "formatter": "verbose",
            "level": "DEBUG",
        },
        "mail_admins": {
            "class": "django.utils.log.AdminEmailHandler",
            "filters": ["require_debug_false"],
            "level": "ERROR",
        },
    },
    "filters": {"require_debug_false": {"()": "django.utils.log.RequireDebugFalse"}},
    "root": {"level": "INFO", "handlers": ["console"]},
    "loggers": {
        "django.request": {"handlers": ["mail_admins"], "level": "ERROR"},
        "django.security.DisallowedHost": {
            "handlers": ["console", "mail_admins"],
            "level": "ERROR",
        },
    },
}
_logger = logging.getLogger("ecommerce.products.views")
replace_logging(lambda event, payload: _logger.info("%s %s", event, payload))
