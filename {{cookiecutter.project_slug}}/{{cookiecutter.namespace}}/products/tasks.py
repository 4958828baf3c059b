{% set celery = cookiecutter.task_queue == "celery" -%}
"""Tasks of products, which a worker runs: {{ "celery -A config worker" if celery else "manage.py db_worker" }}

{{ "https://docs.celeryq.dev/en/stable/userguide/tasks.html" if celery else "https://docs.djangoproject.com/en/stable/topics/tasks/" }}
"""

{% if celery -%}
from celery import shared_task
from django.db import transaction
{%- else -%}
from django.db import transaction
from {{ "django.tasks" if cookiecutter.django_version == "6.1" else "django_tasks" }} import task
{%- endif %}

from ..logging_helper import log_event, log_operation
from .models import Product

LOW_STOCK = 5


@{{ "shared_task  # type: ignore[untyped-decorator]  # Celery has no types" if celery else "task" }}
def check_stock(product_id: int) -> None:
    """Log a product of which few are left."""
    with log_operation("check_stock", {"product": product_id}):
        left = Product.objects.get(pk=product_id).stock
        if left < LOW_STOCK:
            log_event("stock_is_low", {"product": product_id, "left": left}, "WARNING")


def check_later(product_id: int) -> None:
    """Queue the check once the product is committed; a queue that is down fails no request."""
    transaction.on_commit(lambda: check_stock.{{ "delay" if celery else "enqueue" }}(product_id), robust=True)
