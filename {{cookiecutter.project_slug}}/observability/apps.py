"""Switches on what is logged without being asked, and the system checks."""

from importlib import import_module
from typing import Any

from django.apps import AppConfig
from django.core import checks, signals

from .checks import check_audit, check_logging, check_middleware
from .context import end_request
from .line.redact import redactor
from .line.values import safe_values
from .settings import setting


class ObservabilityConfig(AppConfig):
    """The application that makes the log lines."""

    name = "observability"

    def ready(self) -> None:
        """Connect the receivers and register the checks."""
        forget_settings()
        signals.setting_changed.connect(forget_settings)
        signals.request_finished.connect(end_request)
        for watcher in setting("LOG_WATCHERS"):
            import_module(f"observability.{watcher}").connect()
        for check in (check_logging, check_middleware, check_audit):
            checks.register(check, "logging")


def forget_settings(**_signal: Any) -> None:
    """Forget what was made of the settings: a test, or django.setup(), has changed them."""
    redactor.cache_clear()
    safe_values.cache_clear()
