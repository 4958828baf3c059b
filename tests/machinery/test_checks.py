"""The system checks of the logging: each mistake has its id and its fix."""

from pathlib import Path

import pytest
from auditlog.registry import auditlog
from django.contrib.auth import get_user_model

from observability import checks
from observability.settings import DEFAULTS, setting

MIDDLEWARE = checks.MIDDLEWARE


@pytest.fixture(autouse=True)
def sound(settings, tmp_path: Path) -> Path:
    """Make every setting sound, whatever the answers given at scaffolding; return the folder."""
    folder = tmp_path / "checked"
    folder.mkdir(mode=0o750)
    settings.LOG_LEVEL, settings.LOG_ERROR_LEVEL = "INFO", "ERROR"
    settings.LOG_HANDLERS = ["console", "file", "error_file"]
    settings.LOG_ROTATION = "logrotate"
    settings.LOG_CONSOLE_FORMAT, settings.LOG_CONSOLE_STREAM = "json", "stdout"
    settings.LOG_DIR = folder
    return folder


def ids() -> list[str]:
    messages = [*checks.check_logging(), *checks.check_middleware(), *checks.check_audit()]
    assert all(message.hint for message in messages)
    return [message.id for message in messages]


def test_sound_settings_pass():
    assert ids() == []


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("LOG_LEVEL", "LOUD", "logging.E001"),
        ("LOG_LEVEL", "", "logging.E001"),
        ("LOG_ERROR_LEVEL", "LOUD", "logging.E002"),
        ("LOG_HANDLERS", ["fax", "console"], "logging.E003"),
        ("LOG_HANDLERS", [], "logging.E003"),
        ("LOG_ROTATION", "yearly", "logging.E004"),
        ("LOG_CONSOLE_FORMAT", "xml", "logging.E007"),
        ("LOG_CONSOLE_STREAM", "stdlog", "logging.E009"),
        ("LOG_MAX_LINE_BYTES", 150, "logging.E008"),
        ("LOG_MAX_LINE_BYTES", "abc", "logging.E010"),
        ("SLOW_REQUEST_MS", "", "logging.E010"),
        ("MAX_QUERIES_PER_REQUEST", "-1", "logging.E010"),
        ("AUDITLOG_INCLUDE_TRACKING_MODELS", ["shop.Product"], "logging.E011"),
        ("AUDITLOG_INCLUDE_TRACKING_MODELS", ["shop"], "logging.E011"),
        ("AUDITLOG_INCLUDE_TRACKING_MODELS", [{"model": "auth.User"}], "logging.E011"),
    ],
)
def test_an_unknown_value_is_named(settings, name, value, expected):
    setattr(settings, name, value)
    assert ids() == [expected]


@pytest.mark.parametrize("name", ["accounts.User", "accounts", {"model": "accounts.User"}], ids=str)
def test_a_model_or_an_application_that_is_audited_is_named(settings, name):
    settings.AUDITLOG_INCLUDE_TRACKING_MODELS = [name]
    assert ids() == []


def test_users_that_are_not_audited_are_a_warning(monkeypatch):
    monkeypatch.delitem(auditlog._registry, get_user_model())
    (warning,) = checks.check_audit()
    assert (warning.id, warning.msg) == (
        "logging.W002",
        "AUTH_USER_MODEL: changes of accounts.User are not audited.",
    )


def test_without_the_trail_nothing_of_it_is_checked(settings, monkeypatch):
    settings.AUDITLOG_INCLUDE_TRACKING_MODELS = ["shop.Product"]
    monkeypatch.setattr(checks.apps, "is_installed", lambda name: name != "auditlog")
    assert ids() == []


@pytest.mark.parametrize("name", ["LOG_MAX_LINE_BYTES", "SLOW_QUERY_MS"])
def test_a_text_in_the_place_of_a_number_is_not_used(settings, name):
    default = DEFAULTS[name]
    setattr(settings, name, "abc")
    assert setting(name) == default


def test_a_missing_folder_is_a_warning(settings, sound: Path):
    settings.LOG_DIR = sound / "not" / "yet"
    assert ids() == ["logging.W001"]
    assert not settings.LOG_DIR.exists()


def test_a_file_in_the_place_of_the_folder_is_an_error(settings, sound: Path):
    settings.LOG_DIR = sound / "file"
    settings.LOG_DIR.touch()
    assert ids() == ["logging.E005"]


def test_a_folder_that_is_not_writable_is_an_error(monkeypatch):
    def refuse(*_args, **_kwargs):  # the superuser may write anywhere
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(checks.tempfile, "TemporaryFile", refuse)
    assert ids() == ["logging.E005"]


def test_a_symbolic_link_at_the_name_of_a_file_is_an_error(sound: Path):
    (sound / "app.json.log").symlink_to("/dev/null")
    assert ids() == ["logging.E005"]


def test_the_folder_does_not_matter_where_no_file_is_written(settings, sound: Path):
    settings.LOG_HANDLERS, settings.LOG_DIR = ["console"], sound / "not" / "yet"
    assert ids() == []


def test_a_check_leaves_nothing_behind(sound: Path):
    assert ids() == []
    assert list(sound.iterdir()) == []


@pytest.mark.parametrize("place", ["missing", "second"])
def test_the_request_id_must_come_first(settings, place):
    others = [name for name in settings.MIDDLEWARE if name != MIDDLEWARE]
    settings.MIDDLEWARE = others
    if place == "second":
        settings.MIDDLEWARE = [others[0], MIDDLEWARE, *others[1:]]
    assert ids() == ["logging.E006"]
