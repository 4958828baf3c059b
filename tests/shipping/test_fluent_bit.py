"""Fluent Bit with each rendered configuration: what arrives, and that all of it does."""

import json
import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import BakedProject
from tests.reliability.harness import wait_until

from .collector import Writer, example_lines, fluent_bit, running
from .receivers import LEVELS, SINKS, Receiver, Shipped

pytestmark = pytest.mark.long

Bake = Callable[..., BakedProject]
Receive = Callable[[str], Receiver]

# How long the sink is away in test_every_line_arrives: the figures in the docs are for 60 s.
OUTAGE_SECONDS = float(os.environ.get("SHIPPING_OUTAGE_SECONDS", "5"))
LONGEST = 262_144


@pytest.fixture(params=list(SINKS))
def sink(request: pytest.FixtureRequest) -> str:
    """Return the name of a sink."""
    fluent_bit()
    return str(request.param)


def number_of(sink: str, shipped: Shipped) -> int | None:
    """Return the number of a line as it arrived; None for one that has none."""
    if sink in ("loki", "splunk"):
        try:
            document = json.loads(shipped.document["line"])
        except ValueError:
            return None
    else:
        document = shipped.document
        attributes = document.get("attributes", {})
        document = {"payload": {"number": attributes.get("payload.number")}} | document
    number = document.get("payload", {}).get("number")
    return number if isinstance(number, int) else None


def test_a_line_arrives_in_the_form_of_the_sink(
    bake: Bake, receive: Receive, certificate: Path, tmp_path: Path, sink: str
) -> None:
    project = bake(log_shipper=sink)
    examples = example_lines(project.read("docs/logging.md"))
    traced = {"trace_id": "0af7651916cd43dd8448eb211c80319c", "span_id": "b7ad6b7169203331"}
    lines = [
        line | {"payload": line["payload"] | {"number": number}} | (traced if number % 2 else {})
        for number, line in enumerate(examples)
    ]
    texts = [json.dumps(line, ensure_ascii=False, separators=(",", ":")) for line in lines]
    logs = tmp_path / "my logs"
    logs.mkdir()
    (logs / "app.json.log").write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    receiver = receive(sink)
    with running(project, receiver, certificate, tmp_path, logs):
        wait_until(
            lambda: len(receiver.shipped) >= len(lines), seconds=30, what="every line has arrived"
        )
    assert not receiver.wrong
    arrived = {number_of(sink, each): each for each in receiver.shipped}
    assert set(arrived) == set(range(len(lines)))
    for number, (line, text) in enumerate(zip(lines, texts, strict=True)):
        FORMS[sink](arrived[number], line, text)


def as_written(shipped: Shipped, line: dict[str, Any], text: str) -> None:
    """Loki and Splunk get the line itself, byte for byte, with its time."""
    assert shipped.document == {"line": text}
    micros = int(line["timestamp"][-7:-1])
    assert shipped.nanoseconds // 1_000 % 1_000_000 == micros


def of_loki(shipped: Shipped, line: dict[str, Any], text: str) -> None:
    """Few labels, none of them with many values."""
    as_written(shipped, line, text)
    service = line.get("service", "ecommerce")
    assert shipped.about == {"service": service, "env": "test", "level": line["level"]}


def of_splunk(shipped: Shipped, line: dict[str, Any], text: str) -> None:
    """HEC's own fields stand beside the event."""
    as_written(shipped, line, text)
    assert {key: value for key, value in shipped.about.items() if key != "time"} == {
        "host": "shop-1",
        "source": "app.json.log",
        "sourcetype": "_json",
        "index": "main",
        "fields": {"service": line.get("service", "ecommerce"), "env": "test"},
    }


def of_elasticsearch(shipped: Shipped, line: dict[str, Any], _text: str) -> None:
    """Names are those of the Elastic Common Schema."""
    document = dict(shipped.document)
    exception = line.get("exception", {})
    expected = {
        "@timestamp": line["timestamp"].replace("Z", "000Z"),
        "message": line.get("message", line["event"]),
        "log.level": line["level"],
        "log.logger": line["logger"],
        "http.request.id": line["request_id"],
        "event.action": line["event"],
        "payload": line["payload"],
        "service.name": line.get("service", "ecommerce"),
        "service.environment": "test",
        "ecs.version": "8.17.0",
        "data_stream.type": "logs",
        "data_stream.dataset": "ecommerce",
        "data_stream.namespace": "default",
    }
    renamed = {
        "user_id": "user.id",
        "pid": "process.pid",
        "version": "service.version",
        "trace_id": "trace.id",
        "span_id": "span.id",
    }
    expected |= {new: line[old] for old, new in renamed.items() if old in line}
    expected |= {
        f"error.{key.replace('stacktrace', 'stack_trace')}": value
        for key, value in exception.items()
    }
    assert document == expected


RENAMED = {
    "service": "service.name",
    "version": "service.version",
    "pid": "process.pid",
    "task_id": "task_id",
}


def of_otlp(shipped: Shipped, line: dict[str, Any], _text: str) -> None:
    """Fields are those of the data model of logs."""
    document = shipped.document
    assert shipped.about == {
        "service.name": "ecommerce",
        "deployment.environment.name": "test",
        "host.name": "shop-1",
    }
    assert shipped.nanoseconds // 1_000 % 1_000_000 == int(line["timestamp"][-7:-1])
    assert document["body"] == line.get("message", line["event"])
    assert document["severity_text"] == line["level"]
    assert document["severity_number"] == LEVELS[line["level"]]
    assert document["trace_id"] == line.get("trace_id", "")
    assert document["span_id"] == line.get("span_id", "")
    expected = {"event.name": line["event"], "logger.name": line["logger"]}
    if line["request_id"]:
        expected["request_id"] = line["request_id"]
    if "user_id" in line:
        expected["user.id"] = str(line["user_id"])
    expected |= {new: line[old] for old, new in RENAMED.items() if old in line}
    for key in ("payload", "exception"):
        inside = line.get(key, {}).items()
        expected |= {f"{key}.{name}": value for name, value in inside if value is not None}
    assert document["attributes"] == expected


FORMS: dict[str, Callable[[Shipped, dict[str, Any], str], None]] = {
    "loki": of_loki,
    "elasticsearch": of_elasticsearch,
    "datadog": of_otlp,
    "splunk": of_splunk,
    "otlp": of_otlp,
}


def test_odd_lines_arrive_too(
    bake: Bake, receive: Receive, certificate: Path, tmp_path: Path, sink: str
) -> None:
    project = bake(log_shipper=sink)
    (line,) = example_lines(project.read("docs/logging.md"))[:1]
    line["payload"] = {"number": 0, "text": "", "ünï": 'Läden 🛒 \\ " \u2028'}
    room = LONGEST - 1 - len(json.dumps(line, ensure_ascii=False).encode())
    line["payload"]["text"] = "x" * room
    long = json.dumps(line, ensure_ascii=False)
    torn = long[:500]
    logs = tmp_path / "logs"
    (logs / "containers").mkdir(parents=True)
    (logs / "app.json.log").write_text(f"{torn}\n{long}\n", encoding="utf-8")
    short = json.dumps(line | {"payload": {"number": 1}})
    docker = {"log": f"{short}\n", "stream": "stdout", "time": "2026-11-22T16:47:37.584123456Z"}
    halves = [docker | {"log": short[:50]}, docker | {"log": f"{short[50:]}\n"}]
    kept = "".join(f"{json.dumps(half)}\n" for half in halves)
    kept += json.dumps(docker | {"log": "text of another program\n"}) + "\n"
    (logs / "containers" / "app.log").write_text(kept, encoding="utf-8")
    receiver = receive(sink)
    with running(project, receiver, certificate, tmp_path, logs):
        wait_until(lambda: len(receiver.shipped) >= 4, seconds=30, what="every line has arrived")
    assert not receiver.wrong
    numbers = Counter(number_of(sink, each) for each in receiver.shipped)
    assert numbers == {0: 1, 1: 1, None: 2}
    whole = json.dumps([each.document for each in receiver.shipped], ensure_ascii=False)
    assert "x" * room in whole
    assert "Läden 🛒" in whole
    assert "text of another program" in whole


def test_every_line_arrives(
    bake: Bake, receive: Receive, certificate: Path, tmp_path: Path, sink: str
) -> None:
    project = bake(log_shipper=sink)
    examples = example_lines(project.read("docs/logging.md"))
    logs = tmp_path / "logs"
    logs.mkdir()
    receiver = receive(sink)

    def more(count: int) -> None:
        there, wanted = len(receiver.shipped), len(receiver.shipped) + count
        wait_until(
            lambda: len(receiver.shipped) >= wanted, seconds=60, what=f"more than {there} lines"
        )

    with (
        running(project, receiver, certificate, tmp_path, logs) as collector,
        Writer(logs, examples) as writer,
    ):
        more(2_000)
        receiver.troubles.extend([429, 503, 429, 503])
        wait_until(lambda: not receiver.troubles, seconds=60, what="429 and 503 were answered")
        more(1_000)
        for _ in range(3):
            collector.end(signal.SIGKILL)
            collector.start()
            more(1_000)
        receiver.stop()
        began, before = time.monotonic(), writer.written
        wait_until(
            lambda: time.monotonic() > began + OUTAGE_SECONDS,
            seconds=2 * OUTAGE_SECONDS,
            what="the outage",
        )
        collector.end(signal.SIGKILL)
        collector.start()
        missed = writer.written + 2_000
        wait_until(lambda: writer.written > missed, seconds=30, what="lines after the kill")
        receiver.start()
        outage = f"{time.monotonic() - began:.0f} s and {writer.written - before} lines"
        more(2_000)
    with running(project, receiver, certificate, tmp_path, logs):
        everything = set(range(writer.written))

        def all_arrived() -> bool:
            return everything <= {number_of(sink, each) for each in receiver.shipped}

        wait_until(all_arrived, seconds=120, what="every line has arrived")
    counted = Counter(number_of(sink, each) for each in receiver.shipped)
    again = counted.total() - len(counted)
    print(f"\nshipping: {sink}: {writer.written} lines, 0 lost, {again} again; away: {outage}")
    assert not receiver.wrong
    assert set(counted) == everything
    if sink == "elasticsearch":  # which keeps one document of each id
        assert len({each.about["_id"] for each in receiver.shipped}) == writer.written


def test_a_backlog_is_sent_again_after_a_refusal(
    bake: Bake, receive: Receive, certificate: Path, tmp_path: Path, sink: str
) -> None:
    project = bake(log_shipper=sink)
    logs = tmp_path / "logs"
    logs.mkdir()
    writer = Writer(logs, example_lines(project.read("docs/logging.md")))
    backlog = b"".join(writer.line(number) for number in range(6_000))
    (logs / "app.json.log").write_bytes(backlog)
    receiver = receive(sink)
    receiver.troubles.extend([503, 429])
    with running(project, receiver, certificate, tmp_path, logs):
        wait_until(
            lambda: {number_of(sink, each) for each in receiver.shipped} >= set(range(6_000)),
            seconds=60,
            what="every line has arrived",
        )
    assert not receiver.wrong
    assert receiver.refused == [503, 429]


@pytest.mark.parametrize("sink", ["loki", "datadog", "splunk", "otlp"])
def test_what_the_sink_refuses_for_good_is_kept(
    bake: Bake, receive: Receive, certificate: Path, tmp_path: Path, sink: str
) -> None:
    project = bake(log_shipper=sink)
    logs = tmp_path / "logs"
    logs.mkdir()
    receiver = receive(sink)
    receiver.troubles.append(400)
    (logs / "app.json.log").write_bytes(b'{"event":"refused"}\n')
    with running(project, receiver, certificate, tmp_path, logs):
        kept = tmp_path / "state" / "buffer" / "rejected"
        wait_until(
            lambda: any(b"refused" in path.read_bytes() for path in kept.glob("*.flb")),
            seconds=30,
            what="the refused lines are kept",
        )
    assert receiver.refused == [400]


def test_documents_that_elasticsearch_has_no_room_for_are_sent_again(
    bake: Bake, receive: Receive, certificate: Path, tmp_path: Path
) -> None:
    project = bake(log_shipper="elasticsearch")
    logs = tmp_path / "logs"
    logs.mkdir()
    receiver = receive("elasticsearch")
    receiver.full_for = 2
    (logs / "app.json.log").write_bytes(b'{"event":"first"}\n{"event":"second"}\n')
    with running(project, receiver, certificate, tmp_path, logs):
        wait_until(lambda: len(receiver.shipped) == 2, seconds=60, what="both have arrived")
    assert [each.document["event.action"] for each in receiver.shipped] == ["first", "second"]
    assert not receiver.full_for
    assert not receiver.wrong
