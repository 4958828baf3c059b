"""A project's one command, ./gates: green from a clean folder, and stopped by whatever is wrong.

A gate is shown by breaking what it guards, and nothing else.
"""

import http.server
import json
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pytest_cookies.plugin import Cookies

from tests.combinations import COMBINATIONS, STACKS, Answers
from tests.conftest import BakedProject, bake_with
from tests.databases import NewDatabase

pytestmark = pytest.mark.long

# Somebody who works alone: in CI, a list of vulnerabilities that cannot be read is a failure.
ALONE = {"CI": ""}
# Where nobody listens.
NOBODY = "http://127.0.0.1:9/"


@dataclass(frozen=True)
class Breakage:
    """One thing that is wrong: what stands in which file, the gate that stops, what it prints."""

    gate: str
    file: str
    text: str
    printed: str


BREAKAGES = [
    Breakage("ruff check", "config/urls.py", "import os\n", "F401"),
    Breakage("ruff format", "config/urls.py", "x  =  1\n", "--> config/urls.py:"),
    Breakage("deptry", "config/urls.py", "\nimport inflection  # noqa: E402, F401\n", "DEP003"),
    Breakage("mypy", "config/urls.py", '\nanswer: int = "one"\n', "Incompatible types"),
    Breakage(
        "makemigrations",
        "ecommerce/products/models.py",
        "\n\nclass Offer(models.Model):\n"
        '    """An offer."""\n\n    percent = models.IntegerField()\n\n'
        "    def __str__(self) -> str:\n        return str(self.percent)\n",
        "+ Create model Offer",
    ),
    Breakage("check --deploy", "config/settings.py", "\nSECURE_HSTS_SECONDS = 0\n", "W004"),
    Breakage("verify_logging", "config/logging.py", '\nLOGGING["loggers"].clear()\n', "FAILED"),
    Breakage("tests", "tests/test_log.py", "\n\ndef test_one():\n    assert 1 == 2\n", "1 failed"),
]


def clean(cookies: Cookies, outside: Path, answers: Answers) -> BakedProject:
    """Return a project as a clone of it is: without .env and logs; and installed."""
    project = bake_with(cookies, outside, answers)
    (project.path / ".env").unlink()
    shutil.rmtree(project.path / "logs")
    project.run("uv", "sync", "--quiet")
    return project


@pytest.fixture(scope="module")
def baked(cookies_session: Cookies, tmp_path_factory: pytest.TempPathFactory) -> BakedProject:
    """Return a project that all tests here share."""
    return clean(cookies_session, tmp_path_factory.mktemp("outside"), {})


@pytest.fixture
def project(baked: BakedProject, tmp_path: Path) -> Iterator[BakedProject]:
    """Return the project, and take back what the test changes in it."""
    kept = ["ecommerce", "config", "tests", "pyproject.toml", "uv.lock"]
    for name in kept:
        copy(baked.path / name, tmp_path / name)
    yield baked
    for name in kept:
        copy(tmp_path / name, baked.path / name)


def copy(source: Path, target: Path) -> None:
    if source.is_file():
        shutil.copy2(source, target)
    else:
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(source, target)


def gates(project: BakedProject, **env: str) -> subprocess.CompletedProcess[str]:
    return project.run("./gates", env={**ALONE, **env}, check=False)


def stopped_at(done: subprocess.CompletedProcess[str]) -> str:
    """Return the gate that failed: the last that was begun, and the one that the end names."""
    begun = [line[3:] for line in done.stdout.splitlines() if line.startswith("== ")]
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stderr.splitlines()[-1] == f"Gate failed: {begun[-1]}"
    assert "Traceback" not in done.stderr
    return begun[-1]


@pytest.mark.parametrize("stack", STACKS)
def test_a_clean_project_passes_by_one_command(
    cookies: Cookies,
    tmp_path: Path,
    audited_there: Callable[[str], str],
    new_database: NewDatabase,
    stack: str,
) -> None:
    project = clean(cookies, tmp_path, COMBINATIONS[stack])
    before = project.files()
    is_sqlite = project.answers["database"] == "sqlite"
    database = {} if is_sqlite else {"DATABASE_URL": new_database("postgresql", tmp_path)}
    done = gates(project, PATH=audited_there(NOBODY), **database)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert lines[-1] == "All gates passed."
    assert len([line for line in lines if line.startswith("Not audited: ")]) == 1
    # Nothing is left but what Git does not see.
    assert project.files() - before == {".coverage"} | ({"db.sqlite3"} if is_sqlite else set())


def test_the_settings_are_those_of_the_readme(project: BakedProject) -> None:
    block = project.read("README.md").partition("## Serve it behind TLS")[2].split("```")[1]
    documented = dict(re.findall(r"(?m)^(\w+)=(.*)$", block))
    assert documented.pop("SECRET_KEY")
    exported = re.findall(r"(?m)^export (.*=.*)$", project.read("gates"))
    assert dict(pair.split("=") for line in exported for pair in line.split()) == documented


@pytest.mark.parametrize("breakage", BREAKAGES, ids=lambda breakage: breakage.gate)
def test_what_is_broken_stops_its_gate(project: BakedProject, breakage: Breakage) -> None:
    with (project.path / breakage.file).open("a", encoding="utf-8") as file:
        file.write(breakage.text)
    done = gates(project)
    assert stopped_at(done) == breakage.gate
    assert breakage.printed in done.stdout + done.stderr


def test_an_unused_dependency_is_found(project: BakedProject) -> None:
    pyproject = project.path / "pyproject.toml"
    text = pyproject.read_text("utf-8")
    pyproject.write_text(text.replace('    "rich', '    "inflection>=0.5",\n    "rich'), "utf-8")
    done = gates(project)
    assert stopped_at(done) == "deptry"
    assert "'inflection' defined as a dependency but not used" in done.stderr


def test_code_without_its_tests_is_not_covered(project: BakedProject) -> None:
    for name in ("test_products.py", "test_service.py"):
        (project.path / "tests" / name).unlink()
    done = gates(project)
    assert stopped_at(done) == "tests"
    assert "less than fail-under=95" in done.stdout + done.stderr


class Vulnerable(http.server.BaseHTTPRequestHandler):
    """A list of vulnerabilities that knows one, of the first package it is asked about."""

    def do_POST(self) -> None:
        """Say which packages are vulnerable."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        known: list[dict[str, object]] = [{} for _ in body["queries"]]
        known[0] = {"vulns": [{"id": "TEST-1", "modified": "2026-01-01T00:00:00Z"}]}
        self.answer({"results": known})

    def do_GET(self) -> None:
        """Describe the vulnerability."""
        self.answer({"id": "TEST-1", "modified": "2026-01-01T00:00:00Z", "summary": "It leaks."})

    def answer(self, content: object) -> None:
        """Send a JSON document."""
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(content).encode())

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@pytest.fixture
def audited_there(tmp_path: Path) -> Callable[[str], str]:
    """Return a function that makes a PATH on which `uv audit` asks the service at an address."""

    def path_with(address: str) -> str:
        uv = tmp_path / "bin" / "uv"
        uv.parent.mkdir()
        uv.write_text(
            "#!/bin/bash\n"
            f'[[ $1 == audit ]] && set -- "$@" --service-url {address}\n'
            f'exec {shutil.which("uv")} "$@"\n'
        )
        uv.chmod(0o755)
        return f"{uv.parent}{os.pathsep}{os.environ['PATH']}"

    return path_with


@pytest.fixture
def vulnerable() -> Iterator[str]:
    """Return the address of a service that knows a vulnerability."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Vulnerable)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


def test_a_known_vulnerability_is_found(
    project: BakedProject, audited_there: Callable[[str], str], vulnerable: str
) -> None:
    done = gates(project, PATH=audited_there(vulnerable))
    assert stopped_at(done) == "audit"
    assert "TEST-1" in done.stdout + done.stderr


def test_in_ci_an_audit_that_cannot_be_made_is_a_failure(
    project: BakedProject, audited_there: Callable[[str], str]
) -> None:
    assert stopped_at(gates(project, PATH=audited_there(NOBODY), CI="true")) == "audit"


def test_a_commit_is_checked_by_the_same_tools(project: BakedProject) -> None:
    project.run("git", "init", "--quiet")
    project.run("git", "add", ".")
    hooks = ("uvx", "pre-commit", "run", "--all-files")
    project.run(*hooks)
    with (project.path / "config" / "urls.py").open("a", encoding="utf-8") as file:
        file.write("answer  =  1\n")
    (project.path / "notes.txt").write_text("A space at the end \n")
    (project.path / "key.txt").write_text("-----BEGIN RSA " + "PRIVATE KEY-----\n")
    project.run("git", "add", ".")
    done = project.run(*hooks, check=False)
    failed = {line.split("..")[0] for line in done.stdout.splitlines() if "Failed" in line}
    assert failed == {"ruff format", "white space", "private key"}
