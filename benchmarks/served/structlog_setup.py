"""structlog through the standard library's handlers, as both django-structlog and wemake do."""

import logging
from typing import Any

import structlog

_PROCESSORS: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.filter_by_level,
    structlog.processors.TimeStamper(fmt="iso"),
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.stdlib.PositionalArgumentsFormatter(),
    structlog.processors.StackInfoRenderer(),
    structlog.processors.format_exc_info,
    structlog.processors.UnicodeDecoder(),
]


def configure_structlog(*more: Any, **settings: Any) -> None:
    """Hand structlog's events to the handlers of the standard library."""
    structlog.configure(
        processors=[*_PROCESSORS, *more, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
        **settings,
    )


def json_formatter() -> logging.Formatter:
    """Return the formatter that makes a JSON line of structlog's event."""
    return structlog.stdlib.ProcessorFormatter(processor=structlog.processors.JSONRenderer())


def key_value_formatter() -> logging.Formatter:
    """Return the formatter that makes a line of key=value pairs of structlog's event."""
    renderer = structlog.processors.KeyValueRenderer(
        key_order=["timestamp", "level", "event", "logger"],
    )
    return structlog.stdlib.ProcessorFormatter(processor=renderer)


def console_formatter() -> logging.Formatter:
    """Return the formatter that makes a coloured line for people of structlog's event."""
    return structlog.stdlib.ProcessorFormatter(processor=structlog.dev.ConsoleRenderer())
