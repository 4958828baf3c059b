"""Switches on what speaks by itself, and the system checks."""

from importlib import import_module

from django.apps import AppConfig
from django.conf import settings
from django.core import checks
from django.core.signals import request_finished


class ObservabilityConfig(AppConfig):
    """The application that makes the log lines."""

    name = "{{ cookiecutter.namespace }}.observability"

    def ready(self) -> None:
        """Connect the receivers and register the checks."""
        from .checks import check_logging, check_request_id
        from .serving import end_request

        request_finished.connect(end_request, dispatch_uid="end_request")
        for name in settings.LOG_WATCHERS:
            import_module(f".{name}", __package__).connect()
        checks.register(check_logging, "logging")
        checks.register(check_request_id, "logging")
