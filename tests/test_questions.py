"""The questions: what is asked, in which order, with which words and defaults."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pytest_cookies.plugin import Cookies

from tests.combinations import COMBINATIONS
from tests.conftest import TEMPLATE

CONTEXT: dict[str, Any] = json.loads((TEMPLATE / "cookiecutter.json").read_text(encoding="utf-8"))
QUESTIONS = {key: default for key, default in CONTEXT.items() if not key.startswith("_")}
CHOICES = {key: default for key, default in QUESTIONS.items() if isinstance(default, list)}

LoadHook = Callable[..., Any]


def test_the_questions_stand_in_their_order() -> None:
    assert list(QUESTIONS) == [
        "project_name",
        "project_slug",
        "description",
        "namespace",
        "log_dir",
        "log_level",
        "error_log_level",
        "handlers",
        "log_rotation",
        "django_version",
        "database",
        "task_queue",
        "telemetry",
        "log_shipper",
        "verification",
    ]


def test_every_answer_has_a_default(load_hook: LoadHook) -> None:
    answers = load_hook("pre_gen_project", verification="full").ANSWERS
    assert {key: answers[key] for key in QUESTIONS} == {
        "project_name": "Ecommerce",
        "project_slug": "ecommerce",
        "description": "A REST service whose every log line is one JSON object.",
        "namespace": "ecommerce",
        "log_dir": "logs",
        "log_level": "INFO",
        "error_log_level": "ERROR",
        "handlers": "console+file+error_file",
        "log_rotation": "logrotate",
        "django_version": "5.2",
        "database": "sqlite",
        "task_queue": "none",
        "telemetry": "none",
        "log_shipper": "none",
        "verification": "full",
    }


@pytest.mark.parametrize(
    ("name", "slug", "namespace"),
    [
        ("My Shop 2", "my-shop-2", "my_shop_2"),
        ("2nd Shop", "2nd-shop", "app_2nd_shop"),
        ("Café Müller", "cafe-muller", "cafe_muller"),
        ("Rosie's Shop", "rosie-s-shop", "rosie_s_shop"),
        ("магазин", "magazin", "magazin"),
        ("🛒", "project", "app"),
        ("word " * 20, "word-" * 11 + "word", "word_" * 7 + "w"),
    ],
    ids=["digit", "leading digit", "accents", "apostrophe", "cyrillic", "emoji only", "long"],
)
def test_folder_and_namespace_follow_from_the_name(
    load_hook: LoadHook, name: str, slug: str, namespace: str
) -> None:
    hook = load_hook("pre_gen_project", project_name=name)
    assert hook.ANSWERS["project_slug"] == slug
    assert hook.ANSWERS["namespace"] == namespace
    assert hook.wrong_slug(slug) == ""
    assert hook.wrong_namespace(namespace) == ""


def test_every_question_has_words_and_every_choice_a_label() -> None:
    prompts = CONTEXT["__prompts__"]
    assert list(prompts) == list(QUESTIONS)
    for key, choices in CHOICES.items():
        assert list(prompts[key]) == ["__prompt__", *choices]


def test_no_words_stand_in_square_brackets_which_the_console_swallows() -> None:
    for key, prompt in CONTEXT["__prompts__"].items():
        words = prompt.values() if isinstance(prompt, dict) else [prompt]
        assert not [text for text in words if "[" in text], key


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (key, value)
        for key, values in CHOICES.items()
        for value in values
        if key != "verification"  # both are, of nearly every combination
    ],
)
def test_every_choice_is_in_a_supported_combination(key: str, value: str) -> None:
    default = CHOICES[key][0]
    assert value in {answers.get(key, default) for answers in COMBINATIONS.values()}


def test_the_readme_lists_the_questions_and_their_choices() -> None:
    readme = (TEMPLATE / "README.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \|(.*)$", readme, re.MULTILINE))
    assert [key for key in rows if key in QUESTIONS] == list(QUESTIONS)
    for key, choices in CHOICES.items():
        missing = [choice for choice in choices if f"`{choice}`" not in rows[key]]
        assert not missing, f"{key}: {missing}"


def test_ci_runs_the_test_command_of_the_readme() -> None:
    readme = (TEMPLATE / "README.md").read_text(encoding="utf-8")
    commands = (TEMPLATE / ".ci" / "run").read_text(encoding="utf-8")
    (command,) = re.findall(r"^(.*&& uv run pytest) \|\| exit 1$", commands, re.MULTILINE)
    assert command in readme


def test_nothing_in_observability_is_rendered(cookies: Cookies, tmp_path: Path) -> None:
    template = tmp_path / "template"
    shutil.copytree(TEMPLATE, template, ignore=shutil.ignore_patterns(".*", "tests", "benchmarks"))
    project = template / "{{cookiecutter.project_slug}}"
    shutil.copyfile(TEMPLATE / project.name / ".env.example", project / ".env.example")
    for name in ("a.txt", "line/b.txt", "deep/er/{{c}}.txt"):
        written = project / "observability" / name
        written.parent.mkdir(parents=True, exist_ok=True)
        written.write_text("{{ cookiecutter.namespace }} {% raw %} {# #}\n", encoding="utf-8")
    result = cookies.bake(template=str(template), extra_context={"verification": "quick"})
    assert result.exception is None, result.exception
    assert result.project_path is not None
    copied = result.project_path / "observability"
    assert (copied / "deep" / "er" / "{{c}}.txt").is_file()
    for file in copied.rglob("*"):
        if file.is_file():
            source = project / "observability" / file.relative_to(copied)
            assert file.read_bytes() == source.read_bytes()


def test_a_file_of_the_project_has_few_conditionals() -> None:
    texts = {
        path.name: path.read_text(encoding="utf-8")
        for folder in ("{{cookiecutter.project_slug}}", "templates")
        for path in (TEMPLATE / folder).rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    conditionals = {name: len(re.findall(r"\{%-? *if ", text)) for name, text in texts.items()}
    assert {name: count for name, count in conditionals.items() if count > 3} == {}
    assert max(conditionals.values()) > 0
