"""Switches on what speaks by itself, and the system checks."""

from django.apps import AppConfig, apps
from django.core import checks
from django.core.signals import request_finished
from django.db.backends.signals import connection_created


class ObservabilityConfig(AppConfig):
    """The application that makes the log lines."""

    name = "{{ cookiecutter.namespace }}.observability"

    def ready(self) -> None:
        """Connect the receivers and register the checks."""
        from . import security
        from .checks import check_logging, check_request_id
        from .queries import watch_connection
        from .request_id import clear_request_id
        from .serving import stop_serving
        from .uncaught import log_what_nobody_caught

        request_finished.connect(clear_request_id, dispatch_uid="clear_request_id")
        request_finished.connect(stop_serving, dispatch_uid="stop_serving")
        connection_created.connect(watch_connection, dispatch_uid="watch_connection")
        security.connect()
        if apps.is_installed("auditlog"):
            from . import audit

            audit.connect()
        log_what_nobody_caught()
        checks.register(check_logging, "logging")
        checks.register(check_request_id, "logging")
