"""The rules of the pre-generation hook, one by one."""

import re
import shlex
import stat
import tomllib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.conftest import BakedProject

LoadHook = Callable[..., ModuleType]


@pytest.fixture
def hook(load_hook: LoadHook) -> Any:
    """Return the hook, rendered with the default answers."""
    return load_hook("pre_gen_project")


@pytest.fixture
def wrong_log_dir(hook: Any, tmp_path: Path) -> Callable[[str], str]:
    """Return the rule for log folders, in a project that lies in the temporary folder."""
    project = tmp_path / "project"
    project.mkdir()
    return lambda log_dir: hook.wrong_log_dir(log_dir, namespace="shop", project=project)


@pytest.mark.parametrize(
    "text",
    [
        "Ecommerce",
        'O\'Neil "&" <b>',
        "C:\\new",
        "магазин 中文 עברית",
        "👩‍💻 🏴󠁧󠁢󠁥󠁮󠁧󠁿",
        "{{ 7*7 }} $HOME %s",
    ],
)
def test_a_line_of_any_language_is_a_name(hook: Any, text: str) -> None:
    assert hook.wrong_name(text) == ""


@pytest.mark.parametrize(
    "character",
    ["\n", "\r", "\t", "\0", "\x1b", "\x7f", "\x85", "\u2028", "\u2029", "\u202e", "\u2066"]
    + ["\ud83d", "\udc80", "\ufffe", "\U0001ffff"],
    ids=ascii,
)
def test_a_character_that_breaks_a_line_or_a_file_is_refused(
    hook: Any,
    character: str,
) -> None:
    assert "control characters" in hook.wrong_text(f"a{character}b")
    assert hook.to_plain(f"a{character}b") == "a b"


@pytest.mark.parametrize("slug", ["shop", "my-shop", "my_shop", "My.Shop.v2", "2", "a" * 100])
def test_a_folder_name_is_a_slug(hook: Any, slug: str) -> None:
    assert hook.wrong_slug(slug) == ""


@pytest.mark.parametrize(
    "slug",
    ["", ".", "..", "../x", "a/b", "a\\b", "/a", "~", "C:a", "a..b", ".a", "a.", "-a", "_a", "a b"]
    + ["a\n", "é", "a$b", "con", "NUL", "com1.x", "Django", "djangorestframework", "request.id"]
    + ["a" * 101],
)
def test_what_cannot_name_a_folder_everywhere_is_no_slug(hook: Any, slug: str) -> None:
    assert hook.wrong_slug(slug)


@pytest.mark.parametrize("namespace", ["shop", "a", "Shop", "shop_2", "match", "a" * 40])
def test_an_identifier_is_a_namespace(hook: Any, namespace: str) -> None:
    assert hook.wrong_namespace(namespace) == ""


@pytest.mark.parametrize(
    "namespace",
    ["", "2nd", "my-shop", "my shop", "_shop", "café", "shop\n", "a.b", "a" * 41]
    + ["class", "None", "logging", "Logging", "test", "django", "Celery", "rest_framework"]
    + ["request_id", "pythonjsonlogger", "config", "tests", "products", "docs", "logs", "auth"],
)
def test_what_python_cannot_import_or_would_hide_is_no_namespace(
    hook: Any,
    namespace: str,
) -> None:
    assert hook.wrong_namespace(namespace)


@pytest.mark.parametrize("log_dir", ["logs", "var/log", "my logs", ".logs", "a+b@c/d-e_f", "Läden"])
def test_a_plain_relative_folder_takes_the_logs(
    wrong_log_dir: Callable[[str], str], log_dir: str
) -> None:
    assert wrong_log_dir(log_dir) == ""


@pytest.mark.parametrize(
    "log_dir",
    ["", ".", "..", "./logs", "logs/", "a//b", "../logs", "a/../../b", "//server/logs", "a\\b"]
    + ["C:logs", "C:/logs", "~", "~/logs", "$HOME/logs", "a\nb", " logs", "logs ", 'a"b', "a'b"]
    + ["a*", "a{b}", "a#b", "a;b"]
    + ["config", "Config/logs", "tests", "deploy/x", "docs", "shop", "SHOP/logs", ".git/logs"]
    + [".env", "manage.py", "README.md"],
)
def test_another_relative_folder_does_not(
    wrong_log_dir: Callable[[str], str], log_dir: str
) -> None:
    assert wrong_log_dir(log_dir)


def test_an_absolute_folder_is_checked_and_not_created(
    wrong_log_dir: Callable[[str], str], tmp_path: Path
) -> None:
    assert wrong_log_dir(f"{tmp_path}/var/log/shop") == ""
    assert not (tmp_path / "var").exists()


def test_an_absolute_folder_must_not_lie_in_the_code(
    wrong_log_dir: Callable[[str], str], tmp_path: Path
) -> None:
    assert "its own files" in wrong_log_dir(f"{tmp_path}/project")
    assert "its own files" in wrong_log_dir(f"{tmp_path}/project/config")
    assert wrong_log_dir(f"{tmp_path}/project/logs") == ""


def test_an_absolute_folder_must_be_writable(
    hook: Any,
    wrong_log_dir: Callable[[str], str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hook.os, "access", lambda *_: False)  # root may write everywhere
    assert f"{tmp_path} is no folder that you can write to" in wrong_log_dir(f"{tmp_path}/logs")


def test_an_absolute_folder_cannot_lie_under_a_file(
    wrong_log_dir: Callable[[str], str], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    assert "cannot be created" in wrong_log_dir(f"{tmp_path}/file/logs")


@pytest.fixture
def only_python_3_11(
    hook: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[str, int], None]:
    """Hide every newer Python; return a function that puts a command on the path."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(hook.sys, "version_info", (3, 11, 7))

    def put(name: str, exit_code: int) -> None:
        command = folder / name
        command.write_text(f"#!/bin/sh\nexit {exit_code}\n", encoding="utf-8")
        command.chmod(command.stat().st_mode | stat.S_IXUSR)

    return put


@pytest.mark.usefixtures("only_python_3_11")
def test_the_newer_django_is_refused_without_a_newer_python(hook: Any) -> None:
    assert hook.wrong_django("5.2") == ""
    assert hook.wrong_django("6.1") == "it needs Python 3.12 or newer, and none was found"


@pytest.mark.parametrize("command", ["python3.12", "python3.14", "uv"])
@pytest.mark.parametrize(("exit_code", "found"), [(0, True), (127, False)], ids=["runs", "broken"])
def test_a_newer_python_counts_when_it_runs(
    hook: Any,
    only_python_3_11: Callable[[str, int], None],
    command: str,
    exit_code: int,
    found: bool,
) -> None:
    only_python_3_11(command, exit_code)
    assert (hook.wrong_django("6.1") == "") is found


@pytest.mark.usefixtures("only_python_3_11")
def test_the_running_python_counts(hook: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hook.sys, "version_info", (3, 12, 0))
    assert hook.wrong_django("6.1") == ""


@pytest.mark.parametrize(
    ("key", "answer"),
    [
        ("project_name", "\n"),
        ("project_slug", "../django"),
        ("project_slug", "con"),
        ("project_slug", "-" + "x" * 200),
        ("description", "\u2028"),
        ("namespace", ""),
        ("namespace", "2nd-" + "x" * 60),
        ("namespace", "service"),
        ("namespace", "Class"),
        ("namespace", "магазин"),
        ("log_dir", "../config"),
        ("log_dir", "~/.git/x"),
        ("log_dir", "///"),
        ("log_dir", "C:\\service\\logs"),
    ],
)
def test_what_is_offered_instead_is_never_refused(
    hook: Any,
    tmp_path: Path,
    key: str,
    answer: str,
) -> None:
    answers = {**hook.ANSWERS, key: answer}
    if key == "project_slug":
        answers["__project_slug_given"] = answer
    for refusal in hook.refusals(answers, tmp_path):
        answers[refusal.key] = refusal.instead
        answers["__project_slug_given"] = answers["project_slug"]
    assert hook.refusals(answers, tmp_path) == []


def test_the_command_names_the_template_the_version_and_the_folder(
    hook: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = {**hook.ANSWERS, "_template": "gh:org/repo", "_checkout": "v1"}
    answers["_output_dir"] = "/my work"
    monkeypatch.setenv("PWD", "/elsewhere")
    command = shlex.split(hook.corrected_command(answers, []))
    assert command[:7] == [
        *("cookiecutter", "gh:org/repo", "--no-input"),
        *("--checkout", "v1", "--output-dir", "/my work"),
    ]
    monkeypatch.setenv("PWD", "/my work")
    assert "--output-dir" not in hook.corrected_command(answers, [])


def test_nothing_that_the_project_depends_on_can_be_its_slug(
    hook: Any, bake: Callable[..., BakedProject]
) -> None:
    project = tomllib.loads(bake().read("pyproject.toml"))
    needed = project["project"]["dependencies"] + project["dependency-groups"]["dev"]
    names = [re.split(r"[^\w-]", requirement)[0] for requirement in needed]
    assert not [name for name in names if not hook.wrong_slug(name)]
