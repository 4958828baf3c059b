"""The commands that the documentation names, where each is run, and the few that are run otherwise.

`SCRIPTS` are what somebody does who follows the pages, place by place and in this order. Each step
is a pattern: whatever command of a page matches it is run there as it stands, by a shell. So a
command that matches no step is run by nobody, which tests/test_documentation.py refuses.
"""

import re
import shlex
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests import test_adopt, test_containers, test_shipping
from tests.reliability import test_kill

SHELL = ("", "sh", "bash", "console", "shell", "lnav")
# Programs whose commands stand in running text, too, and in the comments of configurations.
PROGRAMS = (
    "uv|uvx|python|docker|bash|curl|lnav|pipx|pip|jq|gunicorn|uvicorn|celery|sudo|git|cp|kill"
    "|cookiecutter|cruft|manage.py|systemctl|logrotate|rsyslogd|fluent-bit|redis-server|npm|make"
).replace(".", r"\.")
# What is written short in running text.
SHORT = {"manage.py": "uv run python manage.py", "cruft": "uvx cruft"}
# Files with commands in their comments.
COMMENTED = ("deploy/*.*", "compose.yaml", "Dockerfile", ".env.example", ".pre-commit-config.yaml")


def commands(text: str) -> set[str]:
    """Return the commands of a page: those in shell blocks, and those in running text."""
    blocks = re.findall(r"(?ms)^```(\w*)\n(.*?)^```", text)
    lines = [line for kind, block in blocks if kind in SHELL for line in block.splitlines()]
    prose = re.sub(r"(?ms)^```.*?^```", "", text)
    lines += re.findall(rf"`(\./gates|(?:{PROGRAMS}) [^`\n]+)`", prose)
    return {in_full(line) for line in lines if line.strip() and not line.startswith("#")}


def commented_commands(text: str) -> set[str]:
    """Return the commands in the comments of a configuration, up to a comma."""
    pattern = rf"(?m)^\s*#(?:.*[:,])? +((?:{PROGRAMS}) [^,\n]+|\./gates)"
    return {in_full(line) for line in re.findall(pattern, text)}


def in_full(command: str) -> str:
    """Return a command with the beginning that running text leaves out."""
    program, _, arguments = command.strip().partition(" ")
    return f"{SHORT.get(program, program)} {arguments}".strip()


@dataclass(frozen=True)
class Run:
    """Commands that end, with this code; what they print has `prints`, a regular expression.

    `folder` is where they run, below the place. `typed` is what they read. `env` is theirs alone.
    """

    pattern: str
    prints: str = ""
    folder: str = ""
    typed: str = ""
    code: int = 0
    env: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Talk:
    """Commands that need a terminal: each text that they print, and what is answered."""

    pattern: str
    answers: list[tuple[str, str]]
    folder: str = ""


@dataclass(frozen=True)
class Serve:
    """Commands that go on until they are stopped: they answer at a path, or print a text.

    Meanwhile other steps are made.
    """

    pattern: str
    answers: str = "/health/live"
    prints: str = ""
    meanwhile: "list[Step]" = field(default_factory=list)


@dataclass(frozen=True)
class Prepare:
    """What a page asks for in words, between its commands."""

    do: Callable[[Path], None]


Step = Run | Talk | Serve | Prepare


@dataclass(frozen=True)
class Limit:
    """Commands that cannot be run as they stand: why, and what is really done instead.

    That is a test, or a command made from the page's by `re.Match.expand`.
    """

    pattern: str
    why: str
    nearest: "str | Callable[..., None]"
    place: str = ""


ID = "d3b7e8f4-2f4a-4e3b-a123-9c8d7f1c5678"
COLLECT = "export PYTEST_ADDOPTS='--collect-only --quiet --numprocesses=0'; "
# Also the variables that its first lines name.
RSYSLOG = (
    "export LOG_DIR=$PWD/logs STATE_DIR=$PWD/etc CA_FILE=$CERTIFICATE SYSLOG_HOST=localhost;"
    " export SYSLOG_PORT=6514 ELASTICSEARCH_HOST=localhost ELASTICSEARCH_PORT=9200;"
    " export ELASTICSEARCH_USER=writer ELASTICSEARCH_PASSWORD=only-for-tests;"
    ' echo "global(workDirectory=\\"$PWD/etc\\") include(file=\\"$PWD/deploy/rsyslog.conf\\")"'
    ' > etc/rsyslog.conf; PATH="$PATH:/usr/sbin" rsyslogd -N1 -f etc/rsyslog.conf'
)
LIMITS = [
    Limit(r"bash \.ci/run", "runs this test; CI runs it as it is", "bash -n .ci/run", "clone"),
    Limit(
        r".*uv run pytest.*",
        "runs this test, or for minutes; .ci/run runs it",
        COLLECT + r"\g<0>",
        "clone",
    ),
    Limit(
        r"(python -m pytest .*) \| grep .*",
        "runs for minutes; .ci/run runs it",
        COLLECT + r'PATH="$PWD/.venv/bin:$PATH" \1',
        "clone",
    ),
    Limit(
        r"python -m benchmarks.*", "takes minutes; .ci/run runs it --tiny", r"\g<0> --help", "clone"
    ),
    Limit(
        r"uv run python -m tests\.newest",
        "what others release must not stop a change; GitHub runs it each week",
        r"\g<0> --help",
        "clone",
    ),
    Limit(
        r"uv run python manage\.py runserver",
        "port 8000 may be taken: it has no variable",
        r"\g<0> $PORT",
        "project",
    ),
    Limit(
        r"kill -HUP",
        "names no process",
        "kill -HUP $SERVER; timeout 30 bash -c"
        " 'until grep --quiet \"Handling signal: hup\" ../output; do sleep 0.1; done'",
        "project",
    ),
    Limit(r"git add", "names no file", "git add README.md", "project"),
    Limit(
        r"sudo (install .*) /etc/(?:logrotate|rsyslog)\.d/(\S+)",
        "root's folders are not a test's",
        r"\1 etc/\2",
    ),
    Limit(
        r"sudo (logrotate .*) /etc/logrotate\.d/(\S+)",
        "root's folders are not a test's",
        r'PATH="$PATH:/usr/sbin" \1 --state etc/state etc/\2',
    ),
    Limit(
        r"sudo --preserve-env rsyslogd -N1",
        "reads root's folders",
        RSYSLOG,
    ),
    Limit(
        r"sudo apt-get install (\S+)",
        "root's; .ci/run installs it",
        r"grep --quiet '^\1 ' $TEMPLATE/.ci/run",
    ),
    Limit(
        r"sudo systemctl edit rsyslog",
        "needs systemd: the environment gives the same variables",
        RSYSLOG,
    ),
    Limit(
        r"docker compose -f .* up --build",
        "needs a container engine and images",
        test_shipping.test_the_compose_file_gives_the_collector_what_has_no_default,
    ),
    Limit(
        r"docker compose up --build( --detach)?",
        "needs a container engine; where there is one, test_an_engine_builds_and_serves_it",
        test_containers.test_the_command_serves_where_nothing_can_be_written,
    ),
    Limit(
        r"docker compose run --rm app python manage\.py createsuperuser",
        "needs a container engine",
        r"uv run python manage.py createsuperuser",
        "project",
    ),
    Limit(
        r"LOG_DIR=.* fluent-bit --config .*",
        "Debian has no fluent-bit; where there is one, tests/shipping runs it",
        test_shipping.test_nothing_that_was_read_is_dropped,
    ),
    Limit(
        r"kill -9", "names a signal alone", test_kill.test_workers_killed_in_the_middle_of_requests
    ),
    Limit(
        r"pip install cookiecutter uv|cookiecutter --no-input",
        "name what was measured",
        r"python -m \g<0> --help",
        "clone",
    ),
]


def _git(*commands: str) -> Prepare:
    """Return the step that keeps a place in git."""

    def do(place: Path) -> None:
        for command in commands:
            subprocess.run(["git", *shlex.split(command)], cwd=place, check=True)

    return Prepare(do)


def _release(place: Path) -> None:
    """Publish a later release of the template, with one file more."""
    origin = place.parent / "origin"
    (origin / "{{cookiecutter.project_slug}}" / "docs" / "new.md").write_text("# New\n")
    _git("add --all", "commit --quiet --message Next", "tag v1.1.0").do(origin)


def _name_the_log_folder(place: Path) -> None:
    """Edit the path in the configuration of logrotate, as it asks for."""
    (place / "etc").mkdir(exist_ok=True)
    file = place / "deploy" / "logrotate.conf"
    file.write_text(file.read_text("utf-8").replace(f"/srv/{place.name}", str(place)), "utf-8")
    file.chmod(0o644)


def _delete(name: str) -> Prepare:
    """Return the step that deletes a file."""
    return Prepare(lambda place: (place / name).unlink())


def _adopt(*names: str) -> Prepare:
    """Return the step that puts what docs/adopt.md has for files at their ends."""

    def add(place: Path) -> None:
        for name in names:
            with (place / name).open("a", encoding="utf-8") as file:
                file.write(test_adopt.block(name))

    return Prepare(add)


ENTERS = "\n" * 40
PRODUCTION = {"SECRET_KEY": "0123456789" * 6 + "abc", "DEBUG": "False"}
PRODUCTION |= {"ALLOWED_HOSTS": "shop.example.com", "TRUSTED_PROXIES": "1"}
PRODUCTION |= {"SECURE_SSL_REDIRECT": "True", "SECURE_HSTS_SECONDS": "31536000"}
PRODUCTION |= {"SECURE_HSTS_INCLUDE_SUBDOMAINS": "True", "SECURE_HSTS_PRELOAD": "True"}

CLONE: list[Step] = [
    Run(
        r"python -m pip install cookiecutter uv && cookiecutter \. .*",
        prints="logging verified",
    ),
    Run(r"(python -m pip install uv && )?uv run pytest.*", prints=r"::test_\w+"),
    Run(r"python -m pytest -m long .*", prints=r"tests/reliability/\w+\.py"),
    Run(r"uv run python -m tests\.(sizes|newest)"),
    Run(r"(uv run )?python -m tests\.machinery .*", prints=r"\d+ passed"),
    Run(r"uv run python -m tests\.picture"),
    Run(r"python -m benchmarks.*", prints="usage"),
    Run(r"bash \.ci/run"),
    Run(r"pip install cookiecutter uv|cookiecutter --no-input", prints="(?i)usage"),
    Run(r"pipx run cookiecutter .*", folder="../pipx", typed=ENTERS, prints="logging verified"),
    Run(r"uvx cookiecutter .*", folder="../uvx", typed=ENTERS, prints="logging verified"),
    Run(r"uvx cruft create .*", folder="../cruft", typed=ENTERS, prints="logging verified"),
]
PROJECT: list[Step] = [
    _delete(".env"),
    Run(r"cp \.env\.example \.env"),
    Run(r"python -c .*", prints=r"^\S{60,}$"),
    Run(r"uv sync"),
    Run(r"uv run python manage\.py migrate"),
    Run(r"uv run python manage\.py check", prints="no issues"),
    Run(r"uv run python manage\.py verify_logging", prints="logging verified"),
    Talk(
        r".*manage\.py createsuperuser",
        [
            ("Username", "NAME"),
            ("Email", ""),
            ("Password:", "PASSWORD"),
            ("again", "PASSWORD"),
            ("Bypass", "y"),
            ("created successfully", ""),
        ],
    ),
    Serve(
        r"uv run python manage\.py runserver",
        meanwhile=[
            Run(r"curl http://127.*/api/products/", prints=r'"results":\['),
            Run(r"curl -X POST http://127.*/api/products/ .*", prints=r'"name":"Laptop"'),
            Run(r"curl -X POST http://127.*/api/auth/token/ .*", prints=r'"token":"\w+"'),
        ],
    ),
    Serve(r"uv run gunicorn config\.wsgi", meanwhile=[Run(r"kill -HUP")]),
    Serve(r"uv run uvicorn config\.asgi:application"),
    Run(r"uv run python manage\.py logs", prints="create_product_success"),
    Serve(r"uv run python manage\.py logs --follow", answers="", prints='"event":'),
    Run(
        rf"uv run python manage\.py logs --request-id ?'?({ID}|d3b7e8f4\*)?'?",
        prints="request_finished",
    ),
    Run(r"uv run python manage\.py logs --(level|event|user|since|until) .*"),
    Talk(r"uv run python manage\.py logs --no-json \| less", [("verification", "q")]),
    Run(r"jq -r .* errors\.json\.log", folder="logs"),
    Prepare(_name_the_log_folder),
    Run(r"sudo install .*/etc/logrotate\.d/.*"),
    Run(r"sudo logrotate .*"),
    Serve(r"uv run gunicorn config\.wsgi"),
    Run(rf"gzip -cdf .* \| jq .*{ID}.*", folder="logs", prints="request_finished"),
    Run(r"gzip -cdf .* \| jq (?!.*user_id).*", folder="logs", prints="request_finished|/api/"),
    Run(r"gzip -cdf .* \| jq .*user_id.*", folder="logs"),
    Run(r"jq -R 'fromjson\?'", typed='{"torn":\n{"whole": 1}\n', prints='"whole": 1'),
    Run(r"lnav -i deploy/lnav/json_lines\.json"),
    Talk(r"lnav app\.json\.log\*", [("View Help", ":quit")], folder="logs"),
    Run(r"lnav -n .*(filter-in|SELECT).*", folder="logs", prints="/api/products/|create_product"),
    Run(r"lnav -n .*set-min-log-level.*", folder="logs"),
    Run(r"uv run python manage\.py check --deploy .*", env=PRODUCTION, prints="no issues"),
    Run(r"uv run pytest", prints=r"\d+ passed"),
    Run(r"\./gates", prints="All gates passed"),
    Run(r"uv lock"),
    Run(r"uv run python manage\.py migrate products zero", prints="Unapplying"),
    _git("init --quiet", "add --all", "commit --quiet --message First"),
    Run(r"git add"),
    Run(r"uvx pre-commit install", prints="installed"),
    Run(r"uvx cruft link .*", typed=ENTERS),
    # By the hook that was installed.
    _git("add --all", "commit --quiet --message Linked"),
    Run(r"uvx cruft diff"),
    Prepare(_release),
    Run(r"uvx cruft check", code=1, prints="out of date"),
    Run(r"uvx cruft update .*"),
    _delete("docs/new.md"),  # which the update brought
]
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CELERY: list[Step] = [
    Run(r"uv sync"),
    Run(r"uv run python manage\.py migrate"),
    Serve(r"uv run celery -A config worker", answers="", prints="ready"),
    Serve(r"uv run celery -A config beat", answers="", prints="beat"),
    Serve(r"uv run gunicorn config\.wsgi", answers="/api/products/"),
    Run(rf"jq -c .*{TRACE}.*", prints="request_finished"),
    Run(r"sudo apt-get install .*"),
    Prepare(lambda place: (place / "etc").mkdir()),
    Run(r"sudo install .*/etc/rsyslog\.d/.*"),
    Run(r"sudo (--preserve-env rsyslogd|systemctl) .*"),
]
QUEUE: list[Step] = [
    Run(r"uv sync"),
    Run(r"uv run python manage\.py migrate"),
    Serve(r"uv run python manage\.py db_worker", answers="", prints="Starting worker"),
    Run(r"uv run python manage\.py prune_db_task_results"),
    Run(r"sudo apt-get install .*"),
    Prepare(lambda place: (place / "etc").mkdir()),
    Run(r"sudo install .*/etc/rsyslog\.d/.*"),
    Run(r"sudo (--preserve-env rsyslogd|systemctl) .*"),
    Run(r'curl -X PUT "https://\$ELASTICSEARCH_HOST.*', prints="acknowledged"),
]
ADOPTED: list[Step] = [
    Run(r"uv pip install .*"),
    _adopt("shop/settings.py"),
    Run(r"python manage\.py check", prints="System check identified"),
    Run(r"python manage\.py verify_logging", prints="logging verified"),
    _adopt("shop/wsgi.py", "shop/asgi.py", "gunicorn.conf.py"),
    Serve(r"gunicorn shop\.wsgi", answers="/"),
    Run(r"grep --recursive .*", prints="shop/wsgi.py"),
    Run(r"rm -r observability"),
    Run(r"uv pip uninstall .*"),
]
SCRIPTS = {
    "clone": CLONE,
    "project": PROJECT,
    "celery": CELERY,
    "queue": QUEUE,
    "adopted": ADOPTED,
}


def steps(script: list[Step]) -> Iterator[Run | Talk | Serve]:
    """Return the steps of a script that run commands, also those that are made meanwhile."""
    for step in script:
        if not isinstance(step, Prepare):
            yield step
        if isinstance(step, Serve):
            yield from steps(step.meanwhile)


def as_it_can_be_run(command: str, place: str) -> str:
    """Return the command, or what the table has instead at this place."""
    for limit in LIMITS:
        found = re.fullmatch(limit.pattern, command)
        if found and isinstance(limit.nearest, str) and limit.place in ("", place):
            return found.expand(limit.nearest)
    return command
