"""One baked project for all stress tests, with its own environment and the stress package."""

import shutil
from pathlib import Path

import pytest
from pytest_cookies.plugin import Cookies

from tests.combinations import OUTSIDE
from tests.conftest import bake_with

from .harness import Project


@pytest.fixture(scope="session")
def project(cookies_session: Cookies, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return the project; its log folder is absolute, with a space in its name."""
    outside = tmp_path_factory.mktemp("stressed")
    baked = bake_with(cookies_session, outside, {"log_dir": f"{OUTSIDE}/var/log/my shop"})
    shutil.copytree(Path(__file__).parent / "stress", baked.path / "stress")
    baked.run("uv", "sync", "--quiet", "--no-dev")
    project = Project(baked.path, outside / "var" / "log" / "my shop")
    baked.run(project.command("python"), "manage.py", "migrate")
    return project
