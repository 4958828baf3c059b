"""An update by cruft: an owner's project takes a later release, and loses nothing of its own."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pytest_cookies.plugin import Cookies

from tests.combinations import OUTSIDE
from tests.conftest import TEMPLATE, bake_with, run

PROJECT = "{{cookiecutter.project_slug}}"
PYTHON = ".venv/bin/python"
# What a machine has, and git has not: an update must leave each byte of it.
OWN = [".env", ".venv", "db.sqlite3", "logs", "uv.lock"]
IDENTITY = {
    f"GIT_{who}_{what}": "tests@example.com"
    for who in ("AUTHOR", "COMMITTER")
    for what in ("NAME", "EMAIL")
}

# What the next release changes, and what the owner has changed before it: other lines.
RELEASE = {
    "config/settings.py": ('    "PAGE_SIZE": 100,\n', '    "PAGE_SIZE": 50,\n'),
    "observability/__init__.py": ('__version__ = "', '__version__ = "9.'),
    "observability/events.py": ("import ", "# Changed by the next release.\nimport "),
    "Dockerfile": ("\nFROM ", "\n# Changed by the next release.\nFROM "),
}
NEW_FILE = "docs/new-in-the-release.md"
OWNERS = {
    "config/settings.py": ('TIME_ZONE = "UTC"', 'TIME_ZONE = "Europe/Berlin"'),
    "README.md": ("# Ecommerce\n", "# Our shop\n\nAsk us before you deploy it.\n"),
    "pyproject.toml": ('\nversion = "0.1.0"', '\nversion = "3.2.1"'),
}
ADDED = "ecommerce/orders.py"
DELETED = "Dockerfile"
BOTH = ('    "PAGE_SIZE": 100,\n', '    "PAGE_SIZE": 20,\n')


def replace(path: Path, old: str, new: str) -> None:
    """Replace the first place where a file has this text."""
    text = path.read_text(encoding="utf-8")
    assert old in text, f"{path}: {old}"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def commit(folder: Path, message: str) -> None:
    """Commit all that git does not ignore."""
    run("git", "add", "--all", cwd=folder)
    run("git", "commit", "--quiet", f"--message={message}", cwd=folder, env=IDENTITY)


@dataclass(frozen=True)
class Owner:
    """An owner's project, in its git repository, beside the template that it was made from."""

    path: Path

    def cruft(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run cruft as an owner does."""
        return run("cruft", *arguments, cwd=self.path, check=check)

    def changed(self) -> set[str]:
        """Return the files that are not as they were committed, also those that are new."""
        status = run("git", "status", "--porcelain", "--untracked-files=all", cwd=self.path)
        return {line[3:] for line in status.stdout.splitlines()}

    def own(self) -> dict[str, tuple[int, bytes]]:
        """Return what an update must not touch: the time and, unless it is large, the content."""
        tops = [self.path / name for name in OWN]
        paths = [path for top in tops for path in (top, *top.rglob("*")) if path.is_file()]
        assert all(top.exists() for top in tops)
        return {
            path.relative_to(self.path).as_posix(): (
                path.stat().st_mtime_ns,
                b"" if ".venv" in path.parts else path.read_bytes(),
            )
            for path in paths
            if path.suffix != ".pyc"
        }

    def read(self, name: str) -> str:
        """Return the text of one file."""
        return (self.path / name).read_text(encoding="utf-8")

    def copy(self, folder: Path) -> "Owner":
        """Return a copy without the environment."""
        path = shutil.copytree(self.path, folder, ignore=shutil.ignore_patterns(".venv"))
        return Owner(path)


class Update:
    """An update of the project, and of two copies in which both sides have changed one line."""

    def __init__(self, owner: Owner, folder: Path) -> None:
        """Do it; keep what was there before and after."""
        self.owner = owner
        self.conflict, self.without_git = (owner.copy(folder / name) for name in ("git", "none"))
        shutil.rmtree(self.without_git.path / ".git")
        for copy in (self.conflict, self.without_git):
            replace(copy.path / "config/settings.py", *BOTH)
        commit(self.conflict.path, "A line that the next release changes, too")
        self.diff = owner.cruft("diff").stdout
        self.check = owner.cruft("check", check=False)
        self.before = owner.own()
        for each in (owner, self.conflict, self.without_git):
            each.cruft("update", "--skip-apply-ask")
        self.after = owner.own()


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Owner]:
    """Return a project of the last release, as an owner has left it, and a release after that."""
    here = tmp_path_factory.mktemp("update")
    template = here / "template"
    ignore = shutil.ignore_patterns(".git", ".venv", "__pycache__", ".*_cache", "uv.lock")
    shutil.copytree(TEMPLATE, template, ignore=ignore)
    run("git", "init", "--quiet", cwd=template)
    commit(template, "The last release")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    home = here / "home"
    home.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", path)
        patch.setenv("HOME", str(home))
        run("cruft", "create", str(template), "--no-input", cwd=here)
        owner = Owner(here / "ecommerce")
        run("git", "init", "--quiet", cwd=owner.path)
        commit(owner.path, "As it was made")
        run(PYTHON, "manage.py", "migrate", cwd=owner.path)
        for name, (old, new) in OWNERS.items():
            replace(owner.path / name, old, new)
        (owner.path / ADDED).write_text('"""Orders."""\n', encoding="utf-8")
        (owner.path / DELETED).unlink()
        commit(owner.path, "What the owner did")
        for name, (old, new) in RELEASE.items():
            replace(template / PROJECT / name, old, new)
        (template / PROJECT / NEW_FILE).write_text("# New\n", encoding="utf-8")
        commit(template, "The next release")
        yield owner


@pytest.fixture(scope="module")
def updated(before: Owner, tmp_path_factory: pytest.TempPathFactory) -> Update:
    """Update the owner's project."""
    return Update(before, tmp_path_factory.mktemp("copies"))


def files_of(diff: str) -> set[str]:
    """Return the files that a difference names."""
    return {
        line.partition("/")[2]
        for line in diff.splitlines()
        if line.startswith("+++ upstream-template-new/")
    }


@pytest.mark.long
def test_cruft_shows_what_is_the_owners_and_that_a_release_is_there(updated: Update) -> None:
    assert files_of(updated.diff) == set(OWNERS)
    assert updated.check.returncode == 1


@pytest.mark.long
def test_an_update_brings_the_release_without_a_conflict(updated: Update) -> None:
    brought = {*RELEASE, NEW_FILE, ".cruft.json"} - {DELETED}
    assert updated.owner.changed() == brought
    for name, (_, new) in RELEASE.items():
        assert name == DELETED or new in updated.owner.read(name)
    assert updated.owner.cruft("check").returncode == 0


@pytest.mark.long
def test_an_update_keeps_what_the_owner_wrote(updated: Update) -> None:
    for name, (_, new) in OWNERS.items():
        assert new in updated.owner.read(name)
    assert (updated.owner.path / ADDED).is_file()
    assert not (updated.owner.path / DELETED).exists()


@pytest.mark.long
def test_an_update_touches_nothing_that_git_ignores(updated: Update) -> None:
    assert updated.after == updated.before
    assert not [*updated.owner.path.rglob("*.rej"), *updated.owner.path.rglob("*.orig")]


@pytest.mark.long
def test_the_updated_project_works(updated: Update) -> None:
    for command in (["manage.py", "check"], ["manage.py", "verify_logging"], ["-m", "pytest"]):
        run(PYTHON, *command, cwd=updated.owner.path)


@pytest.mark.long
def test_a_line_that_both_changed_is_a_conflict_of_git(updated: Update) -> None:
    owner = updated.conflict
    settings = owner.read("config/settings.py")
    ours, theirs = re.findall(r"<<<<<<< .*\n(.*\n)=======\n(.*\n)>>>>>>> ", settings)[0]
    assert (ours, theirs) == (BOTH[1], RELEASE["config/settings.py"][1])
    assert settings.count("<<<<<<<") == 1
    marked = [name for name in owner.changed() if "<<<<<<<" in owner.read(name)]
    assert marked == ["config/settings.py"]
    assert (owner.path / NEW_FILE).is_file()


@pytest.mark.long
def test_without_git_such_a_line_is_in_a_reject_file(updated: Update) -> None:
    owner = updated.without_git
    rejects = [path.relative_to(owner.path).as_posix() for path in owner.path.rglob("*.rej")]
    assert rejects == ["config/settings.py.rej"]
    assert RELEASE["config/settings.py"][1] in owner.read(rejects[0])
    assert (owner.path / NEW_FILE).is_file()


def test_no_folder_outside_the_project_is_listed_for_cruft(
    cookies: Cookies, tmp_path: Path
) -> None:
    # cruft deletes what is listed, before it compares: of an absolute path, the thing itself.
    project = bake_with(cookies, tmp_path, {"log_dir": f"{OUTSIDE}/var/log/shop"})
    skipped = tomllib.loads(project.read("pyproject.toml"))["tool"]["cruft"]["skip"]
    assert skipped == [".env", ".venv", "uv.lock"]


def test_a_project_says_which_release_it_has(cookies: Cookies, tmp_path: Path) -> None:
    ours = tomllib.loads((TEMPLATE / "pyproject.toml").read_text(encoding="utf-8"))
    project = tomllib.loads(bake_with(cookies, tmp_path, {}).read("pyproject.toml"))
    version = ours["project"]["version"]
    assert project["tool"]["cookiecutter-drf-logging"] == {"version": version}
    changes = (TEMPLATE / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.findall(r"^## (\d\S*)", changes, re.MULTILINE)[0] == version


def test_the_machinery_says_which_version_it_is() -> None:
    folder = TEMPLATE / PROJECT / "observability"
    (version,) = re.findall(r'__version__ = "(.*)"', (folder / "__init__.py").read_text("utf-8"))
    changes = (folder / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.findall(r"^## (\d\S*)", changes, re.MULTILINE)[0] == version
