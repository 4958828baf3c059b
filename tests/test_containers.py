"""Dockerfile, .dockerignore and compose.yaml: their parts, and what they do without an engine.

Where docker or podman works, the image is built and the service started in earnest.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from pytest_cookies.plugin import Cookies

from tests.conftest import BakedProject, bake_with
from tests.reliability.harness import free_port

PINNED = re.compile(r"[a-z]+:\d+\.\d+[a-z0-9.-]*")
# What only an image can do: install uv, make a user.
IN_AN_IMAGE = ("pip install", "useradd")


@dataclass
class Stage:
    """One stage of a Dockerfile."""

    image: str
    instructions: list[tuple[str, str]] = field(default_factory=list)

    def all(self, kind: str) -> list[str]:
        """Return the arguments of all instructions of a kind."""
        return [argument for name, argument in self.instructions if name == kind]

    def only(self, kind: str) -> str:
        """Return the arguments of the instruction, of which there must be one."""
        (argument,) = self.all(kind)
        return argument

    def environment(self, folder: Path) -> dict[str, str]:
        """Return its variables; /app is the folder."""
        found = {}
        for text in self.all("ENV"):
            for name, value in re.findall(r'(\w+)=("[^"]*"|\S*)', text):
                value = value.strip('"').replace("/app/", f"{folder}/")  # noqa: PLW2901
                found[name] = value.replace("$PATH", os.environ["PATH"])
        return found


def stages(text: str) -> list[Stage]:
    """Read a Dockerfile."""
    found: list[Stage] = []
    for line in re.sub(r"\\\n", " ", text).splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        name, argument = line.split(maxsplit=1)
        if name == "FROM":
            found.append(Stage(argument))
        else:
            found[-1].instructions.append((name, argument.strip()))
    return found


def is_ignored(path: str, patterns: list[str]) -> bool:
    """Say whether a .dockerignore keeps a path, or a folder above it, out of the image.

    https://docs.docker.com/build/concepts/context/#dockerignore-files
    """
    ignored = False
    parts = path.split("/")
    above = ["/".join(parts[: length + 1]) for length in range(len(parts))]
    for pattern in patterns:
        text = re.escape(pattern.removeprefix("!"))
        expression = text.replace(r"\*\*/", "(.*/)?").replace(r"\*", "[^/]*")
        if any(re.fullmatch(expression, each) for each in above):
            ignored = not pattern.startswith("!")
    return ignored


def ignore_patterns(project: BakedProject) -> list[str]:
    """Return the patterns of the project's .dockerignore."""
    lines = project.read(".dockerignore").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


# What stands in the files


def test_the_image_is_built_in_stages_and_runs_without_rights(baked_once: Any) -> None:
    build, final = stages(baked_once().read("Dockerfile"))
    for stage in (build, final):
        assert PINNED.fullmatch(stage.image.removesuffix(" AS build")), stage.image
    assert "uv sync --locked --no-dev" in build.all("RUN")
    assert final.only("USER") not in ("root", "0")
    assert final.all("COPY") == ["--from=build /app /app"]  # which root owns
    assert "PYTHONDONTWRITEBYTECODE=1" in " ".join(final.all("ENV"))
    assert json.loads(final.only("CMD")) == ["gunicorn"]
    assert json.loads(final.only("HEALTHCHECK").removeprefix("CMD "))[0] == "python"


def test_the_image_holds_nothing_of_this_machine(baked_once: Any) -> None:
    project = baked_once()
    patterns = ignore_patterns(project)
    for path in (
        *(".env", ".env.local", ".git/config", ".github/workflows/ci.yml", ".venv/bin/python"),
        *("db.sqlite3", "db.sqlite3-wal", "db.sqlite3-shm", "staticfiles/admin/css/base.css"),
        *("logs/app.json.log", "logs/app.json.log.1", "logs/errors.json.log.2.gz"),
        *("config/__pycache__/settings.cpython-313.pyc", ".mypy_cache/x", ".ruff_cache/x"),
        *(".pytest_cache/x", "deep/down/app.json.log"),
    ):
        assert is_ignored(path, patterns), path
    needed = project.files() - {".env", ".dockerignore", "Dockerfile", "compose.yaml"}
    ignored = {path for path in needed if is_ignored(path, patterns)}
    assert {path for path in ignored if not path.startswith(".github/")} == set()


def test_compose_runs_the_service_where_nothing_can_be_written(baked_once: Any) -> None:
    project = baked_once()
    compose = yaml.safe_load(project.read("compose.yaml"))
    app, migrate = compose["services"]["app"], compose["services"]["migrate"]
    assert set(compose["services"]) == {"app", "migrate"}
    for service in (app, migrate):
        assert service["build"] == "."
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["env_file"] == ".env"
        assert service["environment"]["DEBUG"] == "False"
        assert service["environment"]["LOG_HANDLERS"] == "console"
        assert service["environment"]["DATABASE_URL"] == "sqlite:////data/db.sqlite3"
        assert service["volumes"] == ["data:/data"]
    assert "install --directory --owner=app /data" in project.read("Dockerfile")
    assert migrate["command"] == ["python", "manage.py", "migrate"]
    assert app["depends_on"] == {"migrate": {"condition": "service_completed_successfully"}}
    assert app["ports"] == ["127.0.0.1:8000:8000"]
    assert "/health/ready" in app["healthcheck"]["test"][-1]
    (graceful,) = re.findall(r"graceful_timeout = (\d+)", project.read("gunicorn.conf.py"))
    assert int(app["stop_grace_period"].removesuffix("s")) > int(graceful)
    assert set(compose["volumes"]) == {"data"}
    assert "postgres" not in project.read("compose.yaml")


def test_compose_brings_postgresql_when_it_was_asked_for(baked_once: Any) -> None:
    project = baked_once(database="postgresql")
    compose = yaml.safe_load(project.read("compose.yaml"))
    app, database = compose["services"]["app"], compose["services"]["database"]
    assert PINNED.fullmatch(database["image"])
    assert database["volumes"] == ["data:/var/lib/postgresql"]
    assert database["healthcheck"]["test"][:2] == ["CMD", "pg_isready"]
    assert "ports" not in database
    assert "volumes" not in app
    assert app["environment"]["DATABASE_URL"].startswith("postgres://app:${POSTGRES_PASSWORD:?")
    waits = compose["services"]["migrate"]["depends_on"]
    assert waits == {"database": {"condition": "service_healthy"}}
    assert "/data" not in project.read("Dockerfile")
    assert "sqlite" not in project.read("compose.yaml")


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
@pytest.mark.parametrize("task_queue", ["none", "django-tasks", "celery"])
def test_each_service_is_ours_and_closed_or_has_a_pinned_image(
    baked_once: Any, database: str, task_queue: str
) -> None:
    compose = yaml.safe_load(
        baked_once(database=database, task_queue=task_queue).read("compose.yaml")
    )
    for name, service in compose["services"].items():
        if "build" in service:
            assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"]), name
        else:
            assert PINNED.fullmatch(service["image"]), name
            assert "ports" not in service, name
        used = {volume.partition(":")[0] for volume in service.get("volumes", ())}
        assert used <= set(compose["volumes"]), name
        assert set(service.get("depends_on", ())) <= set(compose["services"]), name


# What they do, without an engine


@dataclass(frozen=True)
class Built:
    """What the Dockerfile's build stage left in its folder."""

    app: Path
    final: Stage


@pytest.fixture(scope="module")
def context(cookies_session: Cookies, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the files that the engine would be given, and a lock."""
    folder = tmp_path_factory.mktemp("image")
    project = bake_with(cookies_session, folder, {})
    project.run("uv", "lock", "--quiet")
    patterns = ignore_patterns(project)
    app = folder / "app"
    for name in [*project.files(), "uv.lock"]:
        if not is_ignored(name, patterns):
            (app / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(project.path / name, app / name)
    shutil.copy(project.path / "Dockerfile", folder)
    return app


def run_step(step: str, app: Path, variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run one RUN instruction of the build stage."""
    return subprocess.run(
        ["sh", "-c", step],
        cwd=app,
        env={"HOME": os.environ["HOME"], **variables},
        capture_output=True,
        encoding="utf-8",
        timeout=600,
        check=False,
    )


def build_steps(app: Path) -> tuple[list[str], dict[str, str], Stage]:
    """Return the steps that need no image, the build stage's variables, and the last stage."""
    build, final = stages((app.parent / "Dockerfile").read_text("utf-8"))
    steps = [step for step in build.all("RUN") if not step.startswith(IN_AN_IMAGE)]
    return steps, build.environment(app), final


@pytest.mark.long
def test_without_a_lock_the_build_says_how_to_make_one(context: Path) -> None:
    steps, variables, _ = build_steps(context)
    (context / "uv.lock").rename(context / "kept")
    try:
        done = run_step(steps[0], context, variables)
    finally:
        (context / "kept").rename(context / "uv.lock")
    assert done.returncode == 1
    assert "Fix: uv lock" in done.stderr
    assert run_step(steps[0], context, variables).returncode == 0


@pytest.fixture(scope="module")
def built(context: Path) -> Built:
    """Run the build stage's steps; return what the last stage would copy."""
    steps, variables, final = build_steps(context)
    for step in steps:
        done = run_step(step, context, variables)
        assert done.returncode == 0, f"{step}\n{done.stdout}\n{done.stderr}"
    return Built(context, final)


@pytest.mark.long
def test_the_build_installs_and_collects_what_is_served(built: Built) -> None:
    assert (built.app / "staticfiles" / "staticfiles.json").exists() or (
        built.app / "staticfiles" / "admin"
    ).is_dir()
    packages = next((built.app / ".venv" / "lib").glob("python3*/site-packages"))
    assert (packages / "gunicorn").is_dir()
    assert list(packages.glob("django/__pycache__/*.pyc"))  # nothing is compiled at run time
    assert not (packages / "pytest").exists()


def read_only(*writable: Path) -> list[str]:
    """Return the command after which nothing can be written but /dev/shm and these folders."""
    if os.geteuid() != 0 or not shutil.which("unshare"):
        if os.environ.get("REQUIRE_ROOT") == "1":
            pytest.fail("REQUIRE_ROOT is set, and no file system can be made read-only here")
        pytest.skip("only root can make a file system read-only")
    binds = "".join(f"mount --bind '{folder}' '{folder}'; " for folder in writable)
    script = f"mount --make-rprivate /; {binds}mount -o remount,bind,ro /; "
    script += '! touch "$PWD/written" 2>/dev/null || exit 9; exec "$@"'
    return ["unshare", "--mount", "sh", "-ec", script, "sh"]


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's mount namespaces")
def test_the_command_serves_where_nothing_can_be_written(built: Built, tmp_path: Path) -> None:
    """Everything is read-only but SQLite's folder: compose.yaml's `read_only`, and no /tmp."""
    port = free_port()
    data, console = tmp_path / "data", tmp_path / "console"
    data.mkdir()
    before = {path for path in built.app.rglob("*") if ".venv" not in path.parts}
    environment = {
        **built.final.environment(built.app),
        "HOME": "/nonexistent",
        "SECRET_KEY": "only-for-this-test",
        "BIND": f"127.0.0.1:{port}",
        "DATABASE_URL": f"sqlite:///{data / 'db.sqlite3'}",
    }
    prefix = read_only(data)

    def inside(*command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*prefix, *command],
            cwd=built.app,
            env=environment,
            capture_output=True,
            encoding="utf-8",
            timeout=60,
            check=False,
        )

    migrated = inside("python", "manage.py", "migrate")
    assert migrated.returncode == 0, migrated.stdout + migrated.stderr
    command = json.loads(built.final.only("CMD"))
    health = json.loads(built.final.only("HEALTHCHECK").removeprefix("CMD "))
    health[-1] = health[-1].replace("127.0.0.1:8000", f"127.0.0.1:{port}")
    with (
        console.open("wb") as output,
        subprocess.Popen(
            [*prefix, *command], cwd=built.app, env=environment, stdout=output, stderr=output
        ) as server,
    ):
        try:
            end = time.monotonic() + 30
            while (probe := inside(*health)).returncode and time.monotonic() < end:
                time.sleep(0.1)
            assert probe.returncode == 0, probe.stderr + console.read_text("utf-8")
            ready = [*health[:-1], health[-1].replace("/health/live", "/health/ready")]
            assert inside(*ready).returncode == 0
        finally:
            server.terminate()
            server.wait(timeout=40)
    assert server.returncode == 0
    assert inside(*health).returncode != 0, "a probe must fail when nobody answers"
    lines = [json.loads(line) for line in console.read_text("utf-8").splitlines()]
    assert {line["level"] for line in lines} == {"INFO"}, lines
    assert {path for path in built.app.rglob("*") if ".venv" not in path.parts} == before


# What they do, with an engine


@pytest.fixture
def engine() -> Iterator[str]:
    """Return docker or podman, whichever works; say so where neither does."""
    for name in ("docker", "podman"):
        with suppress(OSError, subprocess.SubprocessError):
            subprocess.run([name, "info"], capture_output=True, timeout=20, check=True)
            subprocess.run([name, "compose", "version"], capture_output=True, check=True)
            yield name
            return
    pytest.skip("NOT PROVEN: the image was not built, as neither docker nor podman works here")


@pytest.mark.long
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_an_engine_builds_and_serves_it(bake: Any, engine: str, database: str) -> None:
    project = bake(database=database)
    project.run("uv", "lock", "--quiet")
    with (project.path / ".env").open("a", encoding="utf-8") as env:
        env.write("\nPOSTGRES_PASSWORD=onlyforthistest\nALLOWED_HOSTS=127.0.0.1\n")
    try:
        project.run(engine, "compose", "up", "--build", "--detach")
        test = yaml.safe_load(project.read("compose.yaml"))["services"]["app"]["healthcheck"]
        ready = [engine, "compose", "exec", "-T", "app", *test["test"][1:]]
        end = time.monotonic() + 60
        while project.run(*ready, check=False).returncode and time.monotonic() < end:
            time.sleep(0.5)
        project.run(*ready)
        project.run(
            *(engine, "compose", "exec", "-T", "app", "python", "manage.py", "verify_logging")
        )
        project.run(
            *(engine, "compose", "run", "--rm", "-T", "app", "python", "manage.py", "migrate")
        )
        who = project.run(engine, "compose", "exec", "-T", "app", "id", "-u").stdout.strip()
        assert who == "10001"
        written = project.run(engine, "compose", "exec", "-T", "app", "touch", "/x", check=False)
        assert written.returncode != 0
    finally:
        project.run(engine, "compose", "down", "--volumes", check=False)
