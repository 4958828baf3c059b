"""The API of products: what it answers, and exactly which events it logs."""

import json
import re

import pytest
from django.contrib.auth import get_user_model
from django.core.exceptions import (
    BadRequest,
    RequestDataTooBig,
    SuspiciousOperation,
    TooManyFieldsSent,
)
from django.http import UnreadablePostError
from django.test import Client
from django.views.csrf import csrf_failure
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.test import APIClient

from ecommerce.api.errors import ProblemMiddleware
from ecommerce.products.models import Product
from observability.events import log_operation

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
    assert logs.lines(logger=LOGGER)[-1]["payload"]["codes"] == {"detail": ["parse_error"]}


@pytest.mark.parametrize(
    ("detail", "codes"),
    [
        ("a", {"detail": ["invalid"]}),
        (["a", "b"], {"detail": ["invalid", "invalid"]}),
        ({"a": ["b"]}, {"a": ["invalid"]}),
        ({"a": [{"b": ["c"]}, {}], "d": {"e": "f"}}, {"a": ["invalid"], "d": ["invalid"]}),
        ([{"a": ["b"]}, {}], {"detail": ["invalid"]}),
    ],
    ids=str,
)
def test_codes_are_an_object_of_lists_of_texts(logs: Logs, detail, codes):
    with pytest.raises(ValidationError), log_operation("check"):
        raise ValidationError(detail)
    assert logs.lines()[-1]["payload"]["codes"] == codes


@pytest.mark.parametrize(
    ("exception", "status"),
    [
        (RequestDataTooBig(), 413),
        (TooManyFieldsSent(), 400),
        (SuspiciousOperation(), 400),
        (BadRequest(), 400),
        (UnreadablePostError(), 400),
    ],
    ids=lambda each: type(each).__name__,
)
@pytest.mark.parametrize("debug", [False, True])
def test_what_django_refuses_has_one_status_in_the_log_and_the_answer(
    api, logs: Logs, monkeypatch, settings, exception, status, debug
):
    def refuse(*_args):
        raise exception

    settings.DEBUG = debug
    monkeypatch.setattr(Request, "_load_data_and_files", refuse)
    response = api.post(URL, LAPTOP, format="json")
    assert (response.status_code, response.json()["status"]) == (status, status)
    lines = logs.lines()
    assert {line["payload"].get("status", status) for line in lines} == {status}
    assert not [line for line in lines if line["level"] == "ERROR"]
    suspicious = [line["level"] for line in lines if line["event"] == "suspicious_operation"]
    assert suspicious == ["WARNING"] * isinstance(exception, SuspiciousOperation)


@pytest.mark.parametrize("debug", [False, True])
@pytest.mark.parametrize(
    ("path", "headers", "status", "code"),
    [
        ("/api/nowhere/", {}, 404, "not_found"),
        (f"{URL}1/", {}, 404, "not_found"),
        (f"{URL}x/", {}, 404, "not_found"),
        (URL, {"Host": "elsewhere.example"}, 400, "bad_request"),
        (URL, {"Accept": "text/html"}, 406, "not_acceptable"),
        ("/api/schema/", {"Authorization": "Token wrong"}, 401, "authentication_failed"),
        ("/api/docs/", {"Authorization": "Token wrong"}, 401, "authentication_failed"),
    ],
)
def test_every_error_has_one_shape(settings, path, headers, status, code, debug):
    settings.DEBUG = debug
    response = APIClient(headers=headers).get(path)
    if response.status_code != 401:  # where strangers are not let in
        assert (response.status_code, response.json()["code"]) == (status, code)
    assert_problem(response)


def test_a_form_below_api_without_its_token_is_answered_in_the_same_shape(rf):
    response = ProblemMiddleware(lambda request: csrf_failure(request))(rf.post("/api/form"))
    assert (response.status_code, response["Content-Type"]) == (403, "application/problem+json")
    assert json.loads(response.content)["code"] == "permission_denied"


def assert_problem(response) -> None:
    assert response["Content-Type"] == "application/problem+json"
    assert int(response["Content-Length"]) == len(response.content)
    problem = response.json()
    assert list(problem) == ["type", "title", "status", "code", "request_id", "errors"]
    assert problem["status"] == response.status_code
    assert problem["request_id"] == response["X-Request-ID"]
    assert [set(error) for error in problem["errors"]] == [{"code", "detail", "attr"}]


@pytest.mark.parametrize("outside", [ValueError, RecursionError, LookupError])
@pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
def test_a_crash_of_the_service_is_no_fault_of_the_request(
    api, logs: Logs, monkeypatch, method, outside
):
    def fails(*_args):
        raise outside("of the service")

    monkeypatch.setattr("ecommerce.products.views.ProductViewSet.get_object", fails)
    response = getattr(api, method)(f"{URL}1/", LAPTOP, format="json")
    assert response.status_code == 500
    assert_problem(response)
    assert_one_traceback(logs, "of the service")


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
    assert set(paths[f"{URL}{{id}}/"]) == {"get", "put", "patch", "delete"}


def test_the_description_lists_errors_and_says_what_is_allowed():
    from drf_spectacular.generators import SchemaGenerator

    schema = SchemaGenerator(urlconf="config.urls").get_schema(request=None, public=True)
    operations = [each for path in schema["paths"].values() for each in path.values()]
    assert len({each["summary"] for each in operations}) == len(operations)
    for each in operations:
        assert {"400", "404", "406", "429", "500"} <= set(each["responses"])
        for status, answer in each["responses"].items():
            kinds = {"application/problem+json"} if status >= "400" else {"application/json"}
            assert set(answer.get("content", kinds)) == kinds
    request = schema["components"]["schemas"]["ProductRequest"]["properties"]
    assert set(request) == {"name", "stock", "price"}
    name, text, number = request["name"], *request["price"]["anyOf"]
    assert (name["minLength"], name["maxLength"]) == (1, 200)
    for value, fits in [("a", True), (" a ", True), (" ", False), ("a\0", False), ("\n", False)]:
        assert bool(re.search(name["pattern"], value)) == fits, value
    for value, fits in [("1", True), ("1.25", True), ("-1", False), ("1.234", False), ("", False)]:
        assert bool(re.search(text["pattern"], value)) == fits, value
    assert (number["minimum"], number["maximum"]) == (0, 9999999999.99)
    assert request["stock"]["minimum"] == 0


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
