"""The harness: bake a project, run commands in it, load a hook as a module."""

import importlib.util
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

import pytest
import uv
from cookiecutter.environment import StrictEnvironment
from cookiecutter.generate import generate_context
from cookiecutter.prompt import prompt_for_config
from pytest_cookies.plugin import Cookies

from tests.combinations import OUTSIDE, Answers
from tests.databases import new_database  # noqa: F401 - a fixture

TEMPLATE = Path(__file__).resolve().parent.parent

# These run inside a baked project: see test_machinery.py.
collect_ignore = ["machinery"]

# What tools leave in a project; not part of what is rendered.
TOOL_FOLDERS = {".venv", "__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the longest tests first, so that no worker is left alone with one at the end."""
    items.sort(key=lambda item: "test_machinery.py" not in item.nodeid)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many proofs were not made for want of a collector, which no Debian package brings."""
    skipped = terminalreporter.stats.get("skipped", [])
    if missing := [report for report in skipped if "not proven" in str(report.longrepr)]:
        terminalreporter.write_line(f"Not proven, without fluent-bit: {len(missing)} of shipping")


class Run(Protocol):
    """Runs a command, and fails with all its output when the command does."""

    def __call__(
        self, *command: str, env: Mapping[str, str] | None = None, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run the command."""


@dataclass(frozen=True)
class BakedProject:
    """A project that the template made, and all the answers it was made from."""

    path: Path
    answers: Answers

    def run(
        self, *command: str, env: Mapping[str, str] | None = None, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in the project's folder; fail with its output when it does."""
        return run(*command, cwd=self.path, env=env, check=check)

    def files(self) -> set[str]:
        """Return the files that were rendered or written by the hook, relative to the project."""
        paths = [path.relative_to(self.path) for path in self.path.rglob("*") if path.is_file()]
        return {path.as_posix() for path in paths if TOOL_FOLDERS.isdisjoint(path.parts)}

    def read(self, name: str) -> str:
        """Return the text of one file."""
        return (self.path / name).read_text(encoding="utf-8")


# Bakes a project and installs it; see `installed`.
Install = Callable[..., BakedProject]


def run(
    *command: str,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    check: bool = True,
    text: str = "",
) -> subprocess.CompletedProcess[str]:
    """Run a command with `env` added to the environment and `text` typed into it."""
    result = subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, "PWD": str(cwd), **(env or {})},
        input=text,
        capture_output=True,
        encoding="utf-8",
        timeout=900,
        check=False,
    )
    if check:
        assert result.returncode == 0, f"{command}\n{result.stdout}\n{result.stderr}"
    return result


def literally(answer: str) -> str:
    """Write an answer so that Cookiecutter, which renders those it is given, keeps it as it is."""
    return answer.replace("{", "{{ '{' }}")


def skip_without_python(answers: Answers) -> None:
    """Skip a combination whose Django needs a Python that is not here; in CI, fail instead."""
    if answers.get("django_version") != "6.1":
        return
    find = [uv.find_uv_bin(), "python", "find", "--no-python-downloads", ">=3.12"]
    if subprocess.run(find, capture_output=True, check=False).returncode == 0:
        return
    if os.environ.get("REQUIRE_ALL_PYTHONS") == "1":
        pytest.fail("REQUIRE_ALL_PYTHONS is set, and no Python 3.12 or newer was found")
    pytest.skip("Django 6.1 needs Python 3.12 or newer, and none was found")


def bake_with(cookies: Cookies, outside: Path, answers: Answers) -> BakedProject:
    """Bake, quickly unless the answers say otherwise; fail with the reason when it fails."""
    answers = {"verification": "quick", **answers}
    skip_without_python(answers)
    context = {
        key: literally(answer).replace(OUTSIDE, str(outside)) for key, answer in answers.items()
    }
    result = cookies.bake(extra_context=context, template=str(TEMPLATE))
    assert result.exception is None, result.exception
    return BakedProject(result.project_path, result.context)


@pytest.fixture(scope="session", autouse=True)
def isolation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Put uv and ruff on the path, and what Cookiecutter leaves of hooks into pytest's folder.

    Keep the template's own settings of uv and pytest from the projects.
    """
    folder = str(tmp_path_factory.mktemp("hooks"))
    path = os.pathsep.join([str(Path(uv.find_uv_bin()).parent), os.environ["PATH"]])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", path)
        patch.setenv("TMPDIR", folder)
        patch.setattr(tempfile, "tempdir", folder)
        for name in ("VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT", "PYTEST_ADDOPTS"):
            patch.delenv(name, raising=False)
        yield


@pytest.fixture(scope="session")
def environments(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """Return the folder of environments that projects share, also between pytest's workers."""
    folder = tmp_path_factory.getbasetemp()
    return folder if worker_id == "master" else folder.parent


@pytest.fixture(scope="session")
def baked_once(
    cookies_session: Cookies, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., BakedProject]:
    """Return a function that bakes a project once, for all tests that only read it."""
    return cache(
        lambda **answers: bake_with(cookies_session, tmp_path_factory.mktemp("outside"), answers)
    )


@pytest.fixture(scope="session")
def installed(cookies_session: Cookies, tmp_path_factory: pytest.TempPathFactory) -> Install:
    """Return a function that bakes a project and installs it, with options of `uv sync`."""

    def install(*options: str, **answers: str) -> BakedProject:
        project = bake_with(cookies_session, tmp_path_factory.mktemp("outside"), answers)
        project.run(uv.find_uv_bin(), "sync", "--quiet", *options)
        return project

    return install


@pytest.fixture
def bake(cookies: Cookies, tmp_path: Path) -> Callable[..., BakedProject]:
    """Return a function that bakes a project from the answers it is given."""
    return lambda **answers: bake_with(cookies, tmp_path, answers)


@pytest.fixture
def cookiecutter(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return a function that calls Cookiecutter as a user does, at home in a temporary folder.

    It takes arguments, or a whole command line as it was printed.
    """
    home, here = tmp_path / "home", tmp_path / "here"
    home.mkdir()
    here.mkdir()

    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    env = {"HOME": str(home), "USERPROFILE": str(home), "PATH": path}

    def call(
        *arguments: str, command: str = "", text: str = ""
    ) -> subprocess.CompletedProcess[str]:
        words = shlex.split(command) or ["cookiecutter", *arguments]
        return run(*words, cwd=here, env=env, check=False, text=text)

    return call


@pytest.fixture
def load_hook(tmp_path: Path) -> Callable[..., ModuleType]:
    """Return a function that renders a hook as Cookiecutter does, and imports what came out."""

    def load(name: str, **answers: str) -> ModuleType:
        given = {"verification": "quick", **answers}
        context: dict[str, Any] = generate_context(
            str(TEMPLATE / "cookiecutter.json"),
            extra_context={key: literally(answer) for key, answer in given.items()},
        )
        context["cookiecutter"] = {
            **prompt_for_config(context, no_input=True),
            "_template": "gh:some/template",
            "_output_dir": str(tmp_path),
            "_checkout": None,
        }
        source = (TEMPLATE / "hooks" / f"{name}.py").read_text(encoding="utf-8")
        rendered = tmp_path / f"rendered_{name}.py"
        environment = StrictEnvironment(context=context, keep_trailing_newline=True)
        rendered.write_text(environment.from_string(source).render(**context), encoding="utf-8")
        spec = importlib.util.spec_from_file_location(rendered.stem, rendered)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load
