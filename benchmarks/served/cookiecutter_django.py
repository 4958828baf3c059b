"""What cookiecutter-django configures: text on the console from the root, an access event."""

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
            "stream": "ext://sys.stdout",
            "formatter": "verbose",
        },
    },
    "root": {"level": "INFO", "handlers": ["console"]},
}
_logger = logging.getLogger("ecommerce.products.views")
replace_logging(lambda event, payload: _logger.info("%s %s", event, payload))
