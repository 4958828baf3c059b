"""What application code imports to log: log_event and log_operation."""

from observability.events import log_event, log_operation

__all__ = ["log_event", "log_operation"]
