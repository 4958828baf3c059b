"""Debian's rsyslog with the rendered configuration."""

import json
import os
import re
import signal
import socketserver
import ssl
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import takewhile
from pathlib import Path
from typing import ClassVar

import pytest

from tests.conftest import BakedProject
from tests.programs import needs, program
from tests.reliability.harness import free_port, wait_until

from .collector import Collector, Writer, example_lines
from .receivers import SECRET, Receiver

pytestmark = pytest.mark.long

Bake = Callable[..., BakedProject]
Receive = Callable[[str], Receiver]


@contextmanager
def rsyslog(
    project: BakedProject, folder: Path, logs: Path, **variables: str
) -> Iterator[Collector]:
    """Run rsyslog on the project's configuration, with its state in `folder`."""
    daemon = program("rsyslogd")
    name = "omelasticsearch" if "ELASTICSEARCH_HOST" in variables else "lmnsd_gtls"
    module = [*Path("/usr/lib").glob(f"*/rsyslog/{name}.so")]
    needs("rsyslog-elasticsearch or rsyslog-gnutls", found=module)
    state = folder / "state"
    state.mkdir(exist_ok=True)
    main = folder / "rsyslog.conf"
    rendered = project.path / "deploy" / "rsyslog.conf"
    main.write_text(f'global(workDirectory="{state}")\ninclude(file="{rendered}")\n')
    command = [daemon, "-n", "-f", str(main), "-i", str(folder / "rsyslog.pid")]
    given = {"LOG_DIR": str(logs), "STATE_DIR": str(state), **variables}
    collector = Collector(command, {**os.environ, **given}, folder, kills=True)
    collector.start()
    try:
        yield collector
    finally:
        collector.end()


def to_elasticsearch(receiver: Receiver, certificate: Path) -> dict[str, str]:
    """Return the variables with which rsyslog ships to the receiver."""
    receiver.compressed = False
    return {
        "ELASTICSEARCH_HOST": "localhost",
        "ELASTICSEARCH_PORT": str(receiver.port),
        "ELASTICSEARCH_USER": "writer",
        "ELASTICSEARCH_PASSWORD": SECRET,
        "CA_FILE": str(certificate),
    }


def test_elasticsearch_gets_the_elastic_common_schema(
    bake: Bake, receive: Receive, certificate: Path, tmp_path: Path
) -> None:
    project = bake(log_shipper="elasticsearch")
    lines = example_lines(project.read("docs/logging.md"))
    for number, line in enumerate(lines):
        line["payload"] |= {"number": number, "half": 0.5}
    logs = tmp_path / "logs"
    logs.mkdir()
    written = "".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines)
    (logs / "app.json.log").write_text(written + "no JSON\n", encoding="utf-8")
    receiver = receive("elasticsearch")
    with rsyslog(project, tmp_path, logs, **to_elasticsearch(receiver, certificate)) as collector:
        wait_until(
            lambda: len(receiver.shipped) > len(lines), seconds=30, what="every line has arrived"
        )
    assert not receiver.wrong
    documents = [each.document for each in receiver.shipped]
    (odd,) = [document for document in documents if "event" not in document]
    assert odd["message"].strip() == "no JSON"
    arrived = {each["payload"]["number"]: each for each in documents if each is not odd}
    for number, line in enumerate(lines):
        document = arrived[number]
        assert document["@timestamp"] == line["timestamp"]
        assert document["payload"] == line["payload"], collector.printed()
        assert document["log"] == {"level": line["level"], "logger": line["logger"]}
        assert document["event"] == {"action": line["event"]}
        assert document["message"] == line.get("message", line["event"])
        assert document.get("http", {}).get("request", {}).get("id") == line["request_id"]
        assert document.get("user", {}).get("id") == line.get("user_id")
        assert document.get("process", {}).get("pid") == line.get("pid")
        if exception := line.get("exception"):
            exception["stack_trace"] = exception.pop("stacktrace")
            assert document["error"] == exception
        assert document["service"]["name"] == line.get("service", "ecommerce")


def test_every_line_arrives_in_elasticsearch(
    bake: Bake, receive: Receive, certificate: Path, tmp_path: Path
) -> None:
    project = bake(log_shipper="elasticsearch")
    examples = example_lines(project.read("docs/logging.md"))
    logs = tmp_path / "logs"
    logs.mkdir()
    receiver = receive("elasticsearch")
    variables = to_elasticsearch(receiver, certificate)

    def more(count: int) -> None:
        wanted = len(receiver.shipped) + count
        wait_until(lambda: len(receiver.shipped) >= wanted, seconds=60, what=f"{count} more lines")

    with (
        rsyslog(project, tmp_path, logs, **variables) as collector,
        Writer(logs, examples, rotate_after=4_000) as writer,
    ):
        more(2_000)
        receiver.troubles.extend([429, 503])
        wait_until(lambda: not receiver.troubles, seconds=60, what="429 and 503 were answered")
        more(1_000)
        refused = (tmp_path / "state" / "refused.json").read_text(encoding="utf-8")
        receiver.stop()
        waiting = writer.written + 3_000
        wait_until(lambda: writer.written > waiting, seconds=30, what="lines meanwhile")
        collector.end()
        collector.start()
        receiver.start()
        more(2_000)

    # What is answered by an error is not sent again, but kept.
    kept = {int(number) for number in re.findall(r'\\"number\\": (\d+)', refused)}
    assert kept
    everything = set(range(writer.written)) - kept

    def arrived() -> Counter[int]:
        return Counter(each.document["payload"]["number"] for each in receiver.shipped)

    with rsyslog(project, tmp_path, logs, **variables), suppress(AssertionError):
        wait_until(lambda: everything <= set(arrived()), seconds=60, what="every line has arrived")
    assert not everything - set(arrived())
    counted = arrived()
    again = counted.total() - len(counted)
    print(f"\nshipping: rsyslog: {writer.written} lines, {len(kept)} kept, {again} sent again")
    assert not receiver.wrong


def lines_of(path: Path) -> list[str]:
    """Return the lines of a file; none while it is not there."""
    return path.read_text(encoding="utf-8").split("\n")[:-1] if path.exists() else []


class Syslog(socketserver.StreamRequestHandler):
    """Take RFC 5424 messages, each after its length, as RFC 6587 has it."""

    taken: ClassVar[list[str]] = []

    def _byte(self) -> bytes:
        return self.rfile.read(1)  # nothing at the end of the connection

    def handle(self) -> None:
        """Read one connection to its end."""
        while length := b"".join(takewhile(bool, iter(self._byte, b" "))):
            self.taken.append(self.rfile.read(int(length)).decode("utf-8"))


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL], ids=lambda end: end.name)
def test_a_syslog_server_and_a_file_get_the_line_as_it_was_written(
    end: signal.Signals, bake: Bake, certificate: Path, tmp_path: Path
) -> None:
    project = bake(log_shipper="loki")
    lines = example_lines(project.read("docs/logging.md"))
    texts = [json.dumps(line, ensure_ascii=False) for line in lines] * 40
    texts.append(json.dumps(lines[0] | {"payload": {"text": "x" * 250_000}}))
    logs, copy = tmp_path / "logs", tmp_path / "copy.log"
    logs.mkdir()
    (logs / "app.json.log").write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    port = free_port()
    variables = {"SYSLOG_HOST": "localhost", "SYSLOG_PORT": str(port), "CA_FILE": str(certificate)}
    # The server is away, and rsyslog is stopped, or killed, meanwhile.
    with rsyslog(project, tmp_path, logs, **variables, COPY_FILE=str(copy)) as collector:
        wait_until(lambda: len(lines_of(copy)) >= len(texts), what="the file has every line")
        killed = collector.end(end) == -signal.SIGKILL
    assert lines_of(copy) == texts
    assert copy.stat().st_mode & 0o777 == 0o640
    Syslog.taken.clear()
    head = re.compile(r"<134>1 \S+T\S+ \S+ ecommerce - - - ?")

    def arrived() -> Counter[str]:
        return Counter(head.sub("", message, count=1) for message in [*Syslog.taken])

    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate)
    with socketserver.ThreadingTCPServer(("127.0.0.1", port), Syslog) as server:
        server.daemon_threads = True
        server.socket = tls.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        with rsyslog(project, tmp_path, logs, **variables):
            wait_until(
                lambda: not Counter(texts) - arrived(), seconds=30, what="every line has arrived"
            )
        server.shutdown()
    assert all(head.match(message) for message in Syslog.taken)
    # Killed, it reads again what it has not noted: up to 100 lines.
    assert (arrived() - Counter(texts)).total() <= (100 if killed else 0)


def test_every_line_arrives_in_a_file(bake: Bake, tmp_path: Path) -> None:
    project = bake(log_shipper="loki")
    examples = example_lines(project.read("docs/logging.md"))
    logs, archive = tmp_path / "logs", tmp_path / "archive"
    logs.mkdir()
    copy = archive / "lines.log"
    with rsyslog(project, tmp_path, logs, COPY_FILE=str(copy)):
        with Writer(logs, examples) as writer:
            wait_until(lambda: writer.written >= 5_000, seconds=60, what="two rotations")
        # The file's folder was not there, as a mount may be: the lines waited.
        archive.mkdir()
        wait_until(
            lambda: len(lines_of(copy)) >= writer.written, seconds=60, what="every line has arrived"
        )
    with (logs / "app.json.log").open("ab") as file:
        file.write(writer.line(writer.written))
    with rsyslog(project, tmp_path, logs, COPY_FILE=str(copy)):
        wait_until(lambda: len(lines_of(copy)) > writer.written, what="what was written meanwhile")
    files = sorted(logs.iterdir(), key=lambda path: path.name, reverse=True)
    assert len(files) > 2
    assert sorted(lines_of(copy)) == sorted(line for path in files for line in lines_of(path))
