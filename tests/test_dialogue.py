"""The dialogue in a terminal: each prompt, the defaults, a wrong choice, Ctrl-C at each point."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import TEMPLATE

if sys.platform == "win32":
    pytest.skip("Windows has no pseudo-terminal of this kind", allow_module_level=True)

from tests.terminal import COLUMNS, LINES, Terminal

CONTEXT: dict[str, Any] = json.loads((TEMPLATE / "cookiecutter.json").read_text(encoding="utf-8"))
QUESTIONS = [key for key in CONTEXT if not key.startswith("_")]
PROMPTS: dict[str, Any] = CONTEXT["__prompts__"]
CHOICES = {key: CONTEXT[key] for key in QUESTIONS if isinstance(CONTEXT[key], list)}

Open = Callable[..., AbstractContextManager[Terminal]]


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """Return the folder that the commands are called in."""
    here = tmp_path / "here"
    here.mkdir()
    return here


@pytest.fixture
def bin_folder(tmp_path: Path) -> Path:
    """Return a folder that comes first on the path."""
    folder = tmp_path / "bin"
    folder.mkdir()
    return folder


@pytest.fixture
def cookiecutter(tmp_path: Path, here: Path, bin_folder: Path) -> Open:
    """Return a function that calls Cookiecutter in a terminal."""
    path = os.pathsep.join([str(bin_folder), str(Path(sys.executable).parent), os.environ["PATH"]])
    env = {"HOME": str(tmp_path), "PATH": path}
    return lambda *arguments: Terminal(["cookiecutter", str(TEMPLATE), *arguments], here, env)


def words(key: str) -> str:
    """Return the words of a question."""
    prompt = PROMPTS[key]
    return str(prompt["__prompt__"] if isinstance(prompt, dict) else prompt)


def answer_until(terminal: Terminal, last: str, **answers: str) -> None:
    """Answer all questions before one, with Enter where nothing is given, and wait for that one."""
    for number, key in enumerate(QUESTIONS, start=1):
        terminal.expect(f"[{number}/{len(QUESTIONS)}] {words(key)}")
        terminal.expect("(1): " if key in CHOICES else "): ")
        if key == last:
            return
        terminal.enter(answers.get(key, ""))


def test_each_question_is_put_and_enter_takes_what_follows_from_the_name(
    cookiecutter: Open, here: Path
) -> None:
    with cookiecutter() as terminal:
        answer_until(terminal, "verification", project_name="Rosie's 2nd Café")
        terminal.enter("2")
        assert terminal.end() == 0
    unwrapped = " ".join(terminal.text.split())
    assert "Folder to create for it (rosie-s-2nd-cafe): " in unwrapped
    assert "the name of its logger (rosie_s_2nd_cafe): " in unwrapped
    for key, choices in CHOICES.items():
        for number, choice in enumerate(choices, start=1):
            assert f"{number} - {PROMPTS[key][choice]}" in unwrapped
    assert (here / "rosie-s-2nd-cafe" / "rosie_s_2nd_cafe" / "logging_helper.py").is_file()
    assert "  cd rosie-s-2nd-cafe\n" in terminal.text


@pytest.mark.parametrize("wrong", ["6", "0", "INFO", "y"])
def test_a_wrong_choice_is_asked_again(cookiecutter: Open, here: Path, wrong: str) -> None:
    with cookiecutter() as terminal:
        answer_until(terminal, "log_level")
        terminal.enter(wrong)
        terminal.expect("Please select one of the available options")
        terminal.expect("(1): ")
        terminal.enter("2")
        terminal.expect(words("error_log_level"))
        assert terminal.interrupt_question() == 1
    assert "Traceback" not in terminal.text
    assert list(here.iterdir()) == []


@pytest.mark.parametrize(
    "key",
    [
        pytest.param(key, marks=() if key in ("project_name", "verification") else pytest.mark.long)
        for key in QUESTIONS
    ],
)
def test_ctrl_c_at_a_question_leaves_nothing(cookiecutter: Open, here: Path, key: str) -> None:
    with cookiecutter() as terminal:
        answer_until(terminal, key)
        assert terminal.interrupt_question() == 1
    assert terminal.text.rstrip().endswith("Aborted!")
    assert "Traceback" not in terminal.text
    assert list(here.iterdir()) == []


def put_command(folder: Path, name: str, script: str) -> None:
    """Put a command on the path."""
    (folder / name).write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    (folder / name).chmod(0o755)


@pytest.mark.skipif(
    sys.version_info >= (3, 12), reason="this Python is new: no other is looked for"
)
def test_ctrl_c_while_the_answers_are_checked_leaves_nothing(
    cookiecutter: Open, here: Path, bin_folder: Path
) -> None:
    # The check looks for a newer Python, where the one that runs is too old for Django 6.1.
    for minor in range(12, 16):
        put_command(bin_folder, f"python3.{minor}", "echo the check runs >/dev/tty; exec sleep 60")
    with cookiecutter("--no-input", "django_version=6.1") as terminal:
        terminal.expect("the check runs")
        assert [path.name for path in here.iterdir()] == ["ecommerce"]
        terminal.interrupt()
        assert terminal.end() == 1
    assert "Traceback" not in terminal.text
    assert list(here.iterdir()) == []


STEPS = {"installed": "sync --quiet", "verified": "run --no-sync python manage.py verify_logging"}


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS.keys())
def test_ctrl_c_while_the_project_is_made_ready_leaves_one_that_works(
    cookiecutter: Open, here: Path, bin_folder: Path, step: str
) -> None:
    case = f'case "$*" in "{step}") echo uv runs >/dev/tty; exec sleep 60;; esac'
    put_command(bin_folder, "uv", case)
    with cookiecutter("--no-input") as terminal:
        terminal.expect("uv runs")
        terminal.interrupt()
        assert terminal.end(seconds=20) == 1
    printed = terminal.text
    assert "Traceback" not in printed
    assert "not made" not in printed
    assert "The project is whole. As you stopped its installation, only the" in printed
    assert "  cd ecommerce\n  uv run python manage.py verify_logging\n" in printed
    assert (here / "ecommerce" / ".env").is_file()
    assert not (here / "ecommerce" / "docs" / "tasks.md").exists()


def rows_on_screen(text: str) -> Iterator[str]:
    """Cut lines as the terminal does."""
    for line in text.splitlines():
        yield line[:COLUMNS]
        yield from (line[at : at + COLUMNS] for at in range(COLUMNS, len(line), COLUMNS))


@pytest.mark.long
def test_the_last_screen_says_what_was_proven_and_what_to_do(
    cookiecutter: Open, here: Path
) -> None:
    with cookiecutter("--no-input") as terminal:
        assert terminal.end(seconds=600) == 0
    lines = terminal.text.splitlines()
    assert len(list(rows_on_screen(terminal.text))) < LINES
    assert lines[0].startswith("Installing with uv")
    proven = [line.split()[:2] for line in lines if " proven " in line]
    handlers = ("console", "file", "error_file", "audit_file")
    assert proven == [[name, "proven"] for name in handlers]
    assert f"Log files: {here / 'ecommerce' / 'logs'}" in lines
    assert lines[-5:] == [
        "Next:",
        "  cd ecommerce",
        "  uv run python manage.py migrate",
        "  uv run python manage.py runserver",
        "Then see the API at http://127.0.0.1:8000/api/docs/",
    ]
    # Neither the probe of the console handler, nor what uv installed.
    assert "{" not in terminal.text
    assert "+ django" not in terminal.text
