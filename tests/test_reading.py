"""The commands of docs/reading-logs.md, run as they stand there on logs that the project wrote."""

import csv
import json
import re
import shutil
import statistics
import time
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from pytest_cookies.plugin import Cookies

from tests.conftest import BakedProject, bake_with, run
from tests.programs import needs, program

# Needs tools that the README's command does not bring.
pytestmark = pytest.mark.long

REQUEST_ID = "d3b7e8f4-2f4a-4e3b-a123-9c8d7f1c5678"

# Runs in the project; the oldest lines are compressed, the next renamed, as rotation does.
WRITE = f"""
import gzip, json, logging, time
from django.conf import settings
from NAMESPACE.logging_helper import log_event
from observability.context import bind_request_id

def finished(number, **more):
    payload = dict(method="GET", path=f"/api/{{number}}/", route="api/<pk>/", status=200)
    log_event("request_finished", payload | {{"duration_ms": number * 1.5}} | more)

app = settings.LOG_DIR / "app.json.log"
for written in settings.LOG_DIR.glob("*.json.log"):  # by verify_logging
    written.unlink()
for number in range(10):
    bind_request_id(f"other-request-{{number}}")
    finished(number)
bind_request_id("{REQUEST_ID}")
log_event("create_start", {{"name": "Läden"}})
time.sleep(0.002)  # lnav knows the order of files, and of milliseconds
(settings.LOG_DIR / "app.json.log.2.gz").write_bytes(gzip.compress(app.read_bytes()))
app.unlink()
try:
    raise ValueError("what went wrong")
except ValueError:
    log_event("create_error", level="ERROR")
time.sleep(0.002)
app.rename(settings.LOG_DIR / "app.json.log.1")
finished(100, status=500)
bind_request_id(None)
logging.getLogger("django.x").warning("A plain message")
with app.open("a") as file:
    line = json.loads(app.read_text().splitlines()[-1])
    file.write(json.dumps(line | {{"event": "changed", "user_id": 7}}) + "\\n")
"""
STORY = ["create_start", "create_error", "request_finished"]

# What a service writes of requests, queries and logins; the hours follow in the test.
TRAFFIC = """
from NAMESPACE.logging_helper import log_event

for number in range(600):
    route = (None, "api/products/", "api/products/<pk>/")[number % 5 % 3]
    seen = dict(method="GET", path=f"/api/{number}/", route=route, db_queries=2, db_ms=0.4)
    spent = dict(status=500 if number % 7 == 0 else 200, duration_ms=number**2 % 997 / 8)
    log_event("request_finished", seen | spent | {"ip": "192.0.2.7"})
    if number % 9 == 0:
        sql = f"SELECT {number % 12}"
        log_event("slow_query", {"sql": sql, "duration_ms": 200 + number * 1.5, "database": "x"})
    if number % 4 == 0:
        where = {"ip": f"192.0.2.{int(number**0.5) // 8}", "path": "/admin/login/"}
        log_event("login_failed", {"username_hash": "f3a9", "locked_out": False} | where)
"""


@dataclass(frozen=True)
class Guide:
    """The project that wrote the logs, and what its guide says to run on them."""

    project: BakedProject
    home: Path

    def blocks(self, language: str) -> list[str]:
        """Return the fenced blocks in one language."""
        text = self.project.read("docs/reading-logs.md")
        return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)

    def answer(self, language: str, question: str) -> str:
        """Run the block that asks this question, in the folder it is meant for."""
        (block,) = [block for block in self.blocks(language) if question in block]
        return self.shell(block)

    def shell(self, command: str, folder: str = "logs") -> str:
        """Run a command in a shell that stops at the first failure."""
        env = {"HOME": str(self.home), "TERM": "dumb"}
        strict = ("bash", "-euo", "pipefail", "-c", command)
        return run(*strict, cwd=self.project.path / folder, env=env).stdout


@pytest.fixture(scope="module")
def guide(cookies_session: Cookies, tmp_path_factory: pytest.TempPathFactory) -> Guide:
    """Bake and install a project, let it write its logs, and rotate them."""
    project = bake_with(cookies_session, tmp_path_factory.mktemp("o"), {"verification": "full"})
    write = WRITE.replace("NAMESPACE", project.answers["namespace"])
    project.run("uv", "run", "--no-sync", "python", "manage.py", "shell", "-v0", "-c", write)
    return Guide(project, tmp_path_factory.mktemp("home"))


def events(text: str) -> list[str]:
    """Return the events of JSON lines."""
    return [json.loads(line)["event"] for line in text.splitlines()]


def test_the_command_tells_the_story_of_a_request(guide: Guide) -> None:
    (block,) = guide.blocks("sh")
    commands = [line for line in block.splitlines() if line.startswith("uv run")]
    found = [
        guide.shell(command.replace("uv run", "uv run --no-sync"), ".") for command in commands
    ]
    exact, beginning, errors, slow, user, _at_that_time = map(events, found)
    assert exact == beginning == STORY
    assert errors == ["create_error"]
    assert slow == []
    assert user == ["changed"]


def test_jq_answers(guide: Guide) -> None:
    program("jq")
    assert len(guide.blocks("bash")) == 5
    assert sorted(events(guide.answer("bash", "in one request?"))) == sorted(STORY)
    assert guide.answer("bash", "went wrong?").split("\t")[1:] == [
        "create_error",
        "ValueError",
        "what went wrong\n",
    ]
    slowest = [json.loads(line) for line in guide.answer("bash", "slowest").splitlines()]
    assert slowest[:2] == [[150, "GET", "/api/100/", 500], [13.5, "GET", "/api/9/", 200]]
    counted = [line.split() for line in guide.answer("bash", "How many").splitlines()]
    assert counted[0] == ["11", "request_finished"]
    assert Counter(event for _, event in counted) == Counter({*STORY, "log_message", "changed"})
    assert json.loads(guide.answer("bash", "this user"))[1] == "changed"
    torn = """{ echo '{"timestamp":"20'; cat app.json.log; } | jq -R 'fromjson?' | jq -r .event"""
    assert guide.shell(torn).split() == ["request_finished", "log_message", "changed"]


def test_duckdb_answers(guide: Guide, monkeypatch: pytest.MonkeyPatch) -> None:
    needs("duckdb", found=find_spec("duckdb"))
    import duckdb  # noqa: PLC0415 - see above

    monkeypatch.chdir(guide.project.path / "logs")
    view, story, wrong, user, *_dashboard = guide.blocks("sql")
    with duckdb.connect() as database:
        database.execute(view)
        assert [row[2] for row in database.execute(story).fetchall()] == STORY
        assert database.execute(wrong).fetchall() == [("create_error", "ValueError", 1)]
        assert [row[1] for row in database.execute(user).fetchall()] == ["changed"]


@pytest.fixture(scope="module")
def traffic(guide: Guide, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Let the project write what a dashboard shows, and spread it over three hours."""
    folder = tmp_path_factory.mktemp("traffic")
    write = TRAFFIC.replace("NAMESPACE", guide.project.answers["namespace"])
    command = ("uv", "run", "--no-sync", "python", "manage.py", "shell", "-v0", "-c", write)
    guide.project.run(*command, env={"LOG_DIR": str(folder), "LOG_HANDLERS": "file"})
    log = folder / "app.json.log"
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    for number, line in enumerate(lines):
        line["timestamp"] = f"2026-11-22T{number % 3 + 14}:47:37.584123Z"
    log.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    return folder


def dashboard(guide: Guide, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a database on the log of a folder, and the guide's four questions of a dashboard."""
    needs("duckdb", found=find_spec("duckdb"))
    import duckdb  # noqa: PLC0415 - see above

    monkeypatch.chdir(folder)
    view, *questions = guide.blocks("sql")
    database = duckdb.connect()
    database.execute(view)
    return database, questions[-4:]


def test_duckdb_answers_as_a_dashboard_does(
    guide: Guide, traffic: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database, questions = dashboard(guide, traffic, monkeypatch)
    routes, hours, queries, addresses = [
        database.execute(question).fetchall() for question in questions
    ]
    lines = [json.loads(line) for line in Path("app.json.log").read_text().splitlines()]
    payloads = defaultdict(list)
    for line in lines:
        payloads[line["event"]].append(line["payload"])
    took, failed = defaultdict(list), defaultdict(list)
    for line in lines:
        if line["event"] == "request_finished":
            took[line["payload"]["route"]].append(line["payload"]["duration_ms"])
            hour = datetime.fromisoformat(line["timestamp"][:13] + ":00")
            failed[hour].append(line["payload"]["status"] >= 500)
    assert len(took) == len(failed) == 3
    assert [requests for _, requests, _ in routes] == sorted(map(len, took.values()))[::-1]
    for route, requests, percentiles in routes:
        hundredths = statistics.quantiles(took[route], n=100, method="inclusive")
        assert requests == len(took[route])
        assert percentiles == pytest.approx([hundredths[n - 1] for n in (50, 95, 99)])
    assert hours == [
        (hour, len(errors), pytest.approx(sum(errors) / len(errors)))
        for hour, errors in sorted(failed.items())
    ]
    slow = defaultdict(list)
    for payload in payloads["slow_query"]:
        slow[payload["sql"]].append(payload["duration_ms"])
    longest = sorted(slow, key=lambda sql: -max(slow[sql]))
    assert len(longest) > 1
    assert queries == [(sql, len(slow[sql]), max(slow[sql])) for sql in longest]
    counted = Counter(payload["ip"] for payload in payloads["login_failed"])
    assert len(counted) > 1
    assert dict(addresses) == counted
    assert [number for _, number in addresses] == sorted(counted.values(), reverse=True)


def test_duckdb_answers_a_gigabyte_in_five_seconds_on_two_cores(
    guide: Guide, traffic: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hold a fifth of it against the time of the processor, which other programs do not take."""
    size, text = 200_000_000, (traffic / "app.json.log").read_bytes()
    with (tmp_path / "app.json.log").open("wb") as log:
        for _ in range(size // len(text) + 1):
            log.write(text)
    database, questions = dashboard(guide, tmp_path, monkeypatch)
    database.execute("SET threads = 2")
    for question in questions:
        started = time.process_time()
        assert database.execute(question).fetchall()
        assert time.process_time() - started < 5 * 2 * size / 1e9, question
    shutil.rmtree(tmp_path)


@pytest.fixture
def lnav(guide: Guide) -> Guide:
    """Return the guide, with the format installed as it says."""
    program("lnav")
    (command,) = re.findall(r"`(lnav -i [^`]*)`", guide.project.read("docs/reading-logs.md"))
    guide.shell(command, ".")
    return guide


def test_lnav_takes_the_format_for_valid(lnav: Guide) -> None:
    assert "error" not in lnav.shell("lnav -C 2>&1")


def test_lnav_answers(lnav: Guide) -> None:
    assert len(lnav.blocks("lnav")) == 3
    story = lnav.answer("lnav", "in one request?")
    assert [event for event in re.findall(r"[a-z_]+", story) if event in STORY] == STORY
    wrong = lnav.answer("lnav", "went wrong?").splitlines()
    assert " error " in wrong[0]
    assert " create_error " in wrong[0]
    assert wrong[-1].endswith("ValueError: what went wrong")
    head, *rows = csv.reader(lnav.answer("lnav", "slowest").splitlines())
    assert head == ["ms", "path"]
    assert [path for _, path in rows] == ["/api/100/", *(f"/api/{n}/" for n in (9, 8, 7, 6))]


def test_lnav_knows_time_level_logger_and_request(lnav: Guide) -> None:
    table = f"{lnav.project.answers['namespace']}_log"
    query = f"SELECT log_level, log_opid, event, logger, user_id FROM {table}"
    printed = lnav.shell(f"lnav -n -c ';{query}' -c ':write-json-to -' app.json.log")
    first, second, third = json.loads(printed)
    assert (first["log_level"], first["log_opid"]) == ("info", REQUEST_ID)
    assert (first["event"], second["event"]) == ("request_finished", "log_message")
    assert (second["log_level"], second["logger"]) == ("warning", "django.x")
    assert str(third["user_id"]) == "7"
