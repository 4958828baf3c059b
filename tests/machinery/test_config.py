"""The configuration: what goes where, for every value a setting can have."""

import copy
import logging

import pytest

from observability.logging_config import HANDLERS, LEVELS, ROTATIONS, logging_config

from .support import NAMESPACE, PLAIN_CONFIG, Logs, logging_to

HANDLER_SETS = [
    ("console", "file", "error_file"),
    ("console", "file"),
    ("file", "error_file"),
    ("console",),
]


def config_with(tmp_path, **changes):
    return logging_config(**{**PLAIN_CONFIG, "log_dir": tmp_path, **changes})


@pytest.mark.parametrize("asked", HANDLER_SETS, ids="+".join)
def test_exactly_the_handlers_that_are_asked_for_are_made(tmp_path, asked):
    config = config_with(tmp_path, handlers=asked)
    audit = ("audit_file",) if "file" in asked else ()
    writing = [name for name, handler in config["handlers"].items() if "formatter" in handler]
    assert tuple(writing) == asked + audit
    assert tuple(config["loggers"][f"{NAMESPACE}.audit"]["handlers"]) == audit
    assert tuple(config["root"]["handlers"]) == asked
    assert tuple(config["loggers"][NAMESPACE]["handlers"]) == asked


@pytest.mark.parametrize("level", LEVELS)
def test_level_is_what_console_and_file_take(tmp_path, level):
    logs = tmp_path / "by-level"
    with logging_to(logs, level=level, error_level="ERROR") as logs:
        for number in (10, 20, 30, 40, 50):
            logging.getLogger(f"{NAMESPACE}.x").log(number, "hello")
    taken = LEVELS[LEVELS.index(level) :]
    assert [line["level"] for line in logs.lines("app")] == list(taken)


@pytest.mark.parametrize("level", ["INFO", "CRITICAL"])
@pytest.mark.parametrize("error_level", ["WARNING", "ERROR", "CRITICAL"])
def test_error_file_takes_the_error_level_whatever_the_level_is(tmp_path, level, error_level):
    with logging_to(tmp_path / "by-level", level=level, error_level=error_level) as logs:
        for number in (10, 20, 30, 40, 50):
            logging.getLogger(f"{NAMESPACE}.x").log(number, "hello")
    taken = LEVELS[LEVELS.index(error_level) :]
    assert [line["level"] for line in logs.lines("errors")] == list(taken)


@pytest.mark.parametrize("rotation", ROTATIONS)
def test_files_have_their_names_whatever_the_rotation(tmp_path, rotation):
    with logging_to(tmp_path / "logs-here", rotation=rotation) as logs:
        logging.getLogger(NAMESPACE).error("hello")
    shown = sorted(path.name for path in logs.folder.iterdir() if path.name[0] != ".")
    assert shown == ["app.json.log", "errors.json.log"]
    assert len(logs.lines("app")) == len(logs.lines("errors")) == 1


def test_rotation_decides_whether_the_files_have_a_largest_size(tmp_path):
    handlers = {
        rotation: config_with(tmp_path, rotation=rotation)["handlers"]["file"]
        for rotation in ROTATIONS
    }
    assert "max_bytes" not in handlers["logrotate"]
    assert handlers["size"]["max_bytes"] == 10_000_000


@pytest.mark.parametrize(
    ("wrong", "as_if"),
    [
        ({"level": "LOUD"}, {"level": "INFO"}),
        ({"level": ""}, {"level": "INFO"}),
        ({"error_level": "LOUD"}, {"error_level": "ERROR"}),
        ({"handlers": ["file", "fax"]}, {"handlers": ["file"]}),
        ({"handlers": ["fax"]}, {"handlers": ["console"]}),
        ({"handlers": []}, {"handlers": ["console"]}),
        ({"rotation": "yearly"}, {"rotation": "logrotate"}),
        ({"console_format": "xml"}, {"console_format": "json"}),
        ({"console_stream": "stdlog"}, {"console_stream": "stdout"}),
    ],
    ids=str,
)
def test_an_unknown_value_falls_back_to_a_safe_one(tmp_path, wrong, as_if):
    assert config_with(tmp_path, **wrong) == config_with(tmp_path, **as_if)


def test_the_order_of_handlers_does_not_matter(tmp_path):
    assert config_with(tmp_path, handlers=reversed(HANDLERS)) == config_with(
        tmp_path, handlers=HANDLERS
    )


def test_it_is_pure(tmp_path):
    arguments = {**PLAIN_CONFIG, "log_dir": tmp_path, "handlers": ["file"]}
    before = copy.deepcopy(arguments)
    first = logging_config(**arguments)
    first["handlers"]["file"]["level"] = "changed"
    first["loggers"][NAMESPACE]["handlers"].append("changed")
    second = logging_config(**arguments)
    assert arguments == before
    assert second["handlers"]["file"]["level"] == "DEBUG"
    assert second["loggers"][NAMESPACE]["handlers"] == ["file"]
    assert not list(tmp_path.iterdir()), "building the dictionary opened a file"


def test_there_is_one_namespace_logger_and_it_does_not_propagate(logs: Logs):
    logger = logging.getLogger(NAMESPACE)
    assert logger.propagate is False
    assert set(logger.handlers) <= set(logging.getLogger().handlers)
    own = [name for name in logging.root.manager.loggerDict if name.startswith(f"{NAMESPACE}.")]
    handlers = {name: logging.getLogger(name).handlers for name in own}
    assert [name for name in own if handlers[name]] == [f"{NAMESPACE}.audit"]
    assert [handler.name for handler in handlers[f"{NAMESPACE}.audit"]] == ["audit_file"]


@pytest.mark.parametrize(
    "name",
    ["NAMESPACE", "NAMESPACE.a.b", "django", "django.request", "a_library", "root"],
)
def test_a_record_of_anybody_appears_once_in_each_file(logs: Logs, name):
    name = name.replace("NAMESPACE", NAMESPACE)
    logging.getLogger(name).error("hello %s", "you")
    for file in ("app", "errors"):
        (line,) = logs.lines(file)
        assert (line["logger"], line["message"]) == (name, "hello you")


def test_libraries_are_not_heard_at_debug(logs: Logs):
    logging.getLogger("a_library").debug("noise")
    logging.getLogger(f"{NAMESPACE}.a").debug("asked for")
    assert [line["message"] for line in logs.lines()] == ["asked for"]
