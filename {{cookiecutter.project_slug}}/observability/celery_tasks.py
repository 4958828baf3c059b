"""Tasks and workers of Celery: a watcher, and an application whose worker prints nothing.

https://docs.celeryq.dev/en/stable/userguide/signals.html
"""

import logging
import re
import sys
from collections.abc import Callable
from importlib import import_module
from time import time
from typing import Any

import celery  # type: ignore[import-not-found,import-untyped,unused-ignore]
from celery import signals
from celery.utils import log  # type: ignore[import-not-found,import-untyped,unused-ignore]

from .context import bound
from .servers import service_stopped
from .tasks import KEPT, TaskContext, begin_task, carried, end_task, log_outcome

_WORKER = "celery.worker"
# What Celery says of a task, which its events say, too; and where it quotes the arguments.
_TOLD = re.compile(
    r"Task %\(name\)s\[%\(id\)s\] (received|succeeded|retry|%\(description\)s: )"
    r"|Hard time limit|Task handler raised error"
)
_QUOTE = re.compile(r"\n\n| \[type:| Task: ")
_LOGGERS = ("app.trace", "worker.strategy", "worker.request", "worker.consumer.consumer")


class Celery(celery.Celery):  # type: ignore[misc,unused-ignore]
    """The application; its worker and its beat print no banner, however they are started."""

    def subclass_with_self(self, kind: Any, *args: Any, **kwargs: Any) -> Any:
        """Return a class of the application's own."""
        if str(kind).startswith("celery.apps."):
            kwargs["quiet"] = property(lambda _self: True, lambda _self, _given: None)
        return super().subclass_with_self(kind, *args, **kwargs)


def connect() -> None:
    """Watch tasks being queued, started and finished, and keep Celery off the loggers."""
    signals.before_task_publish.connect(_queued)
    signals.task_prerun.connect(_started)
    signals.task_success.connect(_succeeded)
    signals.task_failure.connect(_failed)
    signals.task_retry.connect(_retried)
    signals.task_postrun.connect(end_task)
    signals.setup_logging.connect(_keep_logging)
    signals.worker_process_shutdown.connect(_stop)
    signals.celeryd_init.connect(_prepare_worker)
    for name in _LOGGERS:
        logging.getLogger(f"celery.{name}").addFilter(_without_arguments)


def worker_logger() -> logging.Logger:
    """Return the logger of a worker, after the set-up that Celery gives it."""
    celery.current_app.log.setup_logging_subsystem()
    return logging.getLogger(_WORKER)


def _queued(headers: dict[str, Any], **_signal: Any) -> None:
    headers[KEPT] = carried()  # the arguments are in the body of the message


def _started(task: Any, task_id: str, **_signal: Any) -> None:
    # Without a message, it runs where it was queued: apply(), or task_always_eager.
    kept = carried() if task.request.is_eager else task.request.get(KEPT) or {}
    begin_task(task.name, task_id, kept)


def _succeeded(sender: Any, **_signal: Any) -> None:
    log_outcome("task_succeeded", sender.request.id)


def _failed(task_id: str, exception: BaseException, **_signal: Any) -> None:
    # Celery may pass a copy of the exception, for another process.
    log_outcome("task_failed", task_id, sys.exc_info()[1] or exception)


def _retried(request: Any, reason: Any, **_signal: Any) -> None:
    log_outcome("task_retried", request.id, reason.exc)


def _stop(**_signal: Any) -> None:
    """Stop as a server's process does: a child of the pool runs nothing of atexit."""
    service_stopped.send(None)


def _keep_logging(**_signal: Any) -> None:
    """Stand in for Celery's own set-up; let the pool say that a process was killed."""
    pool = log.get_multiprocessing_logger()
    pool.propagate = True
    pool.setLevel(logging.WARNING)


def _prepare_worker(**_signal: Any) -> None:
    """Have the worker log what it would print, and its main process speak of a task as that."""
    program: Any = import_module("celery.apps.worker")
    program.safe_say = lambda message, _file=None: logging.getLogger(_WORKER).info(message)
    Request: Any = import_module("celery.worker.request").Request  # noqa: N806
    Request.on_timeout = _as_task(Request.on_timeout)
    Request.on_failure = _as_task(Request.on_failure)


def _as_task(method: Callable[..., Any]) -> Callable[..., Any]:
    def called(request: Any, *args: Any, **kwargs: Any) -> None:
        kept, started = request.request_dict.get(KEPT) or {}, request.time_start or time()
        context = TaskContext(request.name, request.id, kept, started)
        # One for all that befalls the task: Celery tells twice of a limit.
        context = vars(request).setdefault("log_context", context)
        with bound(context):
            method(request, *args, **kwargs)
            wrapped = getattr(next(iter(args), None), "exception", None)
            error = getattr(wrapped, "exc", wrapped)
            # Its process was killed, and the broker gives the task to another.
            if type(error).__name__ == "WorkerLostError":
                log_outcome("task_retried", request.id, error)

    return called


def _without_arguments(record: logging.LogRecord) -> bool:
    """Drop what the events say; take a task's arguments out of the rest."""
    record.__dict__.pop("data", None)
    text = str(record.msg)
    if _QUOTE.search(text):
        record.msg = _QUOTE.split(text)[0]
        record.args = tuple(record.args or ())[: record.msg.count("%")]
    return not _TOLD.match(text)
