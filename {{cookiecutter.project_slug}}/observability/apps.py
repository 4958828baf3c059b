"""Switches on what is logged without being asked, and the system checks."""

from importlib import import_module
from typing import Any

from django.apps import AppConfig
from django.core import checks, signals

from .settings import setting


class ObservabilityConfig(AppConfig):
    """The application that makes the log lines."""

    name = "observability"

    def ready(self) -> None:
        """Connect the receivers and register the checks."""
        from .checks import check_logging, check_middleware
        from .context import end_request

        signals.request_finished.connect(end_request, dispatch_uid="end_request")
        signals.setting_changed.connect(_forget_settings, dispatch_uid="forget_settings")
        _forget_settings(setting="LOG_")
        for name in setting("LOG_WATCHERS"):
            import_module(f"observability.{name}").connect()
        checks.register(check_logging, "logging")
        checks.register(check_middleware, "logging")


def _forget_settings(*, setting: str, **_signal: Any) -> None:
    """Forget what was made of the settings: a test, or django.setup(), has changed them."""
    from .line.redact import redactor
    from .line.values import safe_values

    if setting.startswith("LOG_"):
        redactor.cache_clear()
        safe_values.cache_clear()
