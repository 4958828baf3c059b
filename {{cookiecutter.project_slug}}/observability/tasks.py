"""Tasks: each line of one has the ids of whoever queued it; its start and outcome are logged.

No framework is named here: django_tasks.py and celery_tasks.py call these functions.
"""

import logging
from collections.abc import Mapping
from threading import get_ident
from time import perf_counter, time
from typing import Any

from . import context
from .access import request_ended
from .events import log_event

# Under which name what a task has kept travels with it, beside its arguments.
KEPT = "observability"


def carried() -> dict[str, Any]:
    """Return what a task keeps of whoever queues it: ids, and when, in seconds since the epoch."""
    kept: dict[str, Any] = {"queued_at": time()}
    if outer := context.current_request():
        ids = context.ids_of(outer)
        kept |= {"request_id": outer.request_id, "user_id": ids.get("user_id")}
        kept["traceparent"] = outer.META.get("HTTP_TRACEPARENT", "")
        if "span_id" in ids:
            kept["traceparent"] = f"00-{ids['trace_id']}-{ids['span_id']}-01"
    return kept


class TaskContext(context.RequestContext):
    """What is known of a task; one that nobody's request has queued has its own id as theirs."""

    def __init__(self, task: str, task_id: str, kept: Mapping[str, Any], started: float) -> None:
        meta = {"HTTP_TRACEPARENT": str(kept.get("traceparent", ""))}
        super().__init__(context.accepted_id(str(kept.get("request_id") or task_id)), meta)
        user = {} if kept.get("user_id") is None else {"user_id": kept["user_id"]}
        self.ids = {**user, "task_id": task_id, **self.ids}
        self.task, self.queued_ms = task, _ms(started - kept.get("queued_at", started))
        self.started = perf_counter() - (time() - started)
        self.outer = context.current_request()  # it may be a part of that


_running: dict[tuple[str, int], TaskContext] = {}  # by the task's id and the thread


def begin_task(task: str, task_id: str, kept: Mapping[str, Any]) -> None:
    """Make a task the current one of its thread, and log its start; `kept` is what it carried."""
    current = _running[task_id, get_ident()] = TaskContext(task, task_id, kept, time())
    context.make_current(current)
    context.request_began.send_robust(current)
    log_event("task_started", {"task": task, "queued_ms": current.queued_ms})


def log_outcome(event: str, task_id: str, exception: BaseException | None = None) -> None:
    """Log how a task of this thread has ended, or else the one that is current."""
    current = _running.get((task_id, get_ident())) or context.current_request()
    if not isinstance(current, TaskContext) or current.finished:
        return
    current.finished, duration = True, _ms(perf_counter() - current.started)
    payload = {"task": current.task, "duration_ms": duration, "queued_ms": current.queued_ms}
    level = {"task_succeeded": "INFO", "task_failed": "ERROR"}.get(event, "WARNING")
    if exception and current.has_reported(exception, logging.ERROR):
        level = "WARNING"
    if event == "task_succeeded":
        payload |= {"db_queries": current.queries, "db_ms": _ms(current.db_seconds)}
    with context.bound(current):
        log_event(event, payload, level, exception=exception)
        request_ended.send_robust(current, payload=payload | {"outcome": event})


def end_task(task_id: str, **_signal: Any) -> None:
    """Forget a task that has ended: what was current before is so again."""
    if ended := _running.pop((task_id, get_ident()), None):
        context.make_current(ended.outer)


def _ms(seconds: float) -> float:
    return round(max(0.0, seconds) * 1000, 3)
