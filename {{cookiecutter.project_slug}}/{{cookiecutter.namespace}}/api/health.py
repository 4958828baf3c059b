"""Health endpoints for probes: /health/live (it serves), /health/ready (so does what it needs).

They are its own, since those of django-health-check know of no migrations and answer below the
host checks.
"""

from functools import lru_cache
from tempfile import TemporaryFile
{% if cookiecutter.task_queue == "celery" %}
from celery import current_app
{%- endif %}
from django.conf import settings
from django.core.cache import cache
from django.db import connection, connections
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.utils.deprecation import MiddlewareMixin

from ..logging_helper import log_event


class HealthMiddleware(MiddlewareMixin):
    """Answers above host checks and redirects to HTTPS, which a probe by address would fail."""

    def process_request(self, request: HttpRequest) -> JsonResponse | None:
        """Answer a probe; leave every other request alone."""
        if request.path_info == "/health/live":
            return JsonResponse({"status": "ok"})
        return _readiness() if request.path_info == "/health/ready" else None


def _readiness() -> JsonResponse:
    for name, check in CHECKS.items():
        try:
            check()
        except Exception as error:
            log_event("not_ready", {"check": name}, "ERROR", exception=error)
            facts = {"status": "unavailable", "check": name, "error": type(error).__name__}
            return JsonResponse(facts, status=503)
    return JsonResponse({"status": "ok"})


class UnmigratedError(Exception):
    """The database lacks a migration."""


def database() -> None:
    """Raise if a database does not answer, or lacks a migration."""
    for each in connections.all():
        each.cursor().execute("SELECT 1")
    require_migrations()


@lru_cache  # Looks until it finds nothing missing: what is raised is not remembered.
def require_migrations() -> None:
    """Raise UnmigratedError if a migration was not applied."""
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise UnmigratedError("Migrations are missing. Fix: manage.py migrate")


def cache_keeps() -> None:
    """Raise if the cache does not keep a value."""
    cache.set("health", "ok", 60)
    if cache.get("health") != "ok":
        raise RuntimeError("The cache has not kept a value.")


def log_folder() -> None:
    """Raise if no file can be created where log files go, if there are any."""
    if any("file" in handler for handler in settings.LOG_HANDLERS):
        settings.LOG_DIR.mkdir(mode=0o750, parents=True, exist_ok=True)
        TemporaryFile(dir=settings.LOG_DIR).close()


# What must work before a request can be served: a function each, which raises if it does not.
CHECKS = {"database": database, "cache": cache_keeps, "log_folder": log_folder}
{%- if cookiecutter.task_queue == "celery" %}
# That tasks can be queued.
CHECKS["broker"] = lambda: current_app.connection_for_write().ensure_connection(timeout=2).release()
{%- endif %}
