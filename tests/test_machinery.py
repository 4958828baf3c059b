"""The suites of tests/machinery, run inside a baked default project for each version of Django."""

import re
from pathlib import Path

import pytest

from tests.conftest import skip_without_python
from tests.machinery.__main__ import SUITES, VERSIONS, run_suites

# Groups that take about as long as each other, and how many tests each has at least: a run that
# collects next to nothing is no success.
GROUPS: dict[str, tuple[int, list[str]]] = {
    "servers": (110, ["interfaces", "servers", "story"]),
    "hostile": (400, ["hostile"]),
    "requests": (220, ["access", "api", "audit", "health", "request_id", "security"]),
    "values": (
        700,
        [
            *("forgery", "helper", "line", "odd_payloads", "own_handlers", "redaction"),
            *("secrets", "server", "shortening", "tasks"),
        ],
    ),
    "files": (
        400,
        [
            *("catalogue", "checks", "config", "faults", "handlers_of_others", "log_file"),
            *("logs_command", "pretty", "rights", "verify_logging"),
        ],
    ),
}

# What is run with the long matrix alone.
SLOW = {"files", "hostile", "requests", "servers"}


def test_every_suite_is_in_one_group() -> None:
    grouped = sorted(name for _, names in GROUPS.values() for name in names)
    assert grouped == sorted(path.stem.removeprefix("test_") for path in SUITES.glob("test_*.py"))


@pytest.mark.parametrize(
    "group",
    [pytest.param(name, marks=pytest.mark.long if name in SLOW else ()) for name in GROUPS],
)
@pytest.mark.parametrize(
    "django",
    [VERSIONS[0], *(pytest.param(version, marks=pytest.mark.long) for version in VERSIONS[1:])],
)
def test_the_suites_pass(tmp_path: Path, environments: Path, django: str, group: str) -> None:
    skip_without_python({"django_version": django})
    least, names = GROUPS[group]
    suites = [f"machinery/test_{name}.py" for name in names]
    environment = environments / f"machinery-{django}"
    ran = run_suites(tmp_path / "baked", environment, django, "-q", *suites)
    assert ran.returncode == 0, f"{ran.stdout}\n{ran.stderr}"
    (passed,) = re.findall(r"(\d+) passed", ran.stdout)
    assert int(passed) >= least, ran.stdout
