"""Tasks of both frameworks, with real workers: a request's id, user and trace go with them.

A story is what the lines of one request, or of one task, say together.
"""

import json
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.conftest import TEMPLATE, Install, skip_without_python
from tests.machinery.__main__ import SUITES, VERSIONS
from tests.programs import program
from tests.reliability.harness import (
    Line,
    Project,
    free_port,
    in_threads,
    is_open,
    read_log,
    wait_until,
)

Running = AbstractContextManager["subprocess.Popen[bytes]"]
CLIENTS, REQUESTS = 20, 200
CANARY = "argument-canary"
WORKERS = {
    "celery": ["celery", "-A", "config", "worker", "--concurrency", "2"],
    "django-tasks": ["python", "manage.py", "db_worker", "--interval", "0.1"],
}
IN_REQUEST = ["in_request", "request_finished"]
IN_OUTER = ["task_started", "in_outer", "task_succeeded"]
IN_INNER = ["task_started", "in_inner", "task_succeeded"]


@dataclass(frozen=True)
class Shop:
    """An installed project with the stories in it, and the queue that it has."""

    project: Project
    queue: str
    folder: Path
    variables: dict[str, str]

    def manage(self, *arguments: str) -> str:
        """Run manage.py to its end, and return what it printed."""
        ended = self.project.python("manage.py", *arguments, env=self.variables)
        assert ended.returncode == 0, f"{ended.stdout}\n{ended.stderr}"
        return ended.stdout

    def from_shell(self, code: str) -> None:
        """Queue something from a shell, where no request is served."""
        imports = "from stories import tasks; from stories.tasks import queue"
        self.manage("shell", "--no-imports", "-c", f"{imports}; {code}")

    @contextmanager
    def running(self, name: str, *command: str) -> Iterator["subprocess.Popen[bytes]"]:
        """Run a command of the project; what it prints, to its end, must be lines of the log."""
        output = self.folder / f"{name}.output"
        with output.open("wb") as stream:
            process = subprocess.Popen(
                [self.project.command(command[0]), *command[1:]],
                cwd=self.project.path,
                env=self.project.environment(**self.variables),
                stdout=stream,
                stderr=stream,
            )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()
            process.wait(timeout=60)
        assert output.read_bytes(), f"{name} has printed nothing"
        assert self.invalid(output.read_text("utf-8")) == ""

    def worker(self, *options: str, name: str = "worker") -> Running:
        """Run a worker by its plain command."""
        return self.running(name, *WORKERS[self.queue], *options)

    def invalid(self, text: str) -> str:
        """Return what is not as the project's schema has it."""
        return self.project.python("-m", "stories.valid", text=text, env=self.variables).stdout

    def lines(self) -> list[Line]:
        """Return the lines of the log file."""
        log = read_log(self.folder / "logs", "app.json.log")
        assert log.torn == []
        return log.lines

    def wait_for(self, event: str, times: int, seconds: float = 90) -> None:
        """Wait until an event has been logged so many times."""

        def is_there() -> bool:
            return events(self.lines()).count(event) >= times

        wait_until(is_there, seconds=seconds, what=f"{times} {event}")


@pytest.fixture(scope="module", params=VERSIONS)
def django(request: pytest.FixtureRequest) -> str:
    """Return a version of Django."""
    skip_without_python({"django_version": request.param})
    return str(request.param)


@pytest.fixture(scope="module", params=WORKERS)
def project(request: pytest.FixtureRequest, installed: Install, django: str) -> tuple[Project, str]:
    """Return an installed project, and the queue that it has."""
    baked = installed(task_queue=request.param, django_version=django)
    shutil.copytree(TEMPLATE / "tests" / "stories", baked.path / "stories")
    return Project(baked.path, baked.path / "logs"), request.param


@pytest.fixture
def shop(project: tuple[Project, str], tmp_path: Path) -> Iterator[Shop]:
    """Return the project with a database, a log folder and, where it needs one, a broker."""
    port = free_port()
    variables = {
        "DJANGO_SETTINGS_MODULE": "stories.settings",
        "DATABASE_URL": f"sqlite:///{tmp_path / 'db.sqlite3'}",
        "LOG_DIR": str(tmp_path / "logs"),
        "CELERY_BROKER_URL": f"redis://127.0.0.1:{port}/0",
        "BIND": f"127.0.0.1:{free_port()}",
        "WEB_CONCURRENCY": "2",
        # However busy the machine is.
        "SLOW_REQUEST_MS": "60000",
        "SLOW_QUERY_MS": "60000",
    }
    shop = Shop(*project, tmp_path, variables)
    shop.manage("migrate", "--verbosity=0")
    if shop.queue != "celery":
        yield shop
        return
    command = [program("redis-server"), "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    with (tmp_path / "redis").open("wb") as output:
        redis = subprocess.Popen(command, cwd=tmp_path, stdout=output, stderr=output)
    try:
        ready = "Ready to accept connections"
        wait_until(lambda: ready in (tmp_path / "redis").read_text(), what=ready)
        yield shop
    finally:
        redis.terminate()
        redis.wait(timeout=30)


def request_id(number: int) -> str:
    """Return the id that a client sends."""
    return f"story-{number:04}"


def trace_id(number: int) -> str:
    """Return the trace that a client is part of."""
    return f"{number + 1:032x}"


def tell(shop: Shop, number: int, die_once: str = "") -> None:
    """Send one request."""
    headers = {
        "X-Request-ID": request_id(number),
        "X-User": str(number + 1),
        "traceparent": f"00-{trace_id(number)}-00f067aa0ba902b7-01",
        "X-Die-Once": die_once,
    }
    host, _, port = shop.variables["BIND"].partition(":")
    connection = HTTPConnection(host, int(port), timeout=60)
    try:
        connection.request("GET", "/story/", headers=headers)
        assert connection.getresponse().status == 200
    finally:
        connection.close()


def tell_all(shop: Shop, die_once: str = "") -> None:
    """Send all requests, from clients at the same time; a task in the middle can die once."""
    with shop.running("server", "gunicorn"):
        port = int(shop.variables["BIND"].rpartition(":")[2])
        wait_until(lambda: is_open(port), seconds=90, what="gunicorn listens")
        each = REQUESTS // CLIENTS
        middle = REQUESTS // 2

        def client(first: int) -> None:
            for number in range(first * each, (first + 1) * each):
                tell(shop, number, die_once if number == middle else "")

        in_threads(CLIENTS, client)


def stories(shop: Shop) -> dict[str, dict[str, list[Line]]]:
    """Return the lines of each request id, by the task that they are of; "" is the request."""
    found: dict[str, dict[str, list[Line]]] = defaultdict(lambda: defaultdict(list))
    for line in shop.lines():
        if line["request_id"]:
            found[line["request_id"]][line.get("task_id", "")].append(line)
    return found


def events(lines: list[Line]) -> list[str]:
    """Return the names of the events."""
    return [line["event"] for line in lines]


def assert_told(shop: Shop, died: int | None = None) -> None:
    """Check that each story is whole and has no line of another; but for the one that died."""
    found = stories(shop)
    complete = 0
    for number in range(REQUESTS):
        tasks = found[request_id(number)]
        lines = [line for task in tasks.values() for line in task]
        assert {line["user_id"] for line in lines} == {number + 1}
        assert {line["trace_id"] for line in lines} == {trace_id(number)}
        if number != died:
            assert sorted(map(events, tasks.values())) == sorted([IN_REQUEST, IN_OUTER, IN_INNER])
            complete += len(tasks)
    assert complete == (REQUESTS - (died is not None)) * 3
    assert CANARY not in (shop.folder / "logs" / "app.json.log").read_text("utf-8")


@pytest.mark.long
@pytest.mark.parametrize("options", [(), ("--pool", "threads", "--concurrency", "8")])
def test_600_stories_are_whole_and_apart(shop: Shop, options: tuple[str, ...]) -> None:
    if options and shop.queue != "celery":
        pytest.skip("db_worker has no threads")
    with shop.worker(*options):
        tell_all(shop)
        shop.wait_for("task_succeeded", REQUESTS * 2)
    assert_told(shop)
    for line in shop.lines():
        if line["event"] == "task_succeeded":
            assert line["payload"]["task"] in ("stories.tasks.outer", "stories.tasks.inner")
            assert line["payload"]["queued_ms"] >= 0
            assert line["payload"]["duration_ms"] > 0
            assert line["logger"].endswith(".observability.tasks")


@pytest.mark.long
def test_a_process_that_is_killed_costs_no_story_but_that_of_its_task(shop: Shop) -> None:
    died = REQUESTS // 2
    marker = shop.folder / "died"
    if shop.queue == "celery":
        with shop.worker():
            tell_all(shop, str(marker))
            shop.wait_for("task_succeeded", REQUESTS * 2)
    else:
        with shop.worker() as killed:
            tell_all(shop, str(marker))
            wait_until(lambda: killed.poll() is not None, seconds=90, what="the worker dies")
        with shop.worker(name="second worker"):
            shop.wait_for("task_succeeded", (REQUESTS - 1) * 2)
    assert_told(shop, died)
    others = [*stories(shop)[request_id(died)].values()]
    (killed_one,) = (story for story in others if "in_outer" in events(story))
    started = ["task_started", "in_outer"]
    if shop.queue == "celery":  # the broker gives it to another process: told twice, done once
        # Which the worker's main process says, perhaps when the other has begun.
        retried = [line["event"] == "task_retried" for line in killed_one].count(True)
        told = [event for event in events(killed_one) if event in (*started, "task_succeeded")]
        assert (retried, told) == (1, [*started, *started, "task_succeeded"])
        assert IN_INNER in map(events, others)
    else:  # nobody runs it again
        assert events(killed_one) == started


@pytest.mark.long
def test_a_failure_is_one_error_with_one_traceback(shop: Shop) -> None:
    with shop.worker():
        shop.from_shell(f"queue(tasks.crash, {CANARY!r})")
        shop.from_shell(f"queue(tasks.crash_in_operation, {CANARY!r})")
        shop.wait_for("task_failed", 2, seconds=90)
    told = [story for tasks in stories(shop).values() for story in tasks.values()]
    by_start = {story[0]["payload"].get("task"): story for story in told}
    crash = by_start["stories.tasks.crash"]
    assert events(crash) == ["task_started", "in_crash", "task_failed"]
    assert crash[-1]["level"] == "ERROR"
    assert crash[-1]["exception"]["message"] == "the shelf is gone"
    assert "Traceback" in crash[-1]["exception"]["stacktrace"]
    reported = by_start["stories.tasks.crash_in_operation"]
    traced = ["stacktrace" in line.get("exception", {}) for line in reported]
    levels = [line["level"] for line in reported]
    assert [*zip(events(reported), levels, traced, strict=True)] == [
        ("task_started", "INFO", False),
        ("operate_start", "INFO", False),
        ("operate_error", "ERROR", True),
        ("task_failed", "WARNING", False),
    ]
    # Queued from a shell: each has an id of its own, and no user.
    assert crash[0]["request_id"] != reported[0]["request_id"]
    assert "user_id" not in crash[0]
    errors = read_log(shop.folder / "logs", "errors.json.log").lines
    assert sorted(events(errors)) == ["operate_error", "task_failed"]
    assert CANARY not in (shop.folder / "logs" / "app.json.log").read_text("utf-8")


@pytest.mark.long
def test_what_only_celery_does_to_a_task_is_told(shop: Shop) -> None:
    if shop.queue != "celery":
        pytest.skip("Django's tasks know no retries, limits or timetables")
    of_celery = "from stories import celery_only as only"
    with shop.worker():
        shop.from_shell(f"{of_celery}; only.app.send_task('stories.unknown', [{CANARY!r}])")
        for name in ("flaky", "endless", "dies"):
            shop.from_shell(f"{of_celery}; queue(only.{name}, {CANARY!r})")
        shop.wait_for("task_failed", 2, seconds=90)
        shop.wait_for("task_succeeded", 1, seconds=90)
    told = {
        story[0]["payload"]["task"].rpartition(".")[2]: story
        for tasks in stories(shop).values()
        for story in tasks.values()
        if story[0]["event"] == "task_started"
    }
    assert events(told["flaky"]) == [
        "task_started",
        "task_retried",
        "task_started",
        "in_flaky",
        "task_succeeded",
    ]
    assert told["flaky"][1]["level"] == "WARNING"
    assert told["flaky"][1]["exception"]["message"] == "not yet"
    for name, error in (("endless", "TimeLimitExceeded"), ("dies", "WorkerLostError")):
        # Of another process, a line can stand after it.
        failed = next(line for line in told[name] if line["event"] == "task_failed")
        own = [event for event in events(told[name]) if event != "log_message"]
        assert own == ["task_started", "task_failed"], name
        assert (failed["level"], failed["exception"]["type"]) == ("ERROR", error)
        assert failed["payload"]["duration_ms"] >= (1_900 if name == "endless" else 0)
    everything = (shop.folder / "logs" / "app.json.log").read_text("utf-8")
    assert CANARY not in everything
    assert "Received unregistered task of type 'stories.unknown'" in everything
    assert "exited with 'signal 9 (SIGKILL)'" in everything


@pytest.mark.long
def test_each_task_of_a_timetable_has_an_id_of_its_own(shop: Shop) -> None:
    if shop.queue != "celery":
        pytest.skip("Django's tasks know no timetable")
    beat = ["celery", "-A", "config", "beat", "-s", str(shop.folder / "schedule")]
    with shop.worker(), shop.running("beat", *beat):
        shop.wait_for("in_tick", 3, seconds=40)
    ticks = [line for line in shop.lines() if line["event"] == "in_tick"]
    assert len({line["request_id"] for line in ticks}) == len(ticks) >= 3
    assert len({line["task_id"] for line in ticks}) == len(ticks)


@pytest.mark.long
def test_a_worker_of_a_developer_writes_lines_alone(shop: Shop) -> None:
    # With DEBUG, db_worker starts anew when the code changes.
    there = Shop(shop.project, shop.queue, shop.folder, {**shop.variables, "DEBUG": "True"})
    with there.worker():
        there.from_shell("queue(tasks.inner, 'word')")
        there.wait_for("task_succeeded", 1, seconds=90)


@pytest.mark.long
def test_the_service_is_ready_while_its_broker_is(shop: Shop) -> None:
    code = "from django.test import Client; print(Client().get('/health/ready').content.decode())"
    assert json.loads(shop.manage("shell", "--no-imports", "-c", code)) == {"status": "ok"}
    if shop.queue == "celery":
        shop.variables["CELERY_BROKER_URL"] = f"redis://127.0.0.1:{free_port()}/0"
        answer = json.loads(shop.manage("shell", "--no-imports", "-c", code))
        assert (answer["status"], answer["check"]) == ("unavailable", "broker")


@pytest.mark.long
def test_a_queue_that_is_down_fails_no_request(shop: Shop) -> None:
    if shop.queue != "celery":
        pytest.skip("its queue is the database")
    shop.variables["CELERY_BROKER_URL"] = f"redis://127.0.0.1:{free_port()}/0"
    namespace = shop.project.path.name
    shop.manage(
        *("shell", "--no-imports", "-c"),
        f"from {namespace}.products.tasks import check_later; check_later(1)",
    )
    (error,) = read_log(shop.folder / "logs", "errors.json.log").lines
    assert error["exception"]["module"] == "kombu.exceptions"


@pytest.mark.long
def test_verify_logging_has_a_row_for_the_worker(shop: Shop) -> None:
    logger = {"celery": "celery.worker", "django-tasks": "django_tasks_db"}[shop.queue]
    assert f"worker      proven  {logger}" in shop.manage("verify_logging")
    # As if somebody had taken the root logger's handlers away: what a worker says is lost.
    code = "from config.settings import LOGGING as made; made['root']['handlers'] = ['console']"
    (shop.project.path / "broken.py").write_text(f"from stories.settings import *\n{code}\n")
    broken = {**shop.variables, "DJANGO_SETTINGS_MODULE": "broken"}
    ended = shop.project.python("manage.py", "verify_logging", env=broken)
    assert ended.returncode == 1
    assert f"worker: the lines of {logger} do not reach file, error_file." in ended.stderr


@pytest.mark.long
def test_the_suites_of_tasks_and_of_the_catalogue_pass(project: tuple[Project, str]) -> None:
    path = project[0].path
    elsewhere = shutil.ignore_patterns("__main__.py", "__pycache__", "ruff.toml")
    shutil.copytree(SUITES, path / "machinery", ignore=elsewhere)
    suites = ["machinery/test_catalogue.py", "machinery/test_tasks.py"]
    settings = {"DJANGO_SETTINGS_MODULE": "config.settings", "DEBUG": "True"}
    ended = project[0].python("-m", "pytest", "-q", "--ds=config.settings", *suites, env=settings)
    assert ended.returncode == 0, ended.stdout
    assert "skipped" not in ended.stdout
