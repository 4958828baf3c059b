"""Tasks of Django's framework in the database of django-tasks-db: a watcher.

https://docs.djangoproject.com/en/stable/topics/tasks/
"""

import logging
import sys
from typing import Any

from django.db.models.signals import pre_save
from django_tasks_db import compat, models  # type: ignore[import-not-found,unused-ignore]
from django_tasks_db.management.commands import db_worker  # type: ignore[import-not-found,unused-ignore]

from .tasks import KEPT, begin_task, carried, end_task, log_outcome


def connect() -> None:
    """Watch tasks being queued, started and finished."""
    pre_save.connect(_queued, sender=models.DBTaskResult)
    compat.task_started.connect(_started)
    compat.task_finished.connect(_finished)
    # As no server does, the worker runs no system checks: what they print is no line.
    db_worker.Command.requires_system_checks = []
    # What the framework says of a task, the events say; its record would be the first report.
    logging.getLogger(compat.TASKS_LOGGER).disabled = True


def worker_logger() -> logging.Logger:
    """Return the logger of a worker."""
    return logging.getLogger("django_tasks_db")


def _queued(instance: Any, **_signal: Any) -> None:
    if instance._state.adding:
        # Whoever runs the task reads only its args and kwargs.
        instance.args_kwargs[KEPT] = carried()


def _started(task_result: Any, **_signal: Any) -> None:
    row = getattr(task_result, "db_result", None)
    # Without a row, it runs where it was queued, as in tests.
    kept = row.args_kwargs.get(KEPT, {}) if row else carried()
    begin_task(task_result.task.module_path, task_result.id, kept)


def _finished(task_result: Any, **_signal: Any) -> None:
    if task_result.status == compat.TaskResultStatus.FAILED:
        log_outcome("task_failed", task_result.id, sys.exc_info()[1])
    else:
        log_outcome("task_succeeded", task_result.id)
    end_task(task_result.id)
