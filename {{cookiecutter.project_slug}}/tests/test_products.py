"""The example: what /api/products/ answers, and what it logs. It goes when the example goes."""

import pytest

from {{ cookiecutter.namespace }}.products.models import Product
from {{ cookiecutter.namespace }}.products.views import ProductViewSet

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
    monkeypatch.setattr(ProductViewSet, "paginate_queryset", crash)
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


@pytest.mark.parametrize(
    ("method", "sent", "operation"),
    [
        ("get", {}, "retrieve_product"),
        ("put", LAPTOP | {"stock": 9}, "update_product"),
        ("patch", {"stock": 9}, "update_product"),
        ("delete", {}, "delete_product"),
    ],
)
def test_one_product(api, events, method, sent, operation):
    product = Product.objects.create(**LAPTOP)
    response = getattr(api, method)(f"{URL}{product.pk}/", sent, format="json")
    kept = {"id": product.pk, **LAPTOP, **sent}
    assert (response.data or kept) == kept
    assert list(Product.objects.values_list("stock", flat=True)) == (
        [] if method == "delete" else [kept["stock"]]
    )
    assert names(events, response) == [f"{operation}_start", f"{operation}_success"]
    events.only(f"{operation}_success", id=product.pk)


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
def test_a_product_that_is_not_there(api, events, method):
    response = getattr(api, method)(f"{URL}1/", LAPTOP, format="json")
    assert (response.status_code, response.json()["code"]) == (404, "not_found")
    assert names(events, response)[1].endswith("_error")


@pytest.mark.parametrize(
    ("query", "found"),
    [("search=lap", ["Laptop"]), ("ordering=-stock", ["Pen", "Laptop"])],
)
def test_a_list_is_searched_and_ordered(api, query, found):
    Product.objects.create(**LAPTOP)
    Product.objects.create(name="Pen", stock=500, price=1)
    results = api.get(f"{URL}?{query}").json()["results"]
    assert [product["name"] for product in results] == found


def crash(*_arguments):
    raise LookupError("the shelf is gone")
