"""docs/adopt.md, followed: the machinery in a project that this template did not make."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
import uv

from tests.conftest import TEMPLATE, run
from tests.reliability.harness import free_port, is_open, wait_until

pytestmark = pytest.mark.long

PAGE = (TEMPLATE / "docs" / "adopt.md").read_text(encoding="utf-8")
PACKAGES = [
    *("django", "djangorestframework", "django-request-id", "python-json-logger", "orjson"),
    *("jsonschema", "rich", "gunicorn", "uvicorn"),
]
ABSENT = ["auditlog", "axes", "drf_spectacular", "drf_standardized_errors", "environ"]
VIEWS = """
from rest_framework.decorators import api_view
from rest_framework.response import Response
from observability.events import log_event

@api_view(["GET"])
def stock(request):
    log_event("stock_was_read", {"left": 3, "password": "hunter2"})
    return Response({"left": 3})

@api_view(["GET"])
def crash(request):
    raise LookupError("the shelf is gone")
"""
URLS = """
from django.urls import path
from shop.views import crash, stock

urlpatterns = [path("stock/", stock), path("crash/", crash)]
"""
CLIENT = """
from django.test import Client

response = Client(raise_request_exception=False).get("/crash/", headers={"host": "127.0.0.1"})
print(response.status_code, response["X-Request-ID"])
"""
HANDLER = 'REST_FRAMEWORK = {"EXCEPTION_HANDLER": "shop.errors.log_and_answer"}\n'
SERVERS = {
    "runserver": ["manage.py", "runserver", "--noreload", "127.0.0.1:{port}"],
    "gunicorn": ["-m", "gunicorn", "shop.wsgi", "--bind", "127.0.0.1:{port}"],
    "uvicorn": ["-m", "uvicorn", "shop.asgi:application", "--port", "{port}"],
}


def block(name: str) -> str:
    """Return the code that the page has for a file, which its first line names."""
    (code,) = re.findall(rf"```python\n# {re.escape(name)}\n(.*?)```", PAGE, re.DOTALL)
    return str(code)


class Project:
    """The output of startproject, with Django REST Framework and two views."""

    def __init__(self, folder: Path) -> None:
        """Make it, with an environment of its own, and follow the page up to the six lines."""
        self.folder = folder
        self.python = str(folder / ".venv" / "bin" / "python")
        uv_bin = uv.find_uv_bin()
        run(uv_bin, "venv", "--quiet", cwd=folder)
        run(uv_bin, "pip", "install", "--quiet", *PACKAGES, cwd=folder)
        run(self.python, "-m", "django", "startproject", "shop", ".", cwd=folder)
        (folder / "shop" / "views.py").write_text(VIEWS, encoding="utf-8")
        (folder / "shop" / "urls.py").write_text(URLS, encoding="utf-8")
        self.add("shop/settings.py", 'INSTALLED_APPS += ["rest_framework"]\n')
        source = TEMPLATE / "{{cookiecutter.project_slug}}" / "observability"
        shutil.copytree(
            source, folder / "observability", ignore=shutil.ignore_patterns("__pycache__")
        )
        self.add("shop/settings.py", block("shop/settings.py"))

    def add(self, name: str, code: str) -> None:
        """Add code at the end of a file."""
        with (self.folder / name).open("a", encoding="utf-8") as file:
            file.write(code)

    def manage(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run manage.py."""
        return run(self.python, "manage.py", *arguments, cwd=self.folder, check=check)

    def lines(self, name: str = "app") -> list[dict[str, Any]]:
        """Return the lines of a log file."""
        text = (self.folder / "logs" / f"{name}.json.log").read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines()]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return the project, with the six lines that the page asks for and nothing more."""
    return Project(tmp_path_factory.mktemp("adopted"))


def test_there_are_six_lines() -> None:
    lines = [line for line in block("shop/settings.py").splitlines() if line]
    assert len(lines) == 6


def test_the_six_lines_are_enough(project: Project) -> None:
    for name in ABSENT:
        assert run(
            project.python, "-c", f"import {name}", cwd=project.folder, check=False
        ).returncode
    project.manage("check", "--fail-level", "ERROR")
    assert "logging verified" in project.manage("verify_logging").stdout
    assert "logging_probe" in project.manage("logs", "--json").stdout


def test_a_request_is_logged_with_its_id_and_a_crash_once(project: Project) -> None:
    status, request_id = (
        project.manage("shell", "-v0", "-c", CLIENT).stdout.splitlines()[-1].split()
    )
    assert status == "500"
    (error,) = (line for line in project.lines("errors") if line["level"] == "ERROR")
    assert (error["request_id"], error["exception"]["type"]) == (request_id, "LookupError")
    (finished,) = (line for line in project.lines() if line["event"] == "request_finished")
    assert (finished["request_id"], finished["payload"]["status"]) == (request_id, 500)


def test_the_servers_write_lines_of_json_alone(project: Project, tmp_path: Path) -> None:
    project.add("shop/wsgi.py", block("shop/wsgi.py"))
    project.add("shop/asgi.py", block("shop/asgi.py"))
    project.add("gunicorn.conf.py", block("gunicorn.conf.py"))
    for name, arguments in SERVERS.items():
        with serving(project, arguments, tmp_path / name) as ask:
            request_id = ask("/stock/?token=hunter2")
            # It is logged when the server has closed the response, which the client has by then.
            wait_until(lambda: '"request_finished"' in (tmp_path / name).read_text())  # noqa: B023
        text = (tmp_path / name).read_text()
        # What runserver prints for the person who started it is not logged.
        lines = [
            json.loads(line)
            for line in text.splitlines()
            if name != "runserver" or line.startswith("{")
        ]
        own = [line for line in lines if line["request_id"] == request_id]
        # On a busy machine there is a slow_request, too.
        events = [line["event"] for line in own if line["event"] != "slow_request"]
        assert events == ["stock_was_read", "request_finished"], name
        assert own[0]["payload"] == {"left": 3, "password": "***"}
        assert "hunter2" not in text


def test_the_optional_lines_work(project: Project) -> None:
    (project.folder / "shop" / "errors.py").write_text(block("shop/errors.py"), encoding="utf-8")
    project.add("shop/settings.py", HANDLER)
    run(uv.find_uv_bin(), "pip", "install", "--quiet", "django-auditlog", cwd=project.folder)
    project.add("shop/settings.py", block("audit"))
    project.manage("migrate", "-v0")
    code = "from django.contrib.auth.models import User; User.objects.create_user('ann')"
    project.manage("shell", "-v0", "-c", code)
    created = [line for line in project.lines("audit") if line["event"] == "object_created"]
    assert [line["payload"]["model"] for line in created] == ["auth.User"]


# What is left of the views when the helper is gone.
OWN_CALL = """import logging

logging.getLogger(__name__).info("stock_was_read %s", {"left": 3})
"""


def test_it_is_removed(project: Project) -> None:
    remove, find = re.findall(r"```sh\n(.*?)```", PAGE.split("## 5. Remove it")[1], re.DOTALL)
    for name in ("gunicorn.conf.py", "shop/errors.py"):
        (project.folder / name).unlink(missing_ok=True)
    for name, blocks in {
        "shop/settings.py": ["shop/settings.py", "audit"],
        "shop/wsgi.py": ["shop/wsgi.py"],
        "shop/asgi.py": ["shop/asgi.py"],
    }.items():
        path = project.folder / name
        text = path.read_text(encoding="utf-8").replace(HANDLER, "")
        for each in blocks:
            text = text.replace(block(each), "")
        path.write_text(text, encoding="utf-8")
    run("bash", "-euc", remove, cwd=project.folder)  # uv is on the path: tests/conftest.py
    left = run("bash", "-c", find, cwd=project.folder).stdout
    assert [line.split(":")[0] for line in left.splitlines()] == ["./shop/views.py"]
    views = VIEWS.replace("from observability.events import log_event\n", "")
    views = views.replace(
        '    log_event("stock_was_read", {"left": 3, "password": "hunter2"})\n', ""
    )
    (project.folder / "shop" / "views.py").write_text(OWN_CALL + views, encoding="utf-8")
    assert "no issues" in project.manage("check").stdout
    assert not project.manage("makemigrations", "--check", "--dry-run").stderr
    answer = project.manage("shell", "-v0", "-c", CLIENT.replace("/crash/", "/stock/"), check=False)
    assert "KeyError" in answer.stderr  # there is no X-Request-ID any more
    assert '{"timestamp"' not in answer.stdout + answer.stderr


@contextmanager
def serving(
    project: Project, arguments: list[str], output: Path
) -> Iterator[Callable[[str], str | None]]:
    """Run a server; give a function that asks for a path and returns the request's id."""
    port = free_port()
    command = [project.python, *(argument.format(port=port) for argument in arguments)]

    def ask(path: str) -> str | None:
        connection = HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            assert response.status == 200
            return response.headers["X-Request-ID"]
        finally:
            connection.close()

    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with (
        output.open("wb") as file,
        subprocess.Popen(
            command, cwd=project.folder, env=environment, stdout=file, stderr=file
        ) as server,
    ):
        try:
            wait_until(lambda: is_open(port), seconds=30, what=f"it listens: {output}")
            yield ask
        finally:
            server.terminate()
            server.wait(timeout=30)
