"""What an owner does first, one after the other: the project's own tests stay green.

All of it is done to one baked project, and undone after each run.
"""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import uv

from tests.conftest import BakedProject, Install

pytestmark = pytest.mark.long

VIEWS, SETTINGS, LOGGING = "ecommerce/products/views.py", "config/settings.py", "config/logging.py"
IMPORT, EVENT = "import log_operation", '        log_event("stock_is_low", {"left": 3})\n'
SENTRY = """
import sentry_sdk
from sentry_sdk.transport import Transport


class Nowhere(Transport):
    def capture_envelope(self, envelope):
        pass


sentry_sdk.init(dsn="http://key@127.0.0.1/1", transport=Nowhere)
LOGGING["handlers"]["sentry"] = {"class": "sentry_sdk.integrations.logging.EventHandler"}
for logger in (LOGGING["root"], LOGGING["loggers"][LOG_NAMESPACE]):
    logger["handlers"] = [*logger["handlers"], "sentry"]
"""
# Each variable once, in as few runs as do not hide one of them behind another.
VARIABLES = [
    "LOG_LEVEL=CRITICAL LOG_SERVICE=shop LOG_VERSION=7 SLOW_REQUEST_MS=0 SLOW_QUERY_MS=0",
    "LOG_ERROR_LEVEL=WARNING LOG_HANDLERS=console LOG_CONSOLE_FORMAT=pretty",
    "LOG_ROTATION=size LOG_CONSOLE_STREAM=stderr LOG_DIR=elsewhere LOG_MORE_SENSITIVE_KEYS=id_card",
    "LOG_MORE_HARMLESS_KEYS=pin_board",
    "LOG_MAX_LINE_BYTES=2048 LOG_MAX_PIPE_LINE_BYTES=1024 LOG_SENSITIVE_KEYS=nothing",
]


@pytest.fixture(scope="module")
def baked(installed: Install) -> BakedProject:
    """Return the default project, installed."""
    return installed()


@pytest.fixture
def project(baked: BakedProject, tmp_path: Path) -> Iterator[BakedProject]:
    """Return the project, and take back what the test changes in it."""
    parts = ["ecommerce", "config", "tests", "docs"]
    for part in parts:
        shutil.copytree(baked.path / part, tmp_path / part)
    yield baked
    for part in parts:
        shutil.rmtree(baked.path / part)
        shutil.copytree(tmp_path / part, baked.path / part)


def replace(project: BakedProject, name: str, old: str, new: str) -> None:
    text = project.read(name)
    assert old in text
    (project.path / name).write_text(text.replace(old, new), encoding="utf-8")


def run_tests(project: BakedProject, **variables: str) -> str:
    """Run the project's own tests as its README says, and return what they printed."""
    return project.run("uv", "run", "--no-sync", "pytest", env=variables).stdout


def test_nothing_is_changed_and_no_log_file_is_written(project: BakedProject) -> None:
    printed = run_tests(project)
    assert "WARNING" not in printed
    assert not list((project.path / "logs").iterdir())


@pytest.mark.parametrize("documented", [True, False])
def test_an_event_is_added_to_the_view(project: BakedProject, documented: bool) -> None:
    replace(project, VIEWS, IMPORT, "import log_event, log_operation")
    replace(project, VIEWS, "        return response\n", f"{EVENT}        return response\n")
    if documented:
        heading = "### Products\n\n| event | level | when | payload |\n| --- | --- | --- | --- |\n"
        row = "| `stock_is_low` | INFO | few are left | `left` |\n"
        replace(project, "docs/logging.md", heading, heading + row)
    named = re.findall("WARNING: (.*)", run_tests(project))
    if documented:
        assert not named
    else:
        (line,) = named
        assert line.startswith("the event stock_is_low of ecommerce.products.views ")
        assert "docs/logging.md" in line


def test_the_example_is_deleted(project: BakedProject) -> None:
    shutil.rmtree(project.path / "ecommerce" / "products")
    (project.path / "tests" / "test_products.py").unlink()
    replace(project, SETTINGS, '    "ecommerce.products",\n', "")
    replace(project, SETTINGS, '    "products.Product",\n', "")
    route = '    path("api/products/", include("ecommerce.products.urls")),\n'
    replace(project, "config/urls.py", route, "")
    replace(project, "config/urls.py", "import include, path", "import path")
    catalogue = re.sub(r"(?s)### Products\n.*?(?=###)", "", project.read("docs/logging.md"))
    (project.path / "docs" / "logging.md").write_text(catalogue, encoding="utf-8")
    run_tests(project)
    project.run("ruff", "check", "--no-cache", "config", "ecommerce", "tests")
    left = [name for name in project.files() if name.startswith(("config/", "ecommerce/"))]
    assert not [name for name in left if "product" in project.read(name).lower()]


def test_the_example_is_renamed(project: BakedProject) -> None:
    (project.path / "ecommerce" / "products").rename(project.path / "ecommerce" / "articles")
    tests = project.path / "tests"
    (tests / "test_products.py").rename(tests / "test_articles.py")
    paths = [*(project.path / "ecommerce" / "articles").rglob("*.py"), tests / "test_articles.py"]
    paths += [*(project.path / "config").glob("*.py"), project.path / "docs" / "logging.md"]
    for path in paths:
        text = path.read_text(encoding="utf-8")
        for old, new in (("product", "article"), ("Product", "Article")):
            text = text.replace(old, new)
        path.write_text(text, encoding="utf-8")
    assert "WARNING" not in run_tests(project)


def test_sentry_is_added(project: BakedProject) -> None:
    pip = (uv.find_uv_bin(), "pip")
    project.run(*pip, "install", "--quiet", "sentry-sdk>=2.75")
    with (project.path / LOGGING).open("a", encoding="utf-8") as file:
        file.write(SENTRY)
    run_tests(project)
    project.run(*pip, "uninstall", "--quiet", "sentry-sdk")


@pytest.mark.parametrize("variables", VARIABLES)
def test_variables_are_set(project: BakedProject, variables: str) -> None:
    run_tests(project, **dict(variable.split("=") for variable in variables.split()))
