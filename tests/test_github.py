"""What GitHub reads here and in a project: it parses, is pinned, and names what exists."""

import importlib.util
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import TEMPLATE, BakedProject
from tests.newest import without_upper_bounds
from tests.release import notes

OURS = TEMPLATE / ".github"
WORKFLOWS = sorted((OURS / "workflows").glob("*.yml"))
FORMS = [path for path in sorted((OURS / "ISSUE_TEMPLATE").glob("*.yml")) if path.stem != "config"]
PINNED = re.compile(r"uses: ([\w-]+/[\w-]+)@([0-9a-f]{40}) # (v\d+\.\d+\.\d+)")
# How the first line of `on` is read: YAML 1.1 takes the word for a boolean.
ON: Any = True


@pytest.fixture(params=["here", "in a project"])
def github(request: pytest.FixtureRequest) -> Path:
    """Return a folder .github: the template's own, and that of a project."""
    if request.param == "here":
        return OURS
    baked_once: Callable[..., BakedProject] = request.getfixturevalue("baked_once")
    return baked_once().path / ".github"


def parse(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def pins(folder: Path) -> set[tuple[str, ...]]:
    """Return every action with its commit and its tag; fail for one that is not pinned."""
    text = "".join(path.read_text("utf-8") for path in (folder / "workflows").glob("*.yml"))
    pinned = PINNED.findall(text)
    assert len(pinned) == text.count("uses:") > 0
    return set(pinned)


def commands(path: Path) -> list[str]:
    steps = [step for job in parse(path)["jobs"].values() for step in job["steps"]]
    return [step["run"] for step in steps if "run" in step]


def test_zizmor_finds_nothing(github: Path) -> None:
    zizmor = shutil.which("zizmor")
    assert zizmor, "zizmor is not installed: it is in the group dev of pyproject.toml"
    done = subprocess.run(
        [zizmor, "--offline", github], capture_output=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "No findings to report" in done.stdout


def test_a_workflow_may_read_the_code_and_no_more(github: Path) -> None:
    for path in (github / "workflows").glob("*.yml"):
        assert parse(path)["permissions"] == {"contents": "read"}, path


def test_a_release_is_made_of_a_tag_after_the_gate_and_by_one_job_alone() -> None:
    workflow = parse(OURS / "workflows" / "release.yml")
    assert workflow[ON] == {"push": {"tags": ["v*.*.*"]}}
    (job,) = workflow["jobs"].values()
    assert job["permissions"] == {"contents": "write"}
    made = commands(OURS / "workflows" / "release.yml")
    assert [command.split()[:3] for command in made] == [
        ["python", "-m", "tests.release"],
        ["bash", ".ci/run"],
        ["gh", "release", "create"],
    ]


def test_a_release_has_the_notes_of_its_version() -> None:
    changes = "# Changes\n\n## 1.1.0 (2026-12-01)\n\nNew.\n\n## 1.0.0 (2026-11-25)\n\nOld.\n"
    assert notes("v1.1.0", "1.1.0", changes) == "New.\n"
    assert notes("v1.0.0", "1.0.0", changes) == "Old.\n"
    with pytest.raises(ValueError, match="is not v1"):
        notes("v1.0.0", "1.1.0", changes)
    with pytest.raises(ValueError, match="says nothing of 2"):
        notes("v2.0.0", "2.0.0", changes)


def test_a_project_has_the_same_pins(baked_once: Callable[..., BakedProject]) -> None:
    # Dependabot raises those of the template alone: write the new ones into the project's too.
    assert pins(baked_once().path / ".github") - pins(OURS) == set()


def test_dependabot_looks_where_there_is_something(github: Path) -> None:
    updates = parse(github / "dependabot.yml")["updates"]
    needed = {
        "uv": "pyproject.toml",
        "github-actions": ".github/workflows",
        "docker": "Dockerfile",
    }
    compose = github.parent / "compose.yaml"
    if compose.is_file() and " image: " in compose.read_text("utf-8"):
        needed["docker-compose"] = "compose.yaml"
    for update in updates:
        folder = github.parent / update["directory"].lstrip("/")
        assert (folder / needed[update["package-ecosystem"]]).exists(), update
    looked_after = {update["package-ecosystem"] for update in updates}
    present = {kind for kind, name in needed.items() if (github.parent / name).exists()}
    assert looked_after == present


def test_ci_runs_the_gate_of_everybody(baked_once: Callable[..., BakedProject]) -> None:
    project = baked_once()
    assert commands(project.path / ".github" / "workflows" / "ci.yml") == ["./gates"]
    assert "bash .ci/run" in commands(OURS / "workflows" / "ci.yml")


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_what_a_workflow_runs_exists(workflow: Path) -> None:
    for command in commands(workflow):
        script = re.fullmatch(r"bash (\S+)", command)
        module = re.search(r"python -m (\S+)", command)
        if script:
            assert (TEMPLATE / script[1]).is_file()
        elif module:
            assert importlib.util.find_spec(module[1]), command
        else:
            known = ("uv run --python ${{ matrix.python }} pytest", "gh issue ", "gh release ")
            assert command.startswith(known)


def test_the_newest_dependencies_are_tried_each_week() -> None:
    assert "schedule" in parse(OURS / "workflows" / "newest.yml")[ON]


def test_only_django_keeps_its_upper_bound_there(baked_once: Callable[..., BakedProject]) -> None:
    before = baked_once().read("pyproject.toml")
    after = without_upper_bounds(before)
    assert re.findall(r'"(.*),<.*"', before) != re.findall(r'"(.*),<.*"', after) == ["django>=5.2"]
    assert re.sub(r",<[\d.]+", "", before) == re.sub(r",<[\d.]+", "", after)


@pytest.mark.parametrize("form", FORMS, ids=lambda path: path.stem)
def test_an_issue_form_is_whole(form: Path) -> None:
    content = parse(form)
    assert all(content[key] for key in ("name", "description", "body"))
    questions = [part for part in content["body"] if part["type"] != "markdown"]
    assert all(part["attributes"]["label"] for part in questions)
    assert len({part["id"] for part in questions}) == len(questions) > 0


def test_blank_issues_are_closed_and_vulnerabilities_have_their_page() -> None:
    assert parse(OURS / "ISSUE_TEMPLATE" / "config.yml") == {"blank_issues_enabled": False}
    assert "in private" in (TEMPLATE / "SECURITY.md").read_text("utf-8")
