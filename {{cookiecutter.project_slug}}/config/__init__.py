{% if cookiecutter.task_queue == "celery" -%}
"""The configuration; Celery's application is made with it, so that tasks find their broker."""

from .celery import app as app
{% endif %}