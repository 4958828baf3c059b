"""The API against its own description, by schemathesis: what it says is what it does.

https://schemathesis.readthedocs.io/
"""

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import uv

from tests.combinations import COMBINATIONS, STACKS
from tests.conftest import BakedProject, Install, run
from tests.databases import NewDatabase
from tests.reliability.harness import free_port, is_open, wait_until

pytestmark = pytest.mark.long

SCHEMATHESIS = "schemathesis>=4.32,<5"
KEY = "0123456789abcdef0123456789abcdef01234567"
MAKE_TOKEN = f"""
from django.contrib.auth import get_user_model
from rest_framework.authtoken.models import Token
Token.objects.create(key="{KEY}", user=get_user_model().objects.create_user("ann"))
"""
COMMANDS = {
    "gunicorn": ["gunicorn", "config.wsgi"],
    "uvicorn": ["uvicorn", "config.asgi:application", "--port", "{port}"],
}
# DEBUG opens the API to strangers.
CALLERS = {
    "stranger": ("True", []),
    "ann": ("False", ["--header", f"Authorization: Token {KEY}"]),
}
# No description can say which password is right: a wrong one is answered with 400, as by DRF.
CONFIGURATION = """
[[operations]]
include-path = "/api/auth/token/"
checks.positive_data_acceptance.expected-statuses = ["2xx", "400", "429"]
"""


# Everybody at each server, then by turns.
CASES = [("default", server, caller) for server in COMMANDS for caller in CALLERS]
CASES += [(stack, *pair) for stack in STACKS[1:] for pair in zip(COMMANDS, CALLERS, strict=True)]


@pytest.fixture(scope="module")
def project(request: pytest.FixtureRequest, installed: Install) -> BakedProject:
    """Return an installed project of a stack."""
    return installed(**COMBINATIONS[request.param])


@contextmanager
def serving(
    project: BakedProject, server: str, folder: Path, database: str, debug: str
) -> Iterator[str]:
    """Run a server with a database and log files of its own; give its address."""
    port = free_port()
    variables = {
        "DEBUG": debug,
        "ALLOWED_HOSTS": "127.0.0.1",
        "DATABASE_URL": database,
        "THROTTLE_ANONYMOUS": "1000000/minute",
        "THROTTLE_LOGIN": "1000000/minute",
        "LOG_DIR": str(folder / "logs"),
        "LOG_HANDLERS": "file,error_file",
        "BIND": f"127.0.0.1:{port}",
    }
    python = str(project.path / ".venv" / "bin" / "python")
    project.run(python, "manage.py", "migrate", "-v0", env=variables)
    project.run(python, "manage.py", "shell", "-v0", "-c", MAKE_TOKEN, env=variables)
    command = [python, "-m", *(part.format(port=port) for part in COMMANDS[server])]
    environment = {**os.environ, **variables}
    with subprocess.Popen(command, cwd=project.path, env=environment) as process:
        try:
            wait_until(lambda: is_open(port) or process.poll() is not None, seconds=30)
            assert process.poll() is None, "the server has ended"
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(timeout=30)


@pytest.mark.parametrize(("project", "server", "caller"), CASES, indirect=["project"])
def test_it_does_what_its_description_says(
    project: BakedProject, tmp_path: Path, new_database: NewDatabase, server: str, caller: str
) -> None:
    debug, options = CALLERS[caller]
    schema, configuration = tmp_path / "openapi.yaml", tmp_path / "schemathesis.toml"
    configuration.write_text(CONFIGURATION, encoding="utf-8")
    uv_bin, database = uv.find_uv_bin(), new_database(project.answers["database"], tmp_path)
    describe = (uv_bin, "run", "--no-sync", "manage.py", "spectacular", "--file", str(schema))
    project.run(*describe, env={"DATABASE_URL": database})  # which decides how large a number is
    with serving(project, server, tmp_path, database, debug) as address:
        ran = run(
            *(uv_bin, "tool", "run", "--quiet", "--from", SCHEMATHESIS, "schemathesis"),
            *("--config-file", str(configuration), "run", str(schema), "--url", address),
            *("--checks", "all", "--max-examples", "10", "--generation-deterministic"),
            *("--no-color", "--continue-on-failure", *options),
            cwd=tmp_path,
            check=False,
        )
    assert ran.returncode == 0, ran.stdout
    (cases,) = re.findall(r"(\d+) generated", ran.stdout)
    assert int(cases) > 300, ran.stdout
    assert (tmp_path / "logs" / "app.json.log").stat().st_size
    assert not (tmp_path / "logs" / "errors.json.log").exists()
