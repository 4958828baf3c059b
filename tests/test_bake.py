"""Combinations, baked and looked into; and, marked long, all of them, run with all they bring."""

import json
import re
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from pytest_cookies.plugin import Cookies

from tests.combinations import BY_DEFAULT, COMBINATIONS, STACKS, Answers
from tests.conftest import TEMPLATE, BakedProject, bake_with, skip_without_python
from tests.rendered_files import rendered_files

Bake = Callable[..., BakedProject]

PARSERS: dict[str, Callable[[str], object]] = {
    ".py": lambda text: compile(text, "rendered", "exec"),
    ".toml": tomllib.loads,
    ".json": json.loads,
    ".yaml": yaml.safe_load,
    ".yml": yaml.safe_load,
}


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(name, marks=() if name in BY_DEFAULT else pytest.mark.long)
        for name in COMBINATIONS
    ],
)
def combination(request: pytest.FixtureRequest) -> Answers:
    """Return the answers of one combination."""
    return COMBINATIONS[request.param]


@pytest.fixture(scope="module")
def baked(
    cookies_session: Cookies, tmp_path_factory: pytest.TempPathFactory, combination: Answers
) -> BakedProject:
    """Return the project that a combination makes, baked once for all the tests here."""
    return bake_with(cookies_session, tmp_path_factory.mktemp("outside"), combination)


def test_exactly_the_declared_files_are_there(baked: BakedProject) -> None:
    assert baked.files() == rendered_files(baked.answers)


def test_the_machinery_is_the_same_in_every_project(baked: BakedProject) -> None:
    template = TEMPLATE / "{{cookiecutter.project_slug}}"
    names = {name for name in baked.files() if name.startswith("observability/")}
    assert names
    changed = [
        name for name in names if (baked.path / name).read_bytes() != (template / name).read_bytes()
    ]
    assert not changed


def test_no_mark_of_the_template_is_left(baked: BakedProject, combination: Answers) -> None:
    left = {}
    for name in baked.files():
        text = baked.read(name).replace("${{", "")  # GitHub's own expressions stay
        # A name among those that are not masked is no mark, nor is the project's release of it.
        for answer in combination.values():
            escaped = answer.replace("\\", "\\\\").replace('"', '\\"')
            text = text.replace(answer or "\0", "").replace(escaped or "\0", "")
        if marks := re.findall(r"\{\{|\{%|cookiecutter(?! csrf_exempt|-drf-logging\])", text):
            left[name] = marks
    assert not left


def test_every_file_parses(baked: BakedProject) -> None:
    for name in sorted(baked.files()):
        if parse := PARSERS.get(Path(name).suffix):
            parse(baked.read(name))


def test_name_and_description_arrive_as_they_were_given(
    baked: BakedProject, combination: Answers
) -> None:
    project = tomllib.loads(baked.read("pyproject.toml"))["project"]
    if "description" in combination:
        assert project["description"] == combination["description"]
    assert combination.get("project_name", "Ecommerce") in baked.read("README.md")


@pytest.mark.parametrize("command", [["check"], ["format", "--check"]], ids=["lint", "format"])
def test_ruff_is_content(baked: BakedProject, command: list[str]) -> None:
    baked.run("ruff", *command, "--no-cache", ".")


def test_a_full_bake_proves_the_logging(bake: Bake, capfd: pytest.CaptureFixture[str]) -> None:
    project = bake(verification="full")
    printed = capfd.readouterr().out
    assert "logging verified" in printed
    project.run("uv", "run", "--no-sync", "python", "manage.py", "check")
    project.run("uv", "run", "--no-sync", "python", "manage.py", "makemigrations", "--check")


# The stacks pass all of their gates in test_gates.py.
@pytest.mark.long
@pytest.mark.parametrize("name", [name for name in COMBINATIONS if name not in STACKS])
def test_everything_the_project_brings_passes(
    bake: Bake,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    name: str,
) -> None:
    answers = COMBINATIONS[name]
    skip_without_python(answers)
    shared = tmp_path_factory.getbasetemp() / f"django-{answers.get('django_version', '5.2')}"
    monkeypatch.setenv("UV_PROJECT_ENVIRONMENT", str(shared))
    monkeypatch.setenv("MYPY_CACHE_DIR", f"{shared}-mypy")
    project = bake(**{**answers, "verification": "full"})
    assert "logging verified" in capfd.readouterr().out

    in_project = ("uv", "run", "--no-sync")
    project.run(*in_project, "python", "manage.py", "check")
    project.run(*in_project, "python", "manage.py", "makemigrations", "--check")
    project.run(*in_project, "mypy", ".")
    project.run(*in_project, "pytest")
