"""Tasks with what only Celery knows: retries, limits, a timetable."""

import os
import signal
import time
from contextlib import suppress

from celery import Task, shared_task
from celery.exceptions import SoftTimeLimitExceeded
from config.celery import app
from observability.events import log_event

app.conf.beat_schedule = {"tick": {"task": "stories.celery_only.tick", "schedule": 0.5}}


@shared_task(bind=True, max_retries=2)
def flaky(self: Task, word: str) -> None:
    """Fail at first."""
    if self.request.retries < 1:
        raise self.retry(exc=LookupError("not yet"), countdown=1)
    log_event("in_flaky", {"letters": len(word)})


@shared_task(time_limit=2, soft_time_limit=1)
def endless(word: str) -> None:
    """Never end, whatever the soft limit says."""
    while word:
        with suppress(SoftTimeLimitExceeded):
            time.sleep(0.1)


@shared_task(reject_on_worker_lost=False)
def dies(word: str) -> None:
    """Take the process along, with nobody to run the task again."""
    os.kill(os.getpid(), signal.SIGKILL if word else 0)


@shared_task
def tick() -> None:
    """Log something, as a timetable says."""
    log_event("in_tick")
