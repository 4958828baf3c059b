"""The rendered project's settings, open to anonymous callers, and how to take its logging out."""

import os
from collections.abc import Callable, Mapping
from typing import Any

os.environ |= {"DEBUG": "False", "THROTTLE_ANONYMOUS": ""}

from config.settings import *  # noqa: F403
from config.settings import DATABASES, MIDDLEWARE, REST_FRAMEWORK
from ecommerce import logging_helper

REST_FRAMEWORK["DEFAULT_PERMISSION_CLASSES"] = ["rest_framework.permissions.AllowAny"]

# Opening SQLite and its journal anew for every request would drown what is measured.
DATABASES["default"]["CONN_MAX_AGE"] = None

MIDDLEWARE_WITHOUT_LOGGING = [
    name for name in MIDDLEWARE if not name.endswith((".RequestIDMiddleware", ".AccessMiddleware"))
]

Log = Callable[[str, Mapping[str, Any]], object]


def replace_logging(log: Log) -> None:
    """Have the view's two events logged by somebody else, and no others by anyone."""

    class Operation:
        """The view's operation, with the two events that each peer logs."""

        def __init__(self, name: str, _payload: Mapping[str, Any] | None = None) -> None:
            self.name = name
            self.outcome: dict[str, Any] = {}

        def __enter__(self) -> dict[str, Any]:
            log(f"{self.name}_start", {})
            return self.outcome

        def __exit__(self, *_exception: object) -> None:
            log(f"{self.name}_success", self.outcome)

    def log_event(*_args: Any, **_kwargs: Any) -> None:
        """Log nothing."""

    logging_helper.log_operation = Operation  # type: ignore[assignment, misc]
    logging_helper.log_event = log_event
