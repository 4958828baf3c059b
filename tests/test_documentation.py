"""What the documentation says: each link resolves, each variable exists, each command is run."""

import json
import os
import re
import shutil
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from html import unescape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

import pytest
from pytest_cookies.plugin import Cookies

from tests.combinations import Answers
from tests.conftest import TEMPLATE, BakedProject, bake_with, run
from tests.documented_commands import (
    COMMENTED,
    LIMITS,
    SCRIPTS,
    commands,
    commented_commands,
    steps,
)
from tests.following import Follower
from tests.picture import PICTURE, session
from tests.programs import program
from tests.reliability.harness import free_port, is_open, wait_until
from tests.shipping import conftest as shipping

# With these, a project has every page and every variable between them.
EVERYTHING: list[Answers] = [
    {},
    {"task_queue": "celery", "database": "postgresql", "telemetry": "otlp", "log_shipper": "loki"},
    {"task_queue": "django-tasks", "log_shipper": "elasticsearch", "log_rotation": "size"},
    {"handlers": "console", "log_shipper": "otlp"},
    {"log_shipper": "datadog"},
    {"log_shipper": "splunk"},
]
OURS = sorted([*TEMPLATE.glob("*.md"), *(TEMPLATE / "docs").glob("*.md")])
SECTIONS = ["Run it", "Test it", "Serve it behind TLS", "Run it in containers"]
SECTIONS += ["Replace the example", "Update"]
# Read by a library, and not named in the project's files: OpenTelemetry's.
OF_LIBRARIES = re.compile("OTEL_[A-Z_]+")
# Written in the same way: the state of a task.
NO_VARIABLES = {"RUNNING"}
# The fixture: a certificate of localhost.
certificate = shipping.certificate
# What each place's steps call besides Python and uv.
TOOLS = {
    "clone": ["git"],
    "project": ["git", "curl", "jq", "less", "lnav", "logrotate"],
    "celery": ["jq", "redis-server", "rsyslogd"],
    "queue": ["curl", "openssl", "rsyslogd"],
    "adopted": [],
}
ANSWERS = {"project": EVERYTHING[0], "celery": EVERYTHING[1], "queue": EVERYTHING[2]}
IDENTITY = {
    f"GIT_{who}_{what}": "tests@example.com"
    for who in ("AUTHOR", "COMMITTER")
    for what in ("NAME", "EMAIL")
}
PUBLISHED = "https://github.com/org/repo"


@pytest.fixture(scope="module")
def projects(
    cookies_session: Cookies, tmp_path_factory: pytest.TempPathFactory
) -> list[BakedProject]:
    """Return a project for each set of answers."""
    return [bake_with(cookies_session, tmp_path_factory.mktemp("o"), each) for each in EVERYTHING]


def pages_of(project: BakedProject) -> list[Path]:
    """Return a project's pages."""
    return [project.path / name for name in sorted(project.files()) if name.endswith(".md")]


def broken_links(page: Path) -> list[str]:
    """Return the relative links of a page that lead nowhere."""
    text = re.sub(r"(?s)```.*?```|`[^`\n]*`", "", page.read_text(encoding="utf-8"))
    targets = re.findall(r"\]\(([^)\s]+)\)", text)
    inside = [target for target in targets if not re.match(r"[a-z]+:", target)]
    return [target for target in inside if not leads_somewhere(page, unquote(target))]


def leads_somewhere(page: Path, target: str) -> bool:
    """Tell whether a link's file is there, and its heading in that."""
    name, _, anchor = target.partition("#")
    path = page.parent / name if name else page
    if not path.exists() or not anchor:
        return path.exists()
    text = re.sub(r"(?ms)^```.*?^```", "", path.read_text(encoding="utf-8"))
    headings = re.findall(r"(?m)^#+ (.*)$", text)
    return anchor in [re.sub(r"[^\w -]", "", each).lower().replace(" ", "-") for each in headings]


def documented(projects: list[BakedProject]) -> set[tuple[str, str]]:
    """Return every page or file that names a command, with the command."""
    pages = [*OURS, *(page for project in projects for page in pages_of(project))]
    found = {(page.name, each) for page in pages for each in commands(page.read_text("utf-8"))}
    for project in projects:
        files = {file for each in COMMENTED for file in project.path.glob(each)}
        for file in files:
            found |= {(file.name, each) for each in commented_commands(file.read_text("utf-8"))}
    return found


def names(project: BakedProject, pattern: str, *files: str) -> set[str]:
    """Return what a pattern finds in files that a project has."""
    there = sorted({path for file in files for path in project.path.glob(file)})
    return {name for path in there for name in re.findall(pattern, path.read_text("utf-8"))}


def test_every_link_resolves(projects: list[BakedProject]) -> None:
    pages = [*OURS, *(page for project in projects for page in pages_of(project))]
    assert {page.name: found for page in pages if (found := broken_links(page))} == {}


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# One two\n[a](#one-two) [b](#three) [c](c.md) [d](page.md) [e](https://x.y)\n"
        "```sh\n# Three\n```\n"
    )
    assert broken_links(page) == ["#three", "c.md"]


def test_every_command_is_run(projects: list[BakedProject]) -> None:
    patterns = [step.pattern for script in SCRIPTS.values() for step in steps(script)]
    patterns += [limit.pattern for limit in LIMITS if callable(limit.nearest)]
    found = documented(projects)
    nobodys = [each for each in found if not any(re.fullmatch(p, each[1]) for p in patterns)]
    assert nobodys == []


def test_every_step_and_every_limit_is_of_a_command_of_the_pages(
    projects: list[BakedProject],
) -> None:
    found = {command for _, command in documented(projects)}
    patterns = {step.pattern for script in SCRIPTS.values() for step in steps(script)}
    patterns |= {limit.pattern for limit in LIMITS}
    assert {each for each in patterns if not any(re.fullmatch(each, one) for one in found)} == set()


def test_every_variable_that_exists_is_in_the_example(projects: list[BakedProject]) -> None:
    for project in projects:
        read = names(project, r'env(?:\.\w+)?\(\s*"([A-Z_]+)"', "config/*.py", "gunicorn.conf.py")
        read |= names(project, r'environ\.get\("([A-Z_]+)"', "gunicorn.conf.py")
        read |= names(project, r"\$\{([A-Z_]+)", "compose.yaml")
        shown = names(project, r"(?m)^(?:# )?([A-Z_]+)=", ".env.example")
        assert len(read) > 30
        assert read - shown == set()
        assert shown - read <= {"CELERY_BROKER_URL"}  # Celery reads it by itself


def test_every_variable_of_a_collector_is_documented(projects: list[BakedProject]) -> None:
    """In docs/shipping.md, or in the first lines of the file."""
    for project in projects:
        pages = "".join(page.read_text("utf-8") for page in pages_of(project))
        for file in (path for path in project.path.glob("deploy/*") if path.is_file()):
            text = file.read_text("utf-8")
            used = set(re.findall(r"\$\{?([A-Z]+_[A-Z_]+)", text))
            head = re.sub(r"(?m)^[^#].*", "", text)
            # The header has "ELASTICSEARCH_HOST, _PORT".
            named = set(re.findall(r"\w+", pages + head))
            short = {name for name in used if f"_{name.rpartition('_')[2]}" in named}
            assert used - named - short == set(), file


def test_every_setting_of_the_machinery_is_documented(projects: list[BakedProject]) -> None:
    pages = "".join(page.read_text("utf-8") for page in pages_of(projects[0]))
    pages += projects[0].read(".env.example") + (TEMPLATE / "docs/adopt.md").read_text("utf-8")
    defined = set(re.findall(r'"([A-Z]+_[A-Z_]+)"', projects[0].read("observability/settings.py")))
    assert len(defined) > 8
    assert {name for name in defined if not re.search(rf"\b{name}\b", pages)} == set()


def variables_named(page: Path) -> set[str]:
    """Return what a page names as a variable: in capitals, alone or with a value."""
    found = re.findall(r"`([A-Z]{4,}(?:_[A-Z]+)*)(?:=[^`]*)?`", page.read_text("utf-8"))
    return set(found) - NO_VARIABLES


def test_every_variable_that_is_named_exists(projects: list[BakedProject]) -> None:
    sources = ("**/*.py", "**/*.yaml", "deploy/*", ".env.example", "gates", "compose.yaml")
    everything: set[str] = set()
    for project in projects:
        files = {path for each in sources for path in project.path.glob(each) if path.is_file()}
        code = {word for path in files for word in re.findall(r"[A-Z_]+", path.read_text("utf-8"))}
        everything |= code
        for page in pages_of(project):
            unknown = variables_named(page) - code
            assert {name for name in unknown if not OF_LIBRARIES.fullmatch(name)} == set(), page
    hooks = "".join(path.read_text("utf-8") for path in (TEMPLATE / "hooks").glob("*.py"))
    everything |= set(re.findall(r"[A-Z_]+", hooks))
    for page in OURS:
        assert variables_named(page) - everything == set(), page


def test_the_readmes_are_short_and_have_their_sections(projects: list[BakedProject]) -> None:
    assert len((TEMPLATE / "README.md").read_text("utf-8").splitlines()) <= 150
    for project in projects:
        readme = project.read("README.md")
        assert len(readme.splitlines()) <= 120
        headings = re.findall(r"(?m)^## (.*)$", readme)
        assert [heading for heading in headings if heading in SECTIONS] == SECTIONS


def test_each_row_of_the_comparison_has_its_sources() -> None:
    readme = (TEMPLATE / "README.md").read_text("utf-8")
    table = readme.partition("## Beside its neighbours")[2].partition("\n## ")[0]
    rows = [line.strip("|").split("|") for line in table.splitlines() if line.startswith("|")]
    sources = (TEMPLATE / "docs" / "comparison.md").read_text("utf-8")
    assert {len(row) for row in rows} == {6}
    for row in rows[2:]:
        assert f"\n| {row[0].strip()} |" in sources


def test_a_release_can_be_checked_out_as_the_readme_says() -> None:
    readme = (TEMPLATE / "README.md").read_text("utf-8")
    version = re.findall(r'(?m)^version = "(.*)"', (TEMPLATE / "pyproject.toml").read_text("utf-8"))
    assert set(re.findall(r"--checkout v(\S+)", readme)) == set(version)


@pytest.mark.long
def test_the_picture_is_what_a_terminal_shows(tmp_path: Path) -> None:
    shown = session(tmp_path)
    texts = re.findall(r"<text[^>]*>(.*?)</text>", PICTURE.read_text("utf-8"))
    drawn = [unescape(text) for text in texts]
    made = shown[: shown.index("")]
    assert drawn[: len(made)] == made
    events = re.findall(r"ecommerce\.[\w.]+ (\w+)", " ".join(shown))
    assert re.findall(r"ecommerce\.[\w.]+ (\w+)", " ".join(drawn)) == events
    assert events[0] == "create_product_start"
    assert events[-1] == "request_finished"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Be somebody at home in an empty folder, for whom the template is published beside it."""
    cache = run("uv", "cache", "dir", cwd=tmp_path).stdout.strip()
    folder = tmp_path / "home"
    folder.mkdir()
    origin = tmp_path / "origin"
    ignored = shutil.ignore_patterns(".git", ".venv", "__pycache__", ".*_cache", "uv.lock")
    shutil.copytree(TEMPLATE, origin, ignore=ignored)
    for command in (
        "git init --quiet",
        "git add --all",
        "git commit --quiet -m 1",
        "git tag v1.0.0",
    ):
        run(*command.split(), cwd=origin, env=IDENTITY)
    tools = {"UV_TOOL_DIR": str(tmp_path / "tools"), "UV_TOOL_BIN_DIR": str(tmp_path / "bin")}
    variables = (
        IDENTITY
        | tools
        | {
            "HOME": str(folder),
            "USERPROFILE": str(folder),
            "UV_CACHE_DIR": cache,
            "TEMPLATE": str(TEMPLATE),
            # Somebody who works alone: ./gates may be without the list of vulnerabilities.
            "CI": "",
            "GIT_CONFIG_COUNT": "2",
        }
    )
    for number, address in enumerate((PUBLISHED, f"{PUBLISHED}.git")):
        variables[f"GIT_CONFIG_KEY_{number}"] = f"url.{origin}.insteadOf"
        variables[f"GIT_CONFIG_VALUE_{number}"] = address
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return folder


def make_place(name: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make what somebody has who begins to follow the pages at a place."""
    here = home.parent
    path = [os.environ["PATH"]]
    if name == "clone":
        place = here / "clone"
        run("git", "clone", "--quiet", PUBLISHED, str(place), cwd=here)
        run(sys.executable, "-m", "venv", "venv", cwd=here)
        run("uv", "tool", "install", "--quiet", "pipx", cwd=here)
        path = [str(here / "venv" / "bin"), str(here / "bin"), *path]
    elif name == "adopted":
        place = here / "adopted"
        place.mkdir()
        run("uv", "venv", "--quiet", cwd=place)
        run("uv", "pip", "install", "--quiet", "django", "gunicorn", cwd=place)
        path = [str(place / ".venv" / "bin"), *path]
        run(str(place / ".venv/bin/django-admin"), "startproject", "shop", ".", cwd=place)
        shutil.copytree(
            TEMPLATE / "{{cookiecutter.project_slug}}/observability", place / "observability"
        )
    else:
        place = here / "ecommerce"
        answers = [f"{key}={value}" for key, value in ANSWERS[name].items()]
        bake = [sys.executable, "-m", "cookiecutter", "--no-input", str(TEMPLATE)]
        run(*bake, "verification=quick", *answers, cwd=here)
    monkeypatch.setenv("PATH", os.pathsep.join(path))
    return place


@contextmanager
def redis(folder: Path) -> Iterator[str]:
    """Run a broker; return its URL."""
    port = free_port()
    command = [program("redis-server"), "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL) as process:
        try:
            wait_until(lambda: is_open(port))
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            process.terminate()


class Elasticsearch(BaseHTTPRequestHandler):
    """Takes an index template as Elasticsearch does."""

    def do_PUT(self) -> None:
        """Say yes to JSON for the right path from somebody with a key."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        right = self.path == "/_index_template/ecommerce-logs" and "index_patterns" in body
        right = right and self.headers["Authorization"] == "ApiKey only-for-tests"
        self.send_response(200 if right else 400)
        self.end_headers()
        self.wfile.write(b'{"acknowledged":true}' if right else b"{}")

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@contextmanager
def elasticsearch(certificate: Path) -> Iterator[int]:
    """Serve Elasticsearch's address by HTTPS; return the port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Elasticsearch)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.long
@pytest.mark.parametrize("name", SCRIPTS)
def test_the_pages_are_followed(
    projects: list[BakedProject],
    home: Path,
    certificate: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    for tool in TOOLS[name]:
        program(tool)
    place = make_place(name, home, monkeypatch)
    follower = Follower(name, place, {command for _, command in documented(projects)})
    follower.variables["CERTIFICATE"] = str(certificate)
    with ExitStack() as stack:
        if name == "celery":
            broker = stack.enter_context(redis(home))
            follower.variables |= {
                "CELERY_BROKER_URL": broker,
                "DATABASE_URL": "sqlite:///db.sqlite3",
            }
        if name == "queue":
            port = stack.enter_context(elasticsearch(certificate))
            follower.curl = [
                f"connect-to = localhost:9200:127.0.0.1:{port}",
                f"cacert = {certificate}",
            ]
            follower.variables |= {"ELASTICSEARCH_HOST": "localhost", "ADMIN_KEY": "only-for-tests"}
        follower.follow(SCRIPTS[name])


@pytest.mark.long
def test_each_expression_of_the_page_on_reliability_selects_tests() -> None:
    """The page's one command is collected by the script of the clone."""
    page = (TEMPLATE / "docs" / "reliability.md").read_text("utf-8")
    rows = re.findall(r"(?m)^\| .* \| (?:… )?`(.*)` \|$", page)
    suites = {name for row in rows for name in re.findall(r"machinery/\w+\.py", row)}
    assert {name for name in suites if not (TEMPLATE / "tests" / name).is_file()} == set()
    expressions = [row.strip('"') for row in rows if not re.search("machinery|^-k$", row)]
    assert len(expressions) > 10
    collect = [
        "-m",
        "pytest",
        "-m",
        "long",
        "tests/reliability",
        "--collect-only",
        "--numprocesses=0",
    ]
    for expression in expressions:
        run(sys.executable, *collect, "-k", expression, cwd=TEMPLATE)
