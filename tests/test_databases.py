"""A project on a real PostgreSQL, and its throttles and lock-outs in a real Redis."""

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
import uv

from tests.conftest import Install, skip_without_python
from tests.databases import NewDatabase
from tests.machinery.__main__ import VERSIONS, run_suites
from tests.programs import program
from tests.reliability.harness import Project, Server, free_port, in_threads, wait_until
from tests.test_machinery import GROUPS

pytestmark = pytest.mark.long

# The suites that use a database; those of values and files are the same with any.
SUITES = [name for group in ("servers", "requests") for name in GROUPS[group][1]]


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[str]:
    """Return the URL of a Redis that has nothing, and keeps nothing."""
    folder, port = tmp_path, free_port()
    command = [program("redis-server"), "--port", str(port), "--bind", "127.0.0.1"]
    with (folder / "output").open("wb") as output:
        server = subprocess.Popen(
            [*command, "--save", "", "--appendonly", "no"], cwd=folder, stdout=output, stderr=output
        )
    try:
        ready = "Ready to accept connections"
        wait_until(lambda: ready in (folder / "output").read_text(), what=ready)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        server.terminate()
        server.wait(timeout=30)


@pytest.fixture(scope="module", params=VERSIONS)
def project(
    request: pytest.FixtureRequest, installed: Install, new_database: NewDatabase
) -> Project:
    """Return a project for PostgreSQL, installed and migrated, with a client for Redis."""
    baked = installed(database="postgresql", django_version=request.param)
    baked.run(uv.find_uv_bin(), "pip", "install", "--quiet", "redis")
    project = Project(baked.path, baked.path / "logs")
    url = new_database("postgresql", baked.path)
    baked.run("sh", "-c", f"echo DATABASE_URL={url} >> .env")
    baked.run(project.command("python"), "manage.py", "migrate", "--verbosity=0")
    return project


def python(project: Project, *arguments: str, **variables: str) -> str:
    """Run Python in the project; return what it printed, and fail with it when it fails."""
    env = {"DJANGO_SETTINGS_MODULE": "config.settings", "LOG_HANDLERS": "file", **variables}
    ended = project.python(*arguments, env=env)
    assert ended.returncode == 0, f"{ended.stdout}\n{ended.stderr}"
    return ended.stdout


@contextmanager
def serving(project: Project, folder: Path, **variables: str) -> Iterator[Server]:
    """Serve the project by three processes of gunicorn, open to everybody."""
    env = {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "DEBUG": "True",
        "WEB_CONCURRENCY": "3",
        "LOG_HANDLERS": "console",
        "THROTTLE_ANONYMOUS": "",
        "THROTTLE_LOGIN": "",
        **variables,
    }
    with project.server("gunicorn", folder, env) as server:
        wait_until(lambda: len(server.workers()) == 3)
        yield server


def query(project: Project, sql: str) -> int:
    """Return the number that PostgreSQL answers."""
    url = (project.path / ".env").read_text().rpartition("DATABASE_URL=")[2].strip()
    code = f"import psycopg; print(*psycopg.connect({url!r}).execute({sql!r}).fetchone())"
    return int(python(project, "-c", code))


def post(server: Server, path: str, body: dict[str, Any]) -> int:
    """Send an object; return the status of the answer."""
    request = Request(f"http://127.0.0.1:{server.port}{path}", json.dumps(body).encode())
    request.add_header("Content-Type", "application/json")
    try:
        with urlopen(request, timeout=20) as response:
            return int(response.status)
    except HTTPError as error:
        return error.code


def by_turns(server: Server, times: int, ask: Callable[[], int]) -> list[int]:
    """Ask one time after the other, each time another worker: the rest of them are stopped."""
    workers, statuses = server.workers(), []
    for number in range(times):
        others = [pid for pid in workers if pid != workers[number % len(workers)]]
        for pid in others:
            os.kill(pid, signal.SIGSTOP)
        try:
            statuses.append(ask())
        finally:
            for pid in others:
                os.kill(pid, signal.SIGCONT)
    return statuses


def test_the_projects_own_tests_pass(project: Project) -> None:
    printed = python(project, "-m", "pytest", "-q", "--create-db", "--reuse-db")
    assert " passed" in printed
    found = "SELECT count(*) FROM pg_database WHERE datname = 'test_' || current_database()"
    assert query(project, found) == 1, "the tests ran on another database"


def test_no_migration_is_missing(project: Project) -> None:
    python(project, "manage.py", "makemigrations", "--check")
    assert query(project, "SELECT count(*) FROM django_migrations WHERE app = 'accounts'") == 1


@pytest.mark.parametrize("django", VERSIONS)
def test_the_suites_of_the_machinery_pass(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    environments: Path,
    new_database: NewDatabase,
    django: str,
) -> None:
    skip_without_python({"django_version": django})
    monkeypatch.setenv("DATABASE_URL", new_database("postgresql", tmp_path))
    suites = [f"machinery/test_{name}.py" for name in SUITES]
    environment = environments / f"machinery-{django}-postgresql"
    ran = run_suites(tmp_path / "baked", environment, django, "-q", *suites)
    assert ran.returncode == 0, f"{ran.stdout}\n{ran.stderr}"


def test_each_process_has_a_pool_of_connections(project: Project, tmp_path: Path) -> None:
    """One for each of its threads at most; those that have died are replaced unnoticed."""
    others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    statuses: list[int] = []

    def ask(_number: int) -> None:
        statuses.extend(server.get("/api/products/").status for _ in range(5))

    with serving(project, tmp_path, WEB_THREADS="2") as server:
        in_threads(24, ask)
        assert statuses == [200] * 120
        assert 0 < query(project, f"SELECT count(*) {others}") <= 6
        query(project, f"SELECT count(pg_terminate_backend(pid)) {others}")
        answers = by_turns(server, 6, lambda: server.get("/api/products/").status)
    assert answers == [200] * 6


def test_the_throttle_of_all_processes_is_one(project: Project, redis: str, tmp_path: Path) -> None:
    with serving(project, tmp_path, CACHE_URL=redis, THROTTLE_ANONYMOUS="20/hour") as server:
        answers = by_turns(server, 30, lambda: server.get("/api/products/").status)
    assert answers == [200] * 20 + [429] * 10


def test_a_lock_out_holds_in_all_processes(project: Project, redis: str, tmp_path: Path) -> None:
    user = "from django.contrib.auth import get_user_model as u; u().objects.create_user"
    name = "ann"
    python(
        project, "manage.py", "shell", "--no-imports", "-c", f"{user}({name!r}, password='right')"
    )

    def ask(password: str) -> int:
        return post(server, "/api/auth/token/", {"username": name, "password": password})

    with serving(project, tmp_path, CACHE_URL=redis, LOGIN_FAILURE_LIMIT="5") as server:
        assert by_turns(server, 2, lambda: ask("right")) == [200, 200]
        assert by_turns(server, 8, lambda: ask("wrong")) == [400] * 4 + [429] * 4
        assert by_turns(server, 3, lambda: ask("right")) == [429] * 3
