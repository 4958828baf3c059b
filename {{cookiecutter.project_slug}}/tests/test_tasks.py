"""Tasks, run where they are queued: each has the id of the request that queued it."""

import pytest

from {{ cookiecutter.namespace }}.products.tasks import LOW_STOCK


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("stock", [LOW_STOCK - 1, LOW_STOCK])
def test_the_stock_of_a_new_product_is_checked(api, events, stock):
    pen = {"name": "Pen", "stock": stock, "price": 1}
    response = api.post("/api/products/", pen, format="json")
    story = events.of(response["X-Request-ID"])
    low = ["stock_is_low"] if stock < LOW_STOCK else []
    told = ["task_started", "check_stock_start", *low, "check_stock_success", "task_succeeded"]
    assert [event for event in story if event in told] == told
