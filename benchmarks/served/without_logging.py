"""The rendered project with all its logging taken out, and its table of changes left in."""

from .base import *  # noqa: F403
from .base import MIDDLEWARE_WITHOUT_LOGGING, replace_logging

MIDDLEWARE = MIDDLEWARE_WITHOUT_LOGGING
LOG_WATCHERS = []
LOGGING = {
    "version": 1,
    "handlers": {"null": {"class": "logging.NullHandler"}},
    "root": {"handlers": ["null"], "level": "CRITICAL"},
    "loggers": {"django": {"handlers": [], "propagate": True}},
}

replace_logging(lambda *_: None)
