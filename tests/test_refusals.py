"""Refusals as the user meets them: a line each, a command that works, nothing left behind."""

import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.combinations import Answers
from tests.conftest import TEMPLATE, literally, run

Call = Callable[..., subprocess.CompletedProcess[str]]

REFUSALS: dict[str, tuple[Answers, str, str]] = {
    "name with a line break": ({"project_name": "a\nb"}, "project_name", "line breaks"),
    "blank name": (
        {"project_name": " ", "project_slug": "a", "namespace": "a"},
        "project_name",
        "blank",
    ),
    "description with an escape": ({"description": "\x1b[31mred"}, "description", "control"),
    "slug out of the folder": ({"project_slug": "../x"}, "project_slug", "one folder's name"),
    "slug with folders outside": ({"project_slug": "../a/b"}, "project_slug", "one folder's name"),
    "absolute slug": ({"project_slug": "/tmp/x"}, "project_slug", "one folder's name"),
    "slug with folders": ({"project_slug": "a/b/c"}, "project_slug", "one folder's name"),
    "slug that is the folder itself": ({"project_slug": "."}, "project_slug", "one folder's name"),
    "empty slug": ({"project_slug": ""}, "project_slug", "one folder's name"),
    "slug with a drive": ({"project_slug": "C:x"}, "project_slug", "one folder's name"),
    "slug of a dependency": ({"project_slug": "django"}, "project_slug", "installs a package"),
    "namespace that is no identifier": ({"namespace": "my-shop"}, "namespace", "no Python name"),
    "namespace that is a keyword": ({"namespace": "class"}, "namespace", "keyword"),
    "namespace of the standard library": ({"namespace": "logging"}, "namespace", "hides"),
    "namespace of a dependency": ({"namespace": "django"}, "namespace", "hides"),
    "namespace of an optional package": ({"namespace": "requests"}, "namespace", "hides"),
    "namespace of the machinery": ({"namespace": "observability"}, "namespace", "project has"),
    "namespace of the project": ({"namespace": "config"}, "namespace", "project has"),
    "log_dir out of the project": ({"log_dir": "../logs"}, "log_dir", "empty part"),
    "log_dir with an empty part": ({"log_dir": "var//log"}, "log_dir", "empty part"),
    "log_dir with a drive": ({"log_dir": "C:\\logs"}, "log_dir", "no drive"),
    "log_dir in the code": ({"log_dir": "config/logs"}, "log_dir", "its own files"),
    "log_dir in the namespace": ({"log_dir": "ecommerce/logs"}, "log_dir", "its own files"),
    "log_dir under a file": ({"log_dir": "/etc/passwd/logs"}, "log_dir", "cannot be created"),
}


def tree(folder: Path) -> set[Path]:
    """Return everything under a folder, but for what Cookiecutter keeps at home."""
    home = folder / "home"
    return {path for path in folder.rglob("*") if not path.is_relative_to(home)}


def arguments(answers: Answers) -> list[str]:
    """Write answers as the command line takes them."""
    return [f"{key}={literally(answer)}" for key, answer in answers.items()]


def printed_by_hook(result: subprocess.CompletedProcess[str]) -> list[str]:
    """Return the lines of the hook, without the report that Cookiecutter puts after them."""
    return result.stderr.partition("Stopping generation")[0].splitlines()


@pytest.mark.parametrize(
    ("answers", "key", "why"), list(REFUSALS.values()), ids=list(REFUSALS.keys())
)
def test_a_refusal_names_the_answer_and_a_command_that_works(
    cookiecutter: Call, tmp_path: Path, answers: Answers, key: str, why: str
) -> None:
    before = tree(tmp_path)
    answers = {"verification": "quick", **answers}
    refused = cookiecutter(str(TEMPLATE), "--no-input", *arguments(answers))
    lines = printed_by_hook(refused)
    reasons = lines[: lines.index("")]

    assert refused.returncode == 1
    assert [line.split()[0] for line in reasons] == [key]
    assert why in reasons[0]
    assert not any("Traceback" in line for line in lines)
    assert tree(tmp_path) == before

    command = lines[lines.index("This would work:") + 1].strip()
    assert command.startswith("cookiecutter ")
    repeated = cookiecutter(command=command)
    assert repeated.returncode == 0, repeated.stderr
    (project,) = (tmp_path / "here").iterdir()
    assert (project / ".env").is_file()


def test_everything_wrong_is_said_at_once(cookiecutter: Call) -> None:
    wrong = {"project_name": "a\nb", "namespace": "os", "log_dir": "..", "project_slug": "../x"}
    refused = cookiecutter(str(TEMPLATE), "--no-input", *arguments(wrong))
    lines = printed_by_hook(refused)
    keys = [line.split()[0] for line in lines[: lines.index("")]]
    assert keys == ["project_name", "project_slug", "namespace", "log_dir"]


def test_the_corrected_command_keeps_the_other_answers(cookiecutter: Call, tmp_path: Path) -> None:
    kept = {
        "project_name": """O'Neil's "{{ 7*7 }}" \\ $HOME""",
        "project_slug": "kept",
        "description": "{% raw %} `id` é",
        "handlers": "console",
        "verification": "quick",
    }
    refused = cookiecutter(str(TEMPLATE), "--no-input", *arguments(kept), "namespace=class")
    command = printed_by_hook(refused)[-2].strip()
    assert cookiecutter(command=command).returncode == 0
    project = tmp_path / "here" / "kept"
    assert (project / "class_service").is_dir()
    assert kept["project_name"] in (project / "README.md").read_text(encoding="utf-8")


CANARY = "canary"
CRAFTED = {
    "double quotes": f'"; __import__("os").system("touch {CANARY}"); "',
    "single quotes": f"'; __import__('os').system('touch {CANARY}'); '",
    "triple quotes": f'"""\'\'\'; __import__("os").system("touch {CANARY}"); """\'\'\'',
    "backslash before the quote": f'\\"; __import__("os").system("touch {CANARY}") #',
    "f-string": f"{{__import__('os').system('touch {CANARY}')}}",
    "jinja": "{{ cycler.__init__.__globals__.os.system('touch " + CANARY + "') }}",
    "jinja statement": "{% set x = cycler.__init__.__globals__.os.system('touch canary') %}",
    "shell": f"$(touch {CANARY})`touch {CANARY}`; touch {CANARY} && touch {CANARY}",
}


@pytest.mark.parametrize("crafted", CRAFTED.values(), ids=CRAFTED.keys())
def test_no_crafted_answer_runs(cookiecutter: Call, tmp_path: Path, crafted: str) -> None:
    everywhere = dict.fromkeys(("project_name", "project_slug", "description"), crafted)
    everywhere |= {"namespace": crafted, "log_dir": crafted, "verification": "quick"}
    refused = cookiecutter(str(TEMPLATE), "--no-input", *arguments(everywhere))
    keys = [line.split()[0] for line in printed_by_hook(refused) if crafted[:1] in line]
    assert {"project_slug", "namespace", "log_dir"} <= set(keys)

    in_text = {"project_name": crafted, "description": crafted, "verification": "quick"}
    in_text |= {"project_slug": "crafted", "namespace": "crafted"}
    baked = cookiecutter(str(TEMPLATE), "--no-input", *arguments(in_text))
    assert baked.returncode == 0, baked.stderr
    assert not list(tmp_path.rglob(CANARY))
    assert not Path(CANARY).exists()


def test_what_is_typed_into_the_dialogue_stays_as_it_is(cookiecutter: Call, tmp_path: Path) -> None:
    typed = ["{{ 7*7 }}", "typed", "{% raw %}", "typed", "", "", "", "", "", "", "2"]
    baked = cookiecutter(str(TEMPLATE), text="\n".join([*typed, ""]))
    assert baked.returncode == 0, baked.stderr
    assert "{{ 7*7 }}" in (tmp_path / "here" / "typed" / "README.md").read_text(encoding="utf-8")


def test_a_module_planted_beside_the_hook_is_not_imported(
    cookiecutter: Call, tmp_path: Path
) -> None:
    planted = [Path(os.environ["TMPDIR"], f"{name}.py") for name in ("re", "keyword", "runpy")]
    for module in planted:
        module.write_text(f"open({str(tmp_path / CANARY)!r}, 'w')\n", encoding="utf-8")
    try:
        baked = cookiecutter(str(TEMPLATE), "--no-input", "verification=quick")
    finally:
        for module in planted:
            module.unlink()
    assert baked.returncode == 0, baked.stderr
    assert not (tmp_path / CANARY).exists()


def test_an_existing_folder_is_not_touched_by_a_refusal(cookiecutter: Call, tmp_path: Path) -> None:
    mine = tmp_path / "here" / "mine"
    mine.mkdir()
    (mine / "precious").touch()
    for slug in ("mine", "../here/mine", str(mine)):
        cookiecutter(str(TEMPLATE), "--no-input", "-f", "namespace=os", f"project_slug={slug}")
        assert [path.name for path in mine.iterdir()] == ["precious"]
    shutil.rmtree(mine)


@pytest.fixture
def cruft_template(tmp_path: Path) -> Path:
    """Return a git repository that holds the template as it is now, for cruft to clone."""
    template = tmp_path / "home" / "template"
    ignore = shutil.ignore_patterns(".git", ".venv", "__pycache__", ".*_cache")
    shutil.copytree(TEMPLATE, template, ignore=ignore)
    identity = ("-c", "user.name=Tests", "-c", "user.email=tests@example.com")
    run("git", "init", "--quiet", cwd=template)
    run("git", "add", "--all", cwd=template)
    run("git", *identity, "commit", "--quiet", "--message=All", cwd=template)
    return template


def cruft_create(template: Path, answers: Answers) -> str:
    """Return the command that makes a project with cruft."""
    given = {key: literally(answer) for key, answer in answers.items()}
    words = ["cruft", "create", str(template), "--no-input", "--extra-context", json.dumps(given)]
    return shlex.join(words)


@pytest.mark.long
def test_cruft_makes_a_project_and_finds_it_up_to_date(
    cookiecutter: Call, tmp_path: Path, cruft_template: Path
) -> None:
    made = cookiecutter(command=cruft_create(cruft_template, {"verification": "quick"}))
    assert made.returncode == 0, made.stderr
    assert "  cd ecommerce\n" in made.stdout
    project = tmp_path / "here" / "ecommerce"
    assert (project / ".env").is_file()
    checked = cookiecutter(command=shlex.join(["cruft", "check", "--project-dir", str(project)]))
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.long
def test_a_refusal_under_cruft_names_a_command_of_cruft_that_works(
    cookiecutter: Call, tmp_path: Path, cruft_template: Path
) -> None:
    answers = {"verification": "quick", "namespace": "requests", "project_slug": "../x"}
    answers["project_name"] = """O'Neil's "{{ 7*7 }}" {% raw %}"""
    refused = cookiecutter(command=cruft_create(cruft_template, answers))
    lines = printed_by_hook(refused)
    assert refused.returncode == 1
    assert [line.split()[0] for line in lines[: lines.index("")]] == ["project_slug", "namespace"]
    assert not any("Traceback" in line for line in lines)
    made = cookiecutter(command=lines[lines.index("This would work:") + 1].strip())
    assert made.returncode == 0, made.stderr
    (project,) = (tmp_path / "here").iterdir()
    context = json.loads((project / ".cruft.json").read_text(encoding="utf-8"))["context"]
    assert context["cookiecutter"]["project_name"] == answers["project_name"]
    assert (project / "requests_service").is_dir()
