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


class _Nothing:
    """A view's operation that logs nothing, at the least cost there is."""

    def __init__(self, *_args: object) -> None:
        pass

    def __enter__(self) -> dict[str, object]:
        return {}

    def __exit__(self, *_exception: object) -> None:
        pass


replace_logging(lambda *_: None)
__import__("ecommerce.logging_helper").logging_helper.log_operation = _Nothing
