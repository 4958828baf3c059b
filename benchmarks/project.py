"""What the benchmarks know of the rendered project: its names stand here and nowhere else."""

import os
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

NAMESPACE = SLUG = "ecommerce"
HELPER = f"{NAMESPACE}.logging_helper"  # has log_event and log_operation
CONTEXT = "observability.context"  # has bind_request_id
MIDDLEWARE = ("observability.access.RequestMiddleware",)  # what logs requests
LOGGER = f"{NAMESPACE}.products.views"
REQUEST_ID = "d3b7e8f4-2f4a-4e3b-a123-9c8d7f1c5678"
Log = Callable[[str, dict[str, Any]], object]  # how a peer's users log an event with fields


def set_up(handlers: str, folder: Path) -> Log:
    """Start the project with these handlers, and return its `log_event`."""
    os.environ |= {"LOG_DIR": str(folder), "LOG_HANDLERS": handlers}
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    import_module("django").setup()
    import_module(CONTEXT).bind_request_id(REQUEST_ID)
    log_event: Log = import_module(HELPER).log_event
    return log_event


def without_line(record: Any) -> Any:
    """Return the record, of which the formatter makes the line again."""
    record.line = None
    return record


def steps() -> tuple[Any, Any]:
    """Return the two steps of `log_event` before the line: find the handlers, make the event."""
    handlers, record = (
        import_module(f"observability.line.{name}") for name in ("handlers", "record")
    )
    return handlers.own_handlers, record.Event
