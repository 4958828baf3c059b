"""Tasks of both frameworks: one that queues another, and two that fail."""

import os
import signal
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import django
from observability.events import log_event, log_operation

IS_CELERY = find_spec("celery") is not None
if IS_CELERY:
    from celery import shared_task as task
else:
    task = import_module("django.tasks" if django.VERSION >= (6,) else "django_tasks").task


def queue(of: object, *arguments: object) -> None:
    """Queue a task, by the name that its framework has for that."""
    getattr(of, "delay" if IS_CELERY else "enqueue")(*arguments)


@task
def outer(word: str, die_once: str = "") -> str:
    """Queue another task; where a file's name is given, first die if it is not there."""
    log_event("in_outer", {"letters": len(word)})
    if die_once and not Path(die_once).exists():
        Path(die_once).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    queue(inner, word)
    return word  # which must not be logged, either


@task
def inner(word: str) -> str:
    """Log something."""
    log_event("in_inner", {"letters": len(word)})
    return word


@task
def crash(word: str) -> None:
    """Fail, as a fault of the service."""
    log_event("in_crash", {"letters": len(word)})
    raise LookupError("the shelf is gone")


@task
def crash_in_operation(word: str) -> None:
    """Fail in an operation, which reports it first."""
    with log_operation("operate", {"letters": len(word)}):
        raise LookupError("the shelf is gone")


if IS_CELERY:
    import_module("stories.celery_only")
