"""Tasks, without any framework: what goes with one, what its lines say, what is there after it."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from observability.context import begin_request, current_request, current_request_id
from observability.events import log_event

# The default project has no queue: tests/test_tasks.py runs this where there is one.
tasks = pytest.importorskip("observability.tasks")

REQUEST_ID, TRACE_ID = "from-the-client", "4bf92f3577b34da6a3ce929d0e0e4736"
META = {
    "HTTP_X_REQUEST_ID": REQUEST_ID,
    "HTTP_TRACEPARENT": f"00-{TRACE_ID}-00f067aa0ba902b7-01",
}
KEPT = {"request_id": REQUEST_ID, "user_id": 3, "traceparent": META["HTTP_TRACEPARENT"]}


def run(task_id: str, kept: dict, *events: str, name: str = "shop.tasks.one") -> None:
    """Run a task that logs these events."""
    tasks.begin_task(name, task_id, kept)
    for event in events:
        log_event(event)
    tasks.log_outcome("task_succeeded", task_id)
    tasks.end_task(task_id)


def test_a_task_keeps_the_ids_of_the_request_that_queues_it(rf, django_user_model):
    context = begin_request(META)
    context.request = rf.get("/")
    context.request.user = django_user_model(pk=3)
    assert tasks.carried().items() >= KEPT.items()


def test_a_task_that_nobody_has_queued_keeps_nothing_but_the_time():
    assert list(tasks.carried()) == ["queued_at"]


def test_each_line_of_a_task_has_its_ids_in_their_order(logs):
    run("t-1", KEPT, "in_task")
    assert logs.events() == ["task_started", "in_task", "task_succeeded"]
    for line in logs.lines():
        ids = [(key, line[key]) for key in line if key.endswith("_id")]
        assert ids == [
            ("request_id", REQUEST_ID),
            ("user_id", 3),
            ("task_id", "t-1"),
            ("trace_id", TRACE_ID),
        ]


def test_what_is_logged_of_a_task(logs):
    kept = tasks.carried()
    kept["queued_at"] -= 2
    run("t-1", kept)
    started, succeeded = (line["payload"] for line in logs.lines())
    assert 2_000 <= started["queued_ms"] < 60_000
    assert started == {"task": "shop.tasks.one", "queued_ms": started["queued_ms"]}
    assert succeeded.items() >= {**started, "db_queries": 0, "db_ms": 0}.items()
    assert 0 <= succeeded["duration_ms"] < 60_000


def test_a_clock_that_is_behind_makes_no_negative_time(logs):
    run("t-1", {"queued_at": tasks.carried()["queued_at"] + 60})
    assert logs.lines()[0]["payload"]["queued_ms"] == 0


@pytest.mark.parametrize(
    "kept", [{}, {"request_id": 'x"\n'}, {"request_id": None, "traceparent": 7}]
)
def test_an_id_that_is_missing_or_wrong_is_replaced(logs, kept):
    run("t-1", kept)
    run("t-2", kept)
    first, _, second, _ = logs.lines()
    assert first["request_id"] != second["request_id"]
    assert {*first} & {"user_id", "trace_id"} == set()


def test_a_task_inside_a_request_gives_the_request_back(logs):
    context = begin_request(META)
    run("t-1", tasks.carried(), "in_task")
    assert current_request() is context
    log_event("in_request")
    assert {line["request_id"] for line in logs.lines()} == {REQUEST_ID}
    assert ["task_id" in line for line in logs.lines()] == [True, True, True, False]


def test_a_task_inside_a_task_gives_it_back(logs):
    tasks.begin_task("outer", "t-1", KEPT)
    run("t-2", tasks.carried(), name="inner")
    log_event("in_outer")
    tasks.end_task("t-1")
    assert [line["task_id"] for line in logs.lines()] == ["t-1", "t-2", "t-2", "t-1"]
    assert current_request_id() is None


def test_tasks_in_threads_do_not_mix_even_under_one_id(logs):
    with ThreadPoolExecutor(8) as pool:
        for number in range(200):
            pool.submit(run, "same", {"request_id": f"request-{number}"}, f"in_task_{number}")
    stories: dict[str, list[str]] = {}
    for line in logs.lines():
        stories.setdefault(line["request_id"], []).append(line["event"])
    assert stories == {
        f"request-{number}": ["task_started", f"in_task_{number}", "task_succeeded"]
        for number in range(200)
    }


def test_a_failure_is_an_error_with_its_traceback(logs):
    tasks.begin_task("one", "t-1", KEPT)
    try:
        raise LookupError("the shelf is gone")
    except LookupError as error:
        tasks.log_outcome("task_failed", "t-1", error)
    tasks.end_task("t-1")
    failed = logs.lines()[-1]
    assert (failed["event"], failed["level"]) == ("task_failed", "ERROR")
    assert "Traceback" in failed["exception"]["stacktrace"]
    assert logs.lines("errors") == [failed]


def test_a_failure_that_was_reported_is_no_second_error(logs):
    tasks.begin_task("one", "t-1", KEPT)
    try:
        raise LookupError("the shelf is gone")
    except LookupError as error:
        log_event("operate_error", level="ERROR", exception=error)
        tasks.log_outcome("task_failed", "t-1", error)
    tasks.end_task("t-1")
    failed = logs.lines()[-1]
    assert (failed["level"], "stacktrace" in failed["exception"]) == ("WARNING", False)
    assert [line["event"] for line in logs.lines("errors")] == ["operate_error"]


def test_a_task_ends_once(logs):
    tasks.begin_task("one", "t-1", KEPT)
    tasks.log_outcome("task_failed", "t-1")
    tasks.log_outcome("task_failed", "t-1")
    tasks.end_task("t-1")
    assert logs.events() == ["task_started", "task_failed"]


def test_a_task_that_nobody_has_queued_has_one_id_wherever_it_runs(logs):
    task_id = "6e6fb13c-1d1f-4b0a-a2c5-6ad6a3d1b7c0"
    run(task_id, tasks.carried())
    assert {line["request_id"] for line in logs.lines()} == {task_id}


def test_the_end_of_a_task_that_has_not_begun_is_nothing(logs):
    begin_request(META)
    tasks.log_outcome("task_succeeded", "t-1")
    tasks.end_task("t-1")
    assert current_request_id() == REQUEST_ID
    assert logs.lines() == []
