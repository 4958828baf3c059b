"""Wrong values of the environment: one readable line, and never a traceback.

What the service needs to be safe must be right, or it does not start. A wrong setting of the log
is one line of the log, and the service starts.
"""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.conftest import BakedProject, Install
from tests.reliability.harness import free_port, wait_until

pytestmark = pytest.mark.long

COMMANDS = {
    "manage.py": ["manage.py", "check"],
    "gunicorn": ["-m", "gunicorn"],
    "uvicorn": ["-m", "uvicorn", "config.asgi:application", "--port", "{port}"],
}
SWITCH, WHOLE, RATE = "True or False", "a whole number, 0 or more", "a rate as 600/minute"
URL, CACHE = "postgres://USER:PASSWORD@HOST/NAME", "redis://HOST:PORT"
# Values that end the process, and what its line says is allowed.
REFUSED = {
    "DEBUG": {"maybe": SWITCH, "": SWITCH},
    "SECRET_KEY": {"": "in the environment or in .env"},
    "ALLOWED_HOSTS": {
        "https://shop.example.com": "names as",
        "a.example.com;b.example.com": "names",
    },
    "CSRF_TRUSTED_ORIGINS": {"shop.example.com": "URLs as https://", "https://a/b": "URLs as"},
    "SECURE_SSL_REDIRECT": {"si": SWITCH},
    "SECURE_HSTS_SECONDS": {"abc": WHOLE, "-1": WHOLE, "1.5": WHOLE},
    "SECURE_HSTS_INCLUDE_SUBDOMAINS": {"2": SWITCH},
    "SECURE_HSTS_PRELOAD": {"perhaps": SWITCH},
    "DATABASE_URL": {
        "nonsense": URL,
        "": URL,
        "postgress://ann:hunter2@127.0.0.1/shop": URL,
        "postgres://ann:hunter2@127.0.0.1:port/shop": URL,
        "postgres://ann:hunter2@127.0.0.1": URL,
        "sqlite://db.sqlite3": URL,  # Django would take it for a database in memory
        "postgres://ann:hunter2@127.0.0.1/shop": "Run: uv add 'psycopg[binary,pool]'",
        "mysql://ann:hunter2@127.0.0.1/shop": "Run: uv add mysqlclient",
    },
    "TRUSTED_PROXIES": {"-1": WHOLE, "two": WHOLE},
    "CACHE_URL": {
        "nonsense": CACHE,
        "memory://": CACHE,
        "redis://:hunter2@127.0.0.1:6379/0": "Run: uv add redis",
    },
    "LOGIN_FAILURE_LIMIT": {"x": "1 or more", "0": "1 or more"},
    "LOGIN_LOCKOUT_MINUTES": {"quarter": WHOLE},
    "THROTTLE_ANONYMOUS": {"lots": RATE, "10/fortnight": RATE},
    "THROTTLE_LOGIN": {"30": RATE},
}
# Values that the log does not use, and what its line says of them.
NOT_USED = {
    "LOG_LEVEL": "LOUD",
    "LOG_ERROR_LEVEL": "QUIET",
    "LOG_HANDLERS": "fax",
    "LOG_ROTATION": "yearly",
    "LOG_CONSOLE_FORMAT": "xml",
    "LOG_CONSOLE_STREAM": "stdlog",
    "SLOW_REQUEST_MS": "slow",
    "SLOW_QUERY_MS": "-1",
    "MAX_QUERIES_PER_REQUEST": "many",
    "LOG_MAX_LINE_BYTES": "abc",
    "LOG_MAX_PIPE_LINE_BYTES": "4 KB",
}
# No text is wrong in these; a folder that cannot be written to is logging.E005.
ANY_TEXT = {
    *("LOG_DIR", "LOG_SERVICE", "LOG_VERSION"),
    *("LOG_SENSITIVE_KEYS", "LOG_MORE_SENSITIVE_KEYS", "LOG_MORE_HARMLESS_KEYS"),
}

# Only gunicorn reads these: the numbers are tried below, and of an address its own line tells.
NUMBERS_OF_GUNICORN = ("WEB_CONCURRENCY", "WEB_THREADS")
OF_GUNICORN = ("BIND", *NUMBERS_OF_GUNICORN)


@pytest.fixture(scope="module")
def project(installed: Install) -> BakedProject:
    """Return the default project, installed as for production."""
    return installed("--no-dev")


def environment(**variables: str) -> dict[str, str]:
    """Return the variables of a service in production, and these."""
    return {"DEBUG": "False", "ALLOWED_HOSTS": "127.0.0.1", "WEB_CONCURRENCY": "1", **variables}


def test_every_variable_of_the_example_is_tried(project: BakedProject) -> None:
    names = re.findall(r"^#? ?([A-Z_]+)=", project.read(".env.example"), re.MULTILINE)
    assert sorted(names) == sorted([*REFUSED, *NOT_USED, *ANY_TEXT, *OF_GUNICORN])


@pytest.mark.parametrize("by", COMMANDS)
@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [(name, *case) for name, cases in REFUSED.items() for case in cases.items()],
)
def test_a_wrong_value_ends_the_process_with_one_line(
    project: BakedProject, by: str, name: str, value: str, allowed: str
) -> None:
    command = [argument.format(port=free_port()) for argument in COMMANDS[by]]
    ended = project.run(".venv/bin/python", *command, env=environment(**{name: value}), check=False)
    (line,) = ended.stderr.splitlines()
    assert line.startswith(name)
    assert allowed in line
    assert "hunter2" not in line
    assert (ended.stdout, ended.returncode) == ("", 1)


def test_the_check_names_every_wrong_setting_of_the_log(project: BakedProject) -> None:
    checked = project.run(".venv/bin/python", "manage.py", "check", env=NOT_USED, check=False)
    assert "Traceback" not in checked.stderr
    for name, value in NOT_USED.items():
        assert f"{name}: {value!r} is" in checked.stderr
    assert checked.returncode == 1


@pytest.mark.parametrize("by", ["gunicorn", "uvicorn"])
def test_a_server_starts_and_logs_each_wrong_setting_of_the_log(
    project: BakedProject, tmp_path: Path, by: str
) -> None:
    port = free_port()
    command = [argument.format(port=port) for argument in COMMANDS[by]]
    variables = os.environ | environment(BIND=f"127.0.0.1:{port}", **NOT_USED)
    problems: set[str] = set()

    def named() -> bool:
        lines = map(json.loads, output.read_text("utf-8").splitlines())
        wrong = [line["payload"] for line in lines if line["event"] == "wrong_setting"]
        problems.update(payload["problem"].partition(":")[0] for payload in wrong)
        return len(problems) == len(NOT_USED)

    output = tmp_path / "output"
    with (
        output.open("w") as file,
        subprocess.Popen(
            [str(project.path / ".venv/bin/python"), *command],
            cwd=project.path,
            env=variables,
            stdout=file,
            stderr=file,
        ) as server,
    ):
        try:
            wait_until(named, what=output.read_text("utf-8"))
        finally:
            server.terminate()
    assert problems == {*NOT_USED}


def test_the_number_of_workers_in_the_file_is_refused(project: BakedProject) -> None:
    """In the environment gunicorn itself reads it, before any file of the project."""
    file = project.path / ".env"
    before = file.read_text("utf-8")
    for name in NUMBERS_OF_GUNICORN:
        file.write_text(f"{before}\n{name}=abc\n", encoding="utf-8")
        ended = project.run(".venv/bin/python", "-m", "gunicorn", check=False)
        file.write_text(before, encoding="utf-8")
        assert ended.stderr == f"{name}: 'abc' is not allowed. Use a whole number, 1 or more.\n"
