"""The system checks of the logging: each mistake has its id and its fix."""

from pathlib import Path

import pytest

from observability import checks

MIDDLEWARE = checks.MIDDLEWARE


@pytest.fixture(autouse=True)
def sound(settings, tmp_path: Path) -> Path:
    """Make every setting sound, whatever the answers given at scaffolding; return the folder."""
    folder = tmp_path / "checked"
    folder.mkdir(mode=0o750)
    settings.LOG_LEVEL, settings.LOG_ERROR_LEVEL = "INFO", "ERROR"
    settings.LOG_HANDLERS = ["console", "file", "error_file"]
    settings.LOG_ROTATION = "logrotate"
    settings.LOG_CONSOLE_FORMAT = "json"
    settings.LOG_DIR = folder
    return folder


def ids() -> list[str]:
    messages = [*checks.check_logging(), *checks.check_middleware()]
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
    ],
)
def test_an_unknown_value_is_named(settings, name, value, expected):
    setattr(settings, name, value)
    assert ids() == [expected]


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
