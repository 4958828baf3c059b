"""Traces and metrics, against a strict receiver: they say of each request what the log says."""

import gzip
import json
import os
import re
import signal
import socket
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.message import Message
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.conftest import BakedProject, Install
from tests.programs import program
from tests.reliability.harness import free_port, is_open, wait_until

pytestmark = pytest.mark.long

CANARY = "hunter2"
SERVERS = ["gunicorn", "uvicorn"]
RECYCLING, SEVERAL = "gunicorn --max-requests=100", "uvicorn --workers=2"
REQUESTS, CLIENTS, WORKERS = 1_000, 20, 4
CALLERS_SPAN = "00f067aa0ba902b7"
BUNDLE = "/static/drf_spectacular_sidecar/swagger-ui-dist/swagger-ui-bundle.js"
# Ordinary ones, refused ones, and one that Django never sees.
PATHS = [
    f"/api/products/?token={CANARY}",
    f"/api/nowhere/?password={CANARY}",
    "/api/products/?page=99",
    "/health/live",
]
KINDS: dict[str, type[Message]] = {
    "/v1/traces": ExportTraceServiceRequest,
    "/v1/metrics": ExportMetricsServiceRequest,
}


@dataclass
class Received:
    """What a receiver got: the bytes, spans, and each process' last metrics."""

    raw: list[bytes] = field(default_factory=list)
    spans: list[Any] = field(default_factory=list)
    services: set[str] = field(default_factory=set)
    metrics: dict[str, dict[str, Any]] = field(default_factory=dict)  # by process, by name
    problems: list[str] = field(default_factory=list)

    def add(self, path: str, data: bytes) -> None:
        """Decode a request; what is not as the protocol says raises an error."""
        request: Any = KINDS[path].FromString(data)
        self.raw.append(data)
        for each in request.resource_spans if path == "/v1/traces" else request.resource_metrics:
            resource = {item.key: item.value.string_value for item in each.resource.attributes}
            self.services.add(resource["service.name"])
            if path == "/v1/traces":
                self.spans += [span for scope in each.scope_spans for span in scope.spans]
            else:
                found = [metric for scope in each.scope_metrics for metric in scope.metrics]
                process = resource["service.instance.id"]
                self.metrics[process] = {metric.name: metric for metric in found}

    def server_spans(self) -> list[Any]:
        """Return the spans of requests."""
        return [span for span in self.spans if span.kind == span.SPAN_KIND_SERVER]

    def counted(self) -> Counter[tuple[str, int]]:
        """Return how many requests the histogram has, by route and status, of all processes."""
        counted: Counter[tuple[str, int]] = Counter()
        for metric in self.of_all("http.server.request.duration"):
            for point in metric.histogram.data_points:
                labels = attributes(point)
                key = labels.get("http.route", ""), labels["http.response.status_code"]
                counted[key] += point.count
        return counted

    def of_all(self, name: str) -> list[Any]:
        """Return one metric of all processes that have it: one may have served nothing."""
        return [metrics[name] for metrics in self.metrics.values() if name in metrics]


def attributes(holder: Any) -> dict[str, Any]:
    """Return the attributes of a span or of a point."""
    pairs = ((item.key, item.value) for item in holder.attributes)
    return {key: getattr(value, value.WhichOneof("value")) for key, value in pairs}


@contextmanager
def receiver(answer: int = 200) -> Iterator[tuple[str, Received]]:
    """Receive OTLP over HTTP, and answer by a status; yield the address and what came."""
    received = Received()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            data = self.rfile.read(int(self.headers["Content-Length"]))
            status = answer
            try:
                assert self.headers["Content-Type"] == "application/x-protobuf"
                if self.headers.get("Content-Encoding") == "gzip":
                    data = gzip.decompress(data)
                received.add(self.path, data)
            except Exception as error:
                received.problems.append(repr(error))
                status = 400
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", received
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module", params=["5.2", "6.1"])
def project(request: pytest.FixtureRequest, installed: Install) -> BakedProject:
    """Return an installed project with telemetry and a migrated database."""
    project = installed(telemetry="otlp", django_version=request.param)
    project.run("uv", "run", "--no-sync", "python", "manage.py", "migrate")
    return project


@dataclass
class Server:
    """A server that runs, and the log that it writes."""

    port: int
    folder: Path
    process: "subprocess.Popen[bytes]"

    def lines(self) -> list[dict[str, Any]]:
        """Return the lines of the log."""
        text = (self.folder / "app.json.log").read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines()]

    def get(self, path: str, **headers: str) -> tuple[int, float]:
        """Return the status of an answer, and the seconds until it was read."""
        started = time.perf_counter()
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", path, headers=headers)
            response = connection.getresponse()
            response.read()
            return response.status, time.perf_counter() - started
        finally:
            connection.close()

    def stop(self) -> float:
        """Stop the server as an operator does; return how many seconds that took."""
        started = time.perf_counter()
        self.process.terminate()
        self.process.wait(timeout=60)
        return time.perf_counter() - started


@pytest.fixture
def serve(project: BakedProject, tmp_path: Path) -> Iterator[Callable[[str, str], Server]]:
    """Return a function that starts a server by its plain command, and stop it at the end."""
    started: list[Server] = []

    def start(kind: str, collector: str) -> Server:
        port = free_port()
        server, *options = kind.split()
        command = [str(project.path / ".venv" / "bin" / "python"), "-m", server, *options]
        command += ["config.wsgi"] if server == "gunicorn" else ["config.asgi:application"]
        command += [] if server == "gunicorn" else ["--port", str(port)]
        environment = os.environ | {
            "BIND": f"127.0.0.1:{port}",
            "DEBUG": "True",
            "LOG_DIR": str(tmp_path),
            "LOG_HANDLERS": "file",
            "LOG_LEVEL": "DEBUG",
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector,
            "OTEL_METRIC_EXPORT_INTERVAL": "1000",
            "THROTTLE_ANONYMOUS": "",
            "WEB_CONCURRENCY": str(WORKERS if server == "gunicorn" else 1),
        }
        process = subprocess.Popen(
            command, cwd=project.path, env=environment, start_new_session=True
        )
        started.append(Server(port, tmp_path, process))
        wait_until(lambda: is_open(port), seconds=30, what="the server listens")
        return started[-1]

    yield start
    for server in started:
        with suppress(ProcessLookupError):  # with the workers of one that did not stop
            os.killpg(server.process.pid, signal.SIGKILL)
        server.process.wait()


def ask(server: Server, number: int) -> int:
    """Send one request of many: each second one continues a trace of its caller."""
    headers = {"X-Api-Key": CANARY, "Cookie": f"sessionid={CANARY}"}
    if number % 2:
        headers["traceparent"] = f"00-{number + 1:032x}-{CALLERS_SPAN}-01"
    return server.get(PATHS[number % len(PATHS)], **headers)[0]


@pytest.mark.parametrize("kind", [*SERVERS, RECYCLING, SEVERAL])
def test_log_traces_and_metrics_agree_on_every_request(
    kind: str, serve: Callable[[str, str], Server]
) -> None:
    with receiver() as (address, received):
        server = serve(kind, address)
        with ThreadPoolExecutor(CLIENTS) as clients:
            statuses = Counter(clients.map(lambda number: ask(server, number), range(REQUESTS)))
        server.stop()
    assert statuses == {200: REQUESTS // 2, 404: REQUESTS // 2}
    assert received.problems == []
    assert received.services == {"ecommerce"}

    lines = [line for line in server.lines() if line["request_id"]]
    assert [line for line in lines if not {"trace_id", "span_id"} <= line.keys()] == []
    finished = [line for line in lines if line["event"] == "request_finished"]
    spans = {span.span_id.hex(): span for span in received.server_spans()}
    assert len(finished) == len(received.server_spans()) == len(spans) == REQUESTS
    for line in finished:
        span, payload = spans[line["span_id"]], line["payload"]
        facts = attributes(span)
        assert span.trace_id.hex() == line["trace_id"]
        assert facts["http.response.status_code"] == payload["status"]
        assert facts.get("http.route") == payload["route"]
        assert facts["url.path"] == payload["path"]
    payloads = [line["payload"] for line in finished]
    logged = Counter((payload["route"] or "", payload["status"]) for payload in payloads)
    assert received.counted() == logged

    # Half of the traces are the callers' own, and those of queries are of their request.
    callers = [span for span in spans.values() if span.parent_span_id.hex() == CALLERS_SPAN]
    assert {int(span.trace_id.hex(), 16) for span in callers} == {*range(2, REQUESTS + 2, 2)}
    queries = [span for span in received.spans if span.kind == span.SPAN_KIND_CLIENT]
    assert len(queries) == sum(line["payload"]["db_queries"] for line in finished) > 0
    assert len(queries) + len(spans) == len(received.spans)
    assert {span.parent_span_id.hex() for span in queries} <= spans.keys()

    processes = len(received.metrics)
    if kind == RECYCLING:
        assert processes > WORKERS
    else:
        assert processes == {"gunicorn": WORKERS, "uvicorn": 1, SEVERAL: 2}[kind]
    active = received.of_all("http.server.active_requests")
    assert {point.as_int for metric in active for point in metric.sum.data_points} == {0}
    assert not [data for data in received.raw if CANARY.encode() in data]


@pytest.mark.parametrize("kind", SERVERS)
def test_records_are_counted_by_level(kind: str, serve: Callable[[str, str], Server]) -> None:
    with receiver() as (address, received):
        server = serve(kind, address)
        for number in range(8):
            ask(server, number)
        server.stop()
    counted: Counter[str] = Counter()
    for metric in received.of_all("observability.records"):
        for point in metric.sum.data_points:
            counted[attributes(point)["level"]] += point.as_int
    served = [line for line in server.lines() if line["request_id"]]
    levels = Counter(line["level"] for line in served)
    assert counted["WARNING"] == levels["WARNING"] > 0
    assert counted["DEBUG"] >= levels["DEBUG"] > 0


@pytest.mark.parametrize("kind", SERVERS)
def test_a_span_lasts_until_the_last_byte_of_a_stream(
    kind: str, serve: Callable[[str, str], Server]
) -> None:
    with receiver() as (address, received):
        server = serve(kind, address)
        assert server.get(BUNDLE)[0] == 200
        with socket.create_connection(("127.0.0.1", server.port)) as client:
            client.sendall(f"GET {BUNDLE} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
            assert client.recv(100).startswith(b"HTTP/1.1 200")
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        assert server.get("/api/nowhere/")[0] == 404  # its thread has nothing of the one before
        server.stop()
    finished = [line for line in server.lines() if line["event"] == "request_finished"]
    assert [line["payload"]["path"] for line in finished].count(BUNDLE) == 2
    spans = {span.span_id.hex(): span for span in received.server_spans()}
    assert {line["span_id"] for line in finished} == spans.keys()
    assert len({line["trace_id"] for line in finished}) == 3
    for line in finished:
        # Logged after the last byte; a span that ends with the view's answer ends before.
        logged = datetime.fromisoformat(line["timestamp"]).timestamp() * 1e9
        span = spans[line["span_id"]]
        assert span.start_time_unix_nano < logged < span.end_time_unix_nano


@pytest.mark.parametrize("kind", SERVERS)
def test_without_a_collector_requests_are_served_and_the_server_stops(
    kind: str, serve: Callable[[str, str], Server]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:  # takes calls, and never answers
        server = serve(kind, f"http://127.0.0.1:{nobody.getsockname()[1]}")
        with ThreadPoolExecutor(CLIENTS) as clients:
            statuses = Counter(clients.map(lambda number: ask(server, number), range(200)))
        assert statuses == {200: 100, 404: 100}
        assert server.stop() < 30
    lines = server.lines()
    assert len([line for line in lines if line["event"] == "request_finished"]) == 200
    complaints = [line for line in lines if line["logger"].startswith("opentelemetry.")]
    assert complaints
    assert len(complaints) < 20 * WORKERS


IN_A_REQUEST = """
import django
from django.db import IntegrityError, connection

django.setup()
from observability.access import log_end
from observability.context import begin_request


def fail(_execute, _sql, params, *_rest):
    raise IntegrityError(f"Key (name)=({params[0]}) already exists.")


for _ in range(REQUESTS):
    context = begin_request({"REQUEST_METHOD": "GET"})
    try:
        with connection.cursor() as cursor, connection.execute_wrapper(fail):
            cursor.execute("SELECT %s", [CANARY])
    except IntegrityError:
        pass
    log_end(context)
"""


def serve_requests(project: BakedProject, collector: str, requests: int) -> None:
    """Have a process serve requests, each with a query that fails, and end."""
    environment = {"DJANGO_SETTINGS_MODULE": "config.settings", "LOG_HANDLERS": "file"}
    environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector
    code = f"CANARY, REQUESTS = {CANARY!r}, {requests}\n{IN_A_REQUEST}"
    project.run("uv", "run", "--no-sync", "python", "-c", code, env=environment)


def test_a_span_of_a_query_has_the_class_of_its_error_and_no_value(project: BakedProject) -> None:
    with receiver() as (address, received):
        serve_requests(project, address, 1)
    assert received.problems == []
    (request,) = received.server_spans()
    (query,) = [span for span in received.spans if span.kind == span.SPAN_KIND_CLIENT]
    assert (query.name, query.parent_span_id) == ("SELECT", request.span_id)
    facts = {"db.system.name": "sqlite", "db.query.text": "SELECT %s"}
    assert attributes(query) == facts | {"error.type": "IntegrityError"}
    assert query.status.code == query.status.STATUS_CODE_ERROR
    assert request.start_time_unix_nano < query.start_time_unix_nano
    assert query.end_time_unix_nano < request.end_time_unix_nano
    assert not [data for data in received.raw if CANARY.encode() in data]


def test_after_a_batch_was_refused_none_is_sent_for_a_while(project: BakedProject) -> None:
    with receiver(answer=400) as (address, received):
        serve_requests(project, address, 200)
    assert len(received.spans) == 64


TASK_WORKERS = {
    # Without --no-reload, DEBUG starts another process, which a signal does not reach.
    "django-tasks": ["python", "manage.py", "db_worker", "--interval", "0.1", "--no-reload"],
    "celery": ["celery", "-A", "config", "worker", "--concurrency", "1"],
}
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def queue_another_task(project: BakedProject, method: str) -> None:
    """Have the example's task queue one more, with a secret among its arguments."""
    path = project.path / "ecommerce" / "products" / "tasks.py"
    text = path.read_text("utf-8")
    (decorator,) = re.findall(r"^@.*$", text, re.MULTILINE)
    another = f'{decorator}\ndef count(note: str) -> None:\n    log_event("counted")\n'
    first = "        left = "
    assert text.count(first) == 1
    text = text.replace(first, f'        count.{method}("{CANARY}")\n{first}')
    path.write_text(f"{text}\n\n{another}", encoding="utf-8")


@contextmanager
def broker(queue: str, folder: Path) -> Iterator[str]:
    """Run the broker of a queue that needs one; yield its URL."""
    port = free_port()
    if queue == "celery":
        command = [program("redis-server"), "--port", str(port), "--save", ""]
        redis = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL)
    try:
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        if queue == "celery":
            redis.terminate()
            redis.wait(timeout=30)


@pytest.mark.parametrize("queue", TASK_WORKERS)
def test_a_trace_goes_on_in_both_tasks(queue: str, installed: Install, tmp_path: Path) -> None:
    project = installed(telemetry="otlp", task_queue=queue)
    queue_another_task(project, "delay" if queue == "celery" else "enqueue")
    with receiver() as (address, received), broker(queue, tmp_path) as url:
        environment = {
            "CELERY_BROKER_URL": url,
            "LOG_DIR": str(tmp_path / "logs"),
            "LOG_HANDLERS": "file",
            "OTEL_EXPORTER_OTLP_ENDPOINT": address,
        }
        project.run("uv", "run", "--no-sync", "python", "manage.py", "migrate", env=environment)
        port = free_port()
        commands = [["gunicorn"], TASK_WORKERS[queue]]
        running = [
            subprocess.Popen(
                [str(project.path / ".venv" / "bin" / name), *arguments],
                cwd=project.path,
                env=os.environ | environment | {"BIND": f"127.0.0.1:{port}"},
                stdout=subprocess.DEVNULL,
            )
            for name, *arguments in commands
        ]

        def lines(event: str) -> list[dict[str, Any]]:
            log = tmp_path / "logs" / "app.json.log"
            text = log.read_text(encoding="utf-8") if log.exists() else ""
            found = [json.loads(line) for line in text.splitlines()]
            return [line for line in found if line["event"] == event]

        try:
            wait_until(lambda: bool(lines("service_started")), seconds=60, what="the server")
            connection = HTTPConnection("127.0.0.1", port, timeout=30)
            body = json.dumps({"name": CANARY, "stock": 3, "price": "12.50"})
            headers = {"Content-Type": "application/json"}
            headers |= {"X-Api-Key": CANARY, "Cookie": f"sessionid={CANARY}"}
            headers["traceparent"] = f"00-{TRACE}-{CALLERS_SPAN}-01"
            connection.request("POST", "/api/products/", body, headers)
            assert connection.getresponse().status == 201
            wait_until(lambda: len(lines("task_succeeded")) == 2, seconds=60, what="both tasks")
        finally:
            for process in running:
                process.terminate()
                process.wait(timeout=60)
    assert received.problems == []
    (request,) = received.server_spans()
    tasks = [span for span in received.spans if span.kind == span.SPAN_KIND_CONSUMER]
    check, count = sorted(tasks, key=lambda span: span.start_time_unix_nano)
    assert {span.trace_id.hex() for span in (request, check, count)} == {TRACE}
    assert request.parent_span_id.hex() == CALLERS_SPAN
    assert check.parent_span_id == request.span_id
    assert count.parent_span_id == check.span_id
    told = [line for event in ("task_started", "task_succeeded") for line in lines(event)]
    told += lines("stock_is_low") + lines("counted")
    assert {line["trace_id"] for line in told} == {TRACE}
    spans = Counter(line["span_id"] for line in told)
    assert spans == {check.span_id.hex(): 3, count.span_id.hex(): 3}
    assert not [data for data in received.raw if CANARY.encode() in data]
    points = [
        point
        for metric in received.of_all("observability.task.duration")
        for point in metric.histogram.data_points
    ]
    counted = Counter({attributes(each)["task"].rpartition(".")[2]: each.count for each in points})
    assert counted == {"check_stock": 1, "count": 1}
    page = project.read("docs/telemetry.md")
    documented = set(re.findall(r"^\| `([a-z._]+)` \| ", page, re.MULTILINE))
    named = {name for metrics in received.metrics.values() for name in metrics}
    assert named | {"observability.records.dropped"} == documented
    assert {attributes(each)["outcome"] for each in points} == {"task_succeeded"}
