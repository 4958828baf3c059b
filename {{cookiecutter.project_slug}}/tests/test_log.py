"""The log: each line is valid, has its request's id, and a crash is one error."""

import logging
import re
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import Group
from django.core.management import call_command

from {{ cookiecutter.namespace }}.api.login import TokenLoginView
from {{ cookiecutter.namespace }}.logging_helper import log_event, log_operation

SECRET = settings.LOG_SENSITIVE_KEYS[0]


def test_an_event_is_a_line_with_the_six_keys_first(lines):
    log_event("stock_is_low", {"product": 7, SECRET: "hunter2"}, level="WARNING")
    (line,) = lines("app.json.log")
    assert list(line)[:6] == ["timestamp", "level", "logger", "request_id", "event", "payload"]
    assert line["level"] == "WARNING"
    assert line["logger"].startswith(f"{settings.LOG_NAMESPACE}.")
    assert (line["event"], line["payload"]) == ("stock_is_low", {"product": 7, SECRET: "***"})


def test_an_operation_logs_its_start_and_its_outcome(events):
    with log_operation("import_products", {"source": "warehouse"}) as outcome:
        outcome["count"] = 3
    events.only("import_products_start", source="warehouse")
    success = events.only("import_products_success", source="warehouse", count=3)
    assert success.payload["duration_ms"] >= 0


def test_plain_logging_calls_are_lines_too(lines, caplog):
    logging.getLogger("some.library").warning(f"{SECRET}=%s", "hunter2")
    (line,) = lines("app.json.log")
    assert (line["event"], line["message"]) == ("log_message", f"{SECRET}=***")
    assert "some.library" in caplog.text


def test_the_lines_of_a_request_have_the_id_of_its_response(client, lines):
    response = client.get("/api/nowhere/?code=1", headers={"X-Request-ID": "from-the-client"})
    assert response["X-Request-ID"] == "from-the-client"
    assert response.json()["request_id"] == "from-the-client"
    found = lines("app.json.log")
    assert {line["request_id"] for line in found} == {"from-the-client"}
    (finished,) = (line for line in found if line["event"] == "request_finished")
    assert (finished["payload"]["path"], finished["payload"]["status"]) == ("/api/nowhere/", 404)


def test_an_id_that_is_not_well_formed_is_replaced(client):
    response = client.get("/api/nowhere/", headers={"X-Request-ID": 'x"\n{"level":"forged"}'})
    assert re.fullmatch(r"[0-9a-f-]{36}", response["X-Request-ID"])


def test_a_crash_is_one_error_with_its_traceback(client, lines, monkeypatch):
    def crash(*_arguments):
        raise LookupError("the shelf is gone")

    monkeypatch.setattr(TokenLoginView, "post", crash)
    response = client.post("/api/auth/token/")
    assert response.status_code == 500
    assert response.json()["request_id"] == response["X-Request-ID"]
    assert b"shelf" not in response.content
    (line,) = lines("errors.json.log")
    assert line["request_id"] == response["X-Request-ID"]
    assert line["exception"]["message"] == "the shelf is gone"
    assert "Traceback" in line["exception"]["stacktrace"]


@pytest.mark.django_db
def test_a_change_is_an_audit_event(events, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        group = Group.objects.create(name="shopkeepers")
    event = events.only("object_created", model="auth.Group", pk=str(group.pk))
    assert event.payload["fields"] == ["id", "name"]


def test_the_logging_is_proven(capsys):
    call_command("verify_logging")
    assert "logging verified" in capsys.readouterr().out


def test_the_tests_leave_the_log_files_of_the_service_alone():
    assert Path(__file__).parent.parent not in Path(settings.LOG_DIR).parents
