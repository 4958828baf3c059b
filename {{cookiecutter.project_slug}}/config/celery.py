"""The Celery application: celery -A config worker, celery -A config beat

https://docs.celeryq.dev/en/stable/django/first-steps-with-django.html
"""

import os

from observability.celery_tasks import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

# CELERY_BROKER_URL goes before. Celery's own defaults take JSON alone, and keep no results.
# https://docs.celeryq.dev/en/stable/userguide/configuration.html
app = Celery("config", broker="redis://127.0.0.1:6379/0")
# A task that ended with its worker runs again, so it must do no harm when it runs twice.
app.conf.task_acks_late = app.conf.task_reject_on_worker_lost = True
# Seconds: SoftTimeLimitExceeded is raised in the task, then its process is killed.
app.conf.update(task_soft_time_limit=270, task_time_limit=300, worker_prefetch_multiplier=1)
app.autodiscover_tasks()
