"""The API of products: what it answers, and exactly which events it logs."""

import json

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from rest_framework.test import APIClient

from ecommerce.products.models import Product

from .support import NAMESPACE, Logs, manage

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("test_views")]

URL = "/api/products/"
LOGGER = f"{NAMESPACE}.products.views"
LAPTOP = {"name": "Laptop", "stock": 10, "price": 50000}


@pytest.fixture
def api() -> APIClient:
    """Return a client that is let in, with DEBUG or without."""
    client = APIClient(raise_request_exception=False)
    client.force_authenticate(get_user_model()(username="ann"))
    return client


def crash(*_args, **_kwargs):
    raise LookupError("the shelf is gone")


def test_products_are_listed(api, logs: Logs):
    Product.objects.create(**LAPTOP)
    response = api.get(URL)
    assert response.status_code == 200
    assert response.json()["results"] == [
        {"id": Product.objects.get().pk, "name": "Laptop", "stock": 10, "price": "50000.00"}
    ]
    start, success = logs.lines(logger=LOGGER)
    assert (start["event"], success["event"]) == ("fetch_products_start", "fetch_products_success")
    assert (success["level"], success["payload"]["count"]) == ("INFO", 1)


def test_a_product_is_created(api, logs: Logs):
    response = api.post(URL, LAPTOP, format="json")
    assert response.status_code == 201
    start, success = logs.lines(logger=LOGGER)
    assert (start["event"], success["event"]) == ("create_product_start", "create_product_success")
    assert success["payload"]["id"] == response.json()["id"] == Product.objects.get().pk
    assert start["request_id"] == success["request_id"] == response["X-Request-ID"]


@pytest.mark.parametrize(
    ("body", "attributes"),
    [
        ({}, {"name", "stock", "price"}),
        ({**LAPTOP, "name": ""}, {"name"}),
        ({**LAPTOP, "name": "x" * 201}, {"name"}),
        ({**LAPTOP, "stock": -1}, {"stock"}),
        ({**LAPTOP, "stock": "many"}, {"stock"}),
        ({**LAPTOP, "price": -1}, {"price"}),
        ({**LAPTOP, "price": "NaN"}, {"price"}),
        ({**LAPTOP, "price": "1.234"}, {"price"}),
        ({**LAPTOP, "price": 10**12}, {"price"}),
        ([], {None}),
    ],
    ids=str,
)
def test_invalid_input_is_refused_and_is_no_crash(api, logs: Logs, body, attributes):
    response = api.post(URL, body, format="json")
    assert response.status_code == 400
    assert response["Content-Type"] == "application/problem+json"
    problem = response.json()
    assert problem["request_id"] == response["X-Request-ID"]
    assert problem["status"] == 400
    if attributes != {None}:
        assert {error["attr"] for error in problem["errors"]} == attributes
    start, error = logs.lines(logger=LOGGER)
    assert (start["event"], error["event"]) == ("create_product_start", "create_product_error")
    assert (error["level"], error["payload"]["status"]) == ("WARNING", 400)
    assert "exception" not in error
    assert logs.lines("errors") == []


def test_a_body_that_is_no_json_is_refused(api, logs: Logs):
    response = api.post(URL, "{", content_type="application/json")
    assert response.status_code == 400
    assert logs.lines(logger=LOGGER)[-1]["payload"]["codes"] == "parse_error"


@pytest.mark.parametrize(
    ("operation", "method", "patched"),
    [
        ("fetch_products", "get", "Product.objects.count"),
        ("create_product", "post", "Product.save"),
    ],
)
def test_a_crash_answers_500_and_has_one_traceback(
    api, logs: Logs, monkeypatch, operation, method, patched
):
    target = Product if patched == "Product.save" else type(Product.objects.all())
    monkeypatch.setattr(target, patched.rpartition(".")[2], crash)
    response = getattr(api, method)(URL, *([LAPTOP] if method == "post" else []), format="json")
    assert response.status_code == 500
    assert response["Content-Type"] == "application/problem+json"
    assert response.json()["request_id"] == response["X-Request-ID"]
    assert "shelf" not in response.content.decode()
    assert logs.events(LOGGER) == [f"{operation}_start", f"{operation}_error"]
    assert_one_traceback(logs, "the shelf is gone")
    assert logs.lines("errors", LOGGER)[0]["exception"]["message"] == "the shelf is gone"


@pytest.mark.parametrize("path", ["/api/test/crash", "/api/test/drf-crash"])
def test_a_crash_outside_an_operation_has_one_traceback_too(logs: Logs, path):
    response = Client(raise_request_exception=False).get(path)
    assert response.status_code == 500
    assert response["Content-Type"] == "application/problem+json"
    assert response.json()["request_id"] == response["X-Request-ID"]
    assert_one_traceback(logs, "crashed")


def test_a_crash_of_a_page_tells_the_request_id(logs: Logs):
    response = Client(raise_request_exception=False).get("/test/crash")
    assert response.status_code == 500
    assert response["X-Request-ID"] in response.content.decode()
    assert_one_traceback(logs, "crashed")


def assert_one_traceback(logs: Logs, message: str) -> None:
    told = [line["exception"] for line in logs.lines() if "stacktrace" in line.get("exception", {})]
    assert len(told) == 1
    assert message in told[0]["message"]
    assert [line["exception"] for line in logs.lines("errors")] == told


@pytest.mark.parametrize(
    ("path", "media_type"), [("/api/nowhere/", "application/problem+json"), ("/x/", "text/html")]
)
def test_an_unknown_path_is_answered_in_kind(path, media_type):
    response = Client().get(path)
    assert response.status_code == 404
    assert response["Content-Type"].startswith(media_type)


@pytest.mark.parametrize(
    ("method", "status"), [("put", 405), ("delete", 405), ("patch", 405), ("options", 200)]
)
def test_what_it_does_not_do_is_answered_as_a_problem(api, method, status):
    assert getattr(api, method)(URL).status_code == status


def test_the_description_of_the_api_has_its_paths():
    from drf_spectacular.generators import SchemaGenerator

    paths = SchemaGenerator().get_schema(request=None, public=True)["paths"]
    assert set(paths[URL]) == {"get", "post"}


@pytest.mark.parametrize("path", ["/health/live", "/health/ready"])
@pytest.mark.parametrize("host", ["testserver", "10.0.0.7", "elsewhere.example.com"])
def test_health_is_told_whatever_the_host(settings, path, host):
    settings.SECURE_SSL_REDIRECT = True
    response = Client().get(path, headers={"Host": host})
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


def test_readiness_says_when_the_database_is_away(monkeypatch):
    from django.db import OperationalError, connection

    def away(*_args, **_kwargs):
        raise OperationalError("password=canary")

    monkeypatch.setattr(connection, "cursor", away)
    response = Client().get("/health/ready")
    assert response.status_code == 503
    assert "canary" not in response.content.decode()


def test_the_admin_lists_products(settings):
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    Product.objects.create(**LAPTOP)
    admin = get_user_model().objects.create_superuser("admin")
    client = Client()
    client.force_login(admin)
    response = client.get("/admin/products/product/")
    assert response.status_code == 200
    assert "Laptop" in response.content.decode()


@pytest.mark.parametrize(("debug", "let_in"), [("True", "AllowAny"), ("False", "IsAuthenticated")])
def test_without_debug_the_api_is_closed_to_anonymous_callers(tmp_path, debug, let_in):
    code = (
        "from django.conf import settings; print(__import__('json').dumps(settings.REST_FRAMEWORK))"
    )
    shown = manage(tmp_path, "shell", "--command", code, DEBUG=debug)
    (line,) = [line for line in shown.stdout.splitlines() if line.startswith("{")]
    assert json.loads(line)["DEFAULT_PERMISSION_CLASSES"] == [
        f"rest_framework.permissions.{let_in}"
    ]
