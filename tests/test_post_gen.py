"""What the post-generation hook does, step by step and with tools missing."""

import json
import os
import re
import shutil
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from pytest_cookies.plugin import Cookies

from tests.combinations import COMBINATIONS, OUTSIDE
from tests.conftest import TEMPLATE, BakedProject

Bake = Callable[..., BakedProject]
LoadHook = Callable[..., ModuleType]

RENDERED = TEMPLATE / "{{cookiecutter.project_slug}}"
CONFIGURATION = Path("observability", "logging_config.py")
CHOICES = json.loads((TEMPLATE / "cookiecutter.json").read_text(encoding="utf-8"))
ENV_EXAMPLE = "DEBUG=True\nSECRET_KEY=\n# LOG_LEVEL=INFO\n"


@pytest.fixture
def hook(load_hook: LoadHook) -> Any:
    """Return the hook, rendered with the default answers."""
    return load_hook("post_gen_project")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a folder that holds what the hook needs, with the template's own configuration."""
    project = tmp_path / "project"
    (project / "observability").mkdir(parents=True)
    (project / ".env.example").write_text(ENV_EXAMPLE, encoding="utf-8")
    (project / CONFIGURATION).write_bytes((RENDERED / CONFIGURATION).read_bytes())
    return project


@pytest.fixture
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    """Set the umask for the time of a test."""
    before = os.umask(request.param)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    """Return the permissions of a file or folder."""
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.usefixtures("umask")
@pytest.mark.parametrize("umask", [0, 0o022, 0o077, 0o277], ids=oct, indirect=True)
def test_the_log_folder_is_for_its_owner_and_group(hook: Any, project: Path) -> None:
    hook.create_log_dir(project / "logs")
    assert mode(project / "logs") == 0o750


def test_a_log_folder_that_is_there_keeps_its_mode(hook: Any, project: Path) -> None:
    (project / "logs").mkdir(mode=0o700)
    hook.create_log_dir(project / "logs")
    assert mode(project / "logs") == 0o700


def test_a_log_folder_that_cannot_be_created_is_said(
    hook: Any, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    (project / "logs").touch()
    assert re.fullmatch(r"The project was not made\. .*File exists: '.*logs'", hook.main())


@pytest.mark.usefixtures("umask")
@pytest.mark.parametrize("umask", [0, 0o022, 0o077], ids=oct, indirect=True)
def test_env_holds_a_key_for_its_owner_alone(hook: Any, project: Path) -> None:
    hook.write_env(project)
    first, second, *rest = (project / ".env").read_text(encoding="utf-8").splitlines()
    name, _, key = second.partition("=")
    assert (first, name, rest) == ("DEBUG=True", "SECRET_KEY", ["# LOG_LEVEL=INFO"])
    assert len(key) >= 50
    assert set(key).isdisjoint("$#'\"\\ ")
    assert mode(project / ".env") == 0o600


def test_no_two_keys_are_the_same(hook: Any, project: Path) -> None:
    hook.write_env(project)
    first = (project / ".env").read_text(encoding="utf-8")
    (project / ".env").unlink()
    hook.write_env(project)
    assert (project / ".env").read_text(encoding="utf-8") != first


def test_env_is_never_written_over(hook: Any, project: Path) -> None:
    (project / ".env").write_text("MINE=1", encoding="utf-8")
    hook.write_env(project)
    assert (project / ".env").read_text(encoding="utf-8") == "MINE=1"


@pytest.mark.parametrize("answers", COMBINATIONS.values(), ids=COMBINATIONS.keys())
def test_every_combination_passes_the_quick_check(
    load_hook: LoadHook, project: Path, answers: dict[str, str]
) -> None:
    hook = load_hook("post_gen_project", **answers)
    rows = hook.verify_quick(hook.ANSWERS, project)
    asked = hook.ANSWERS["handlers"].split("+")
    audit = ["audit_file"] if "file" in asked else []
    assert [row.split()[0] for row in rows] == asked + audit
    assert not list(project.rglob("__pycache__"))
    assert not list(project.rglob("*.log"))


def test_every_file_that_an_answer_leaves_out_is_one_of_the_template(hook: Any) -> None:
    for question, without, names in hook.LEFT_OUT:
        assert set(without.split()) < set(CHOICES[question])
        inside = [name.format("{{cookiecutter.namespace}}") for name in names.split()]
        assert [name for name in inside if not (RENDERED / name).is_file()] == []


SPOILT = """
whole = logging_config

def logging_config(**arguments):
    config = whole(**arguments)
    namespace = arguments["namespace"]
    logger = config["loggers"][namespace]
    {change}
    return config
"""
BROKEN = {
    "syntax": "config = = 1",
    "undefined formatter": 'config["handlers"]["file"]["formatter"] = "text"',
    "exception": "1 / 0",
    "handler missing": 'config["handlers"].pop("file")',
    "handler unasked": 'config["handlers"]["x"] = {}; logger["handlers"] = ["x"]',
    "audit handler missing": 'config["handlers"].pop("audit_file")',
    "wrong level": 'config["handlers"]["error_file"]["level"] = "INFO"',
    "deaf logger": 'logger["level"] = "CRITICAL"',
    "every line twice": 'logger["propagate"] = True',
    "silent logger": 'logger["handlers"] = []',
    "deaf audit logger": 'config["loggers"][namespace + ".audit"]["level"] = "CRITICAL"',
    "silent audit logger": 'config["loggers"][namespace + ".audit"]["handlers"] = []',
}


@pytest.mark.parametrize("change", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_configuration_fails_the_quick_check(
    load_hook: LoadHook, project: Path, change: str
) -> None:
    hook = load_hook("post_gen_project", handlers="file+error_file")
    with (project / CONFIGURATION).open("a", encoding="utf-8") as source:
        source.write(SPOILT.replace("{change}", change))
    with pytest.raises(hook.HookError, match=r"observability/logging_config\.py does not work"):
        hook.verify_quick(hook.ANSWERS, project)


NEEDS_PACKAGES = """
    config["filters"]["theirs"] = {"()": "observability.none.Filter"}
    for each in (logger, config["root"], config["handlers"]["file"]):
        each["filters"] = ["theirs"]
    config["handlers"]["relay"] = {"class": "observability.none.Relay"}
    config["loggers"]["django"] = {"handlers": ["relay"], "level": "INFO"}
"""


def test_what_needs_the_packages_of_the_project_is_not_loaded(hook: Any, project: Path) -> None:
    with (project / CONFIGURATION).open("a", encoding="utf-8") as source:
        source.write(SPOILT.replace("    {change}", NEEDS_PACKAGES))
    assert len(hook.verify_quick(hook.ANSWERS, project)) == 4


def test_the_environment_of_the_caller_does_not_answer_for_the_project(
    hook: Any, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("VIRTUAL_ENV", "DJANGO_SETTINGS_MODULE", "LOG_LEVEL", "SECRET_KEY"):
        monkeypatch.setenv(name, "of the caller")
    monkeypatch.setenv("HTTPS_PROXY", "kept")
    environment = hook.child_environment(project)
    assert "of the caller" not in environment.values()
    assert environment["HTTPS_PROXY"] == "kept"


@pytest.fixture
def fake_uv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return a function that puts an uv on the path; a step named to it prints, and fails."""

    def put(failing: str = "none") -> None:
        script = f'#!/bin/sh\ncase "$*" in *{failing}*) echo why it failed; exit 1;; esac\n'
        (tmp_path / "uv").write_text(script, encoding="utf-8")
        (tmp_path / "uv").chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path))

    return put


def test_full_falls_back_when_uv_cannot_install(
    hook: Any, project: Path, fake_uv: Callable[..., None]
) -> None:
    fake_uv(failing="sync")
    assert "could not install" in hook.verify_full(project, project / "logs")


def test_full_fails_when_the_logging_does_not_work(
    hook: Any, project: Path, fake_uv: Callable[..., None]
) -> None:
    fake_uv(failing="verify_logging")
    with pytest.raises(hook.HookError, match=r"verify_logging failed:\nwhy it failed"):
        hook.verify_full(project, project / "logs")


def test_full_is_satisfied_when_the_logging_works(
    hook: Any, project: Path, fake_uv: Callable[..., None]
) -> None:
    fake_uv()
    assert hook.verify_full(project, project / "logs") == ""


def test_keys_that_cookiecutter_adds_are_not_needed(
    hook: Any,
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    kept = {key: answer for key, answer in hook.ANSWERS.items() if not key.startswith("_")}
    monkeypatch.setattr(hook, "ANSWERS", kept)
    monkeypatch.chdir(project)
    monkeypatch.setenv("PWD", str(project.parent))
    assert hook.main() == ""
    assert "Next:\n  cd project\n" in capsys.readouterr().out
    assert (project / ".env").is_file()


@pytest.mark.parametrize(
    ("folder", "added", "expected"),
    [
        ("tmpab12_xyz", {"_commit": "1"}, True),
        ("tmpab12_xyz", {}, False),  # Cookiecutter's own user, in such a folder
        ("tmp.ab12xyzABC", {"_commit": "1"}, False),  # cruft create in what mktemp -d made
        ("work", {"_commit": "1"}, False),
        ("work/tmpab12_xyz", {"_commit": "1"}, False),
    ],
)
@pytest.mark.parametrize("name", ["pre_gen_project", "post_gen_project"])
def test_an_update_is_a_bake_of_cruft_in_a_temporary_folder(
    load_hook: LoadHook, name: str, folder: str, added: dict[str, str], expected: bool
) -> None:
    project = Path(os.environ["TMPDIR"], folder, "ecommerce")
    project.mkdir(parents=True)
    try:
        assert load_hook(name).is_update(added, project) is expected
    finally:
        project.rmdir()


def test_an_update_leaves_out_files_and_writes_none(
    hook: Any, project: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(hook, "is_update", lambda *_: True)
    monkeypatch.chdir(project)
    (project / "docs").mkdir()
    (project / "docs" / "tasks.md").touch()
    before = set(project.rglob("*"))
    assert hook.main() == ""
    assert before - set(project.rglob("*")) == {project / "docs" / "tasks.md"}
    assert set(project.rglob("*")) < before
    assert capfd.readouterr() == ("", "")


def without_uv() -> str:
    """Return the search path without the folders that hold uv."""
    folders = os.environ["PATH"].split(os.pathsep)
    return os.pathsep.join(folder for folder in folders if not Path(folder, "uv").exists())


def test_without_uv_a_full_bake_ends_well_and_says_what_to_run(
    bake: Bake, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", without_uv())
    project = bake(verification="full")
    printed = capfd.readouterr().out
    assert "Without uv, only the configuration was checked" in printed
    assert "uv run python manage.py verify_logging" in printed
    assert "python -m pip install uv" in printed
    assert not (project.path / ".venv").exists()


def test_offline_a_full_bake_ends_well_and_says_what_to_run(
    bake: Bake,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "empty"))
    bake(verification="full")
    printed = capfd.readouterr().out
    assert "As uv could not install the project, only the configuration was checked" in printed
    assert "uv run python manage.py verify_logging" in printed


def test_a_quick_bake_claims_what_it_checked_and_no_more(
    bake: Bake, capfd: pytest.CaptureFixture[str]
) -> None:
    bake(handlers="console+file", log_level="WARNING")
    printed = capfd.readouterr().out.splitlines()
    assert [line.split() for line in printed if line.startswith("  co") or "file " in line] == [
        ["console", "WARNING", "and", "above"],
        ["file", "WARNING", "and", "above"],
        ["audit_file", "INFO", "and", "above"],
    ]
    assert "logging verified" not in printed
    assert printed[-3:] == [
        "  uv run python manage.py migrate",
        "  uv run python manage.py runserver",
        "Then see the API at http://127.0.0.1:8000/api/docs/",
    ]


def test_a_broken_configuration_fails_the_bake(
    cookies: Cookies, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    template = tmp_path / "template"
    shutil.copytree(TEMPLATE, template, ignore=shutil.ignore_patterns(".git", ".venv"))
    path = template / RENDERED.name / CONFIGURATION
    path.write_text("1 / 0\n", encoding="utf-8")
    result = cookies.bake(template=str(template), extra_context={"verification": "quick"})
    printed = capfd.readouterr().err
    assert result.exit_code == -1
    assert (
        "observability/logging_config.py does not work: ZeroDivisionError: division by zero."
        in printed
    )
    assert "Traceback" not in printed.partition("Stopping generation")[0]


def test_the_copy_of_the_hook_that_stays_behind_holds_no_secret(bake: Bake) -> None:
    project = bake()
    key = project.read(".env").partition("SECRET_KEY=")[2].splitlines()[0]
    copies = list(Path(os.environ["TMPDIR"]).glob("*.py"))
    assert copies
    assert not [copy for copy in copies if key in copy.read_text(encoding="utf-8")]


def test_a_project_that_logs_to_the_console_has_no_log_folder(
    bake: Bake, capfd: pytest.CaptureFixture[str]
) -> None:
    project = bake(handlers="console")
    assert not (project.path / "logs").exists()
    assert not (project.path / "deploy" / "logrotate.conf").exists()
    assert "logrotate.conf" not in project.read("README.md")
    assert "Log lines: the console." in capfd.readouterr().out


def test_an_absolute_log_folder_is_created(bake: Bake, tmp_path: Path) -> None:
    bake(log_dir=f"{OUTSIDE}/var/log/shop")
    assert mode(tmp_path / "var" / "log" / "shop") == 0o750


@pytest.mark.long
def test_without_hooks_the_project_works_after_copying_the_example(
    cookiecutter: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    baked = cookiecutter(str(TEMPLATE), "--no-input", "--accept-hooks", "no")
    assert baked.returncode == 0, baked.stderr
    project = BakedProject(tmp_path / "here" / "ecommerce", {})
    project.run("cp", ".env.example", ".env")
    project.run("uv", "run", "python", "manage.py", "migrate")
    project.run("uv", "run", "python", "manage.py", "verify_logging")
