"""Switches on what speaks by itself: the end of a request, and the system checks."""

from django.apps import AppConfig
from django.core import checks
from django.core.signals import request_finished


class ObservabilityConfig(AppConfig):
    """The application that makes the log lines."""

    name = "{{ cookiecutter.namespace }}.observability"

    def ready(self) -> None:
        """Connect the receivers and register the checks."""
        from .checks import check_logging, check_request_id
        from .request_id import clear_request_id

        request_finished.connect(clear_request_id, dispatch_uid="clear_request_id")
        checks.register(check_logging, "logging")
        checks.register(check_request_id, "logging")
