"""The example: what /api/products/ answers, and what it logs. It goes when the example goes."""

import pytest

from {{ cookiecutter.namespace }}.products.models import Product
from {{ cookiecutter.namespace }}.products.views import ProductListView

URL = "/api/products/"
LAPTOP = {"name": "Laptop", "stock": 10, "price": "50000.00"}


def names(events, response) -> list[str]:
    """Return the events of the view, of one request."""
    return [name for name in events.of(response["X-Request-ID"]) if "_product" in name]


def test_products_are_listed(api, events):
    product = Product.objects.create(**LAPTOP)
    response = api.get(URL)
    assert response.status_code == 200
    assert response.json()["results"] == [{"id": product.pk, **LAPTOP}]
    assert names(events, response) == ["fetch_products_start", "fetch_products_success"]
    assert events.only("fetch_products_success", count=1).levelname == "INFO"


def test_a_list_that_fails_is_logged_as_an_error(api, events, monkeypatch):
    monkeypatch.setattr(ProductListView, "paginate_queryset", crash)
    response = api.get(URL)
    assert response.status_code == 500
    assert names(events, response) == ["fetch_products_start", "fetch_products_error"]
    assert events.only("fetch_products_error").levelname == "ERROR"


def test_a_product_is_created(api, events):
    response = api.post(URL, LAPTOP, format="json")
    assert response.status_code == 201
    product = Product.objects.get()
    assert response.json() == {"id": product.pk, **LAPTOP}
    assert names(events, response) == ["create_product_start", "create_product_success"]
    assert events.only("create_product_success", id=product.pk).levelname == "INFO"


@pytest.mark.parametrize(
    ("change", "attribute"),
    [({"name": ""}, "name"), ({"stock": -1}, "stock"), ({"price": "much"}, "price")],
)
def test_invalid_input_is_refused_and_is_no_error(api, events, change, attribute):
    response = api.post(URL, LAPTOP | change, format="json")
    assert response.status_code == 400
    assert [error["attr"] for error in response.json()["errors"]] == [attribute]
    assert names(events, response) == ["create_product_start", "create_product_error"]
    assert events.only("create_product_error", status=400).levelname == "WARNING"
    assert not Product.objects.exists()


def crash(*_arguments):
    raise LookupError("the shelf is gone")
