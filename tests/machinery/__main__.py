"""Run the tests of the machinery inside a baked default project.

    python -m tests.machinery [--django 6.1] [arguments of pytest]
    python -m tests.machinery machinery/test_secrets.py -x

The project is baked anew each time; its environment is kept in a temporary folder, one for each
version of Django. It uses PostgreSQL where DATABASE_URL names one.
"""

import argparse
import getpass
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import uv

SUITES = Path(__file__).resolve().parent
TEMPLATE = SUITES.parent.parent
VERSIONS = ("5.2", "6.1")

# What is put beside our handlers in test_handlers_of_others.py, and what makes the texts of
# test_redaction.py; no project needs them.
OTHERS = ("hypothesis>=6.150", "opentelemetry-sdk>=1.45", "sentry-sdk>=2.75")
# What the tools of whoever runs this must not decide for the project.
FOREIGN = ("PYTEST_ADDOPTS", "PYTHONDONTWRITEBYTECODE", "VIRTUAL_ENV")
# A machine that pauses is no fault: `slow_request` would stand among the lines of any test.
PATIENT = {"SLOW_REQUEST_MS": "60000", "SLOW_QUERY_MS": "60000"}


def run_suites(
    folder: Path, environment: Path, django: str, *arguments: str, capture: bool = True
) -> subprocess.CompletedProcess[str]:
    """Bake into `folder`, install into `environment`, and run pytest there with the arguments.

    Paths among the arguments are relative to the project, where the suites are `machinery/`.
    Raises AssertionError, with what was printed, when the project cannot be baked or installed.
    """
    variables = _variables() | {"UV_PROJECT_ENVIRONMENT": str(environment)}
    project = bake(folder, django)
    elsewhere = shutil.ignore_patterns("__main__.py", "__pycache__", "ruff.toml")
    shutil.copytree(SUITES, project / "machinery", ignore=elsewhere)
    _install(project, environment, variables)
    named = any(argument.startswith("machinery") for argument in arguments)
    # The project as it is, and not with the settings of its owner's tests.
    settings = "--ds=config.settings"
    command = [uv.find_uv_bin(), "run", "--no-sync", "pytest", settings, *arguments]
    command += [] if named else ["machinery"]
    return subprocess.run(
        command,
        cwd=project,
        env=variables | PATIENT,
        capture_output=capture,
        encoding="utf-8",
        check=False,
    )


def bake(folder: Path, django: str = VERSIONS[0]) -> Path:
    """Bake the default project, at home in the folder so that nobody's configuration is read."""
    home = folder / "home"
    home.mkdir(parents=True)
    here = {"HOME": str(home), "USERPROFILE": str(home), "TMPDIR": str(home)}
    database = "sqlite"
    if os.environ.get("DATABASE_URL", "").startswith("postgres"):
        database = "postgresql"
    answers = ("verification=quick", f"django_version={django}", f"database={database}")
    _run(
        *(sys.executable, "-m", "cookiecutter", "--no-input", "--output-dir", str(folder)),
        *(str(TEMPLATE), *answers),
        cwd=folder,
        env=_variables() | here,
    )
    return next(path for path in folder.iterdir() if path != home)


def _variables() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if key not in FOREIGN}


def _install(project: Path, environment: Path, variables: dict[str, str]) -> None:
    """Install what the project asks for, and what the suites need besides."""
    uv_bin = uv.find_uv_bin()
    _run(uv_bin, "sync", "--quiet", "--inexact", cwd=project, env=variables)
    into = ("--python", str(environment))
    _run(uv_bin, "pip", "install", "--quiet", *into, *OTHERS, cwd=project, env=variables)


def _run(*command: str, cwd: Path, env: dict[str, str]) -> None:
    done = subprocess.run(
        command, cwd=cwd, env=env, capture_output=True, encoding="utf-8", timeout=600, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"


def main() -> int:
    """Run the suites once, with the environment of the last time."""
    parser = argparse.ArgumentParser(prog="python -m tests.machinery", description=__doc__)
    parser.add_argument("--django", choices=VERSIONS, default=VERSIONS[0])
    options, arguments = parser.parse_known_args()
    kept = Path(tempfile.gettempdir(), f"cookiecutter-drf-logging-{getpass.getuser()}")
    with tempfile.TemporaryDirectory() as folder:
        environment = kept / f"django-{options.django}"
        ran = run_suites(
            Path(folder).resolve(), environment, options.django, *arguments, capture=False
        )
    return ran.returncode


if __name__ == "__main__":
    sys.exit(main())
