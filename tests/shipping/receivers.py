"""HTTPS servers that take what the sinks take, and nothing else: the sinks' documented rules."""

import base64
import gzip
import json
import re
import socket
import ssl
import struct
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from . import protobuf

SECRET = "only-for-tests"
BASIC = f"Basic {base64.b64encode(f'writer:{SECRET}'.encode()).decode()}"
MEGABYTE = 1_000_000
MEBIBYTE = 1 << 20
LEVELS = {"DEBUG": 5, "INFO": 9, "WARNING": 13, "ERROR": 17, "CRITICAL": 21}


class RefusedError(Exception):
    """What is wrong with a request; the status that the sink answers then."""

    def __init__(self, status: int, why: str) -> None:
        """Keep the status."""
        super().__init__(why)
        self.status = status


@dataclass(frozen=True)
class Request:
    """One request: its body is unpacked."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    def need(self, name: str, value: str, status: int = 400) -> None:
        """Refuse the request if a header is not as it must be."""
        if self.headers.get(name) != value:
            raise RefusedError(status, f"{name} is {self.headers.get(name)!r}")

    def need_path(self, path: str) -> None:
        """Refuse the request if it goes elsewhere."""
        if urlsplit(self.path).path != path:
            raise RefusedError(404, f"the path is {self.path}")


@dataclass
class Shipped:
    """One line as it arrived: the sink's own form of it, and its time in nanoseconds."""

    document: dict[str, Any]
    nanoseconds: int
    about: dict[str, Any] = field(default_factory=dict)


Answer = tuple[list[Shipped], bytes]
Rules = Callable[[Request], Answer]


def need(condition: object, why: str, status: int = 400) -> None:
    """Refuse the request unless something holds."""
    if not condition:
        raise RefusedError(status, why)


# The sinks


def loki(request: Request) -> Answer:
    """https://grafana.com/docs/loki/latest/reference/loki-http-api/#ingest-logs, default limits."""
    request.need_path("/loki/api/v1/push")
    request.need("authorization", BASIC, 401)
    request.need("content-type", "application/json")
    shipped = []
    for stream in json.loads(request.body)["streams"]:
        labels = stream["stream"]
        need(len(labels) <= 15, "more labels than max_label_names_per_series")
        need(all(re.fullmatch(r"[a-zA-Z_]\w*", name) for name in labels), f"labels: {labels}")
        for at, line, *metadata in stream["values"]:
            need(not metadata, f"structured metadata: {metadata}")
            need(at.isdecimal() and len(at) == 19, f"no nanoseconds: {at}")
            need(len(line.encode()) <= 256 * 1024, "a line is longer than max_line_size")
            shipped.append(Shipped({"line": line}, int(at), labels))
    return shipped, b""


def elasticsearch(request: Request) -> Answer:
    """https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-bulk, data streams."""
    request.need_path("/_bulk")
    known = (f"ApiKey {SECRET}", BASIC)
    need(request.headers.get("authorization") in known, "the credentials are wrong", 401)
    kind = request.headers.get("content-type", "").split(";")[0]
    need(kind in ("application/x-ndjson", "application/json"), f"content-type: {kind}", 406)
    need(len(request.body) <= 100 * MEGABYTE, "longer than http.max_content_length", 413)
    need(request.body.endswith(b"\n"), "the body must end with a newline")
    lines = [json.loads(line) for line in request.body.splitlines()]
    shipped, items = [], []
    for action, document in zip(lines[::2], lines[1::2], strict=True):
        need(list(action) == ["create"], f"data streams take create alone: {action}")
        need(set(action["create"]) == {"_index", "_id"}, f"{action}")
        index = action["create"]["_index"]
        need(re.fullmatch(r"logs-[a-z0-9_]+-default", index), f"the data stream is {index}")
        at = document.get("@timestamp", "")
        need(
            re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6}|\.\d{9})?Z", at),
            f"@timestamp: {at}",
        )
        need(json_paths_are_one(document), f"a field is a value and an object: {document}")
        shipped.append(Shipped(document, 0, action["create"]))
        items.append({"create": {**action["create"], "status": 201}})
    return shipped, json.dumps({"took": 1, "errors": False, "items": items}).encode()


def json_paths_are_one(document: Mapping[str, Any]) -> bool:
    """Say whether no dotted name of a document is both a value and an object."""
    names = set(document)
    return not any(other.startswith(f"{name}.") for name in names for other in names)


def splunk(request: Request) -> Answer:
    """https://help.splunk.com: HTTP Event Collector, format of events."""
    request.need_path("/services/collector/event")
    request.need("authorization", f"Splunk {SECRET}", 403)
    need(len(request.body) <= 5 * MEGABYTE, "larger than Splunk Cloud takes", 413)
    decoder, text, at = json.JSONDecoder(), request.body.decode("utf-8"), 0
    shipped = []
    known = {"time", "host", "source", "sourcetype", "index", "event", "fields"}
    while at < len(text):
        event, at = decoder.raw_decode(text, at)
        while text[at : at + 1].isspace():
            at += 1
        need(set(event) <= known, f"unknown keys: {set(event) - known}")
        need({"time", "host", "source", "sourcetype", "event"} <= set(event), f"{sorted(event)}")
        need(isinstance(event["time"], (int, float)), f"time: {event['time']!r}")
        need(event["event"] not in ("", None), "Event field cannot be blank")
        fields = event.get("fields", {})
        need(all(isinstance(value, (str, int, float)) for value in fields.values()), f"{fields}")
        nanoseconds = round(event["time"] * 1_000_000) * 1_000
        shipped.append(Shipped({"line": event.pop("event")}, nanoseconds, event))
    return shipped, b'{"text":"Success","code":0}'


def otlp(request: Request) -> Answer:
    """https://opentelemetry.io/docs/specs/otlp/#otlphttp and the data model of logs."""
    request.need("authorization", f"Bearer {SECRET}", 401)
    need(len(request.body) <= 20 * MEBIBYTE, "larger than OpenTelemetry's collector takes", 413)
    return log_records(request)


def datadog(request: Request) -> Answer:
    """https://docs.datadoghq.com/opentelemetry/setup/otlp_ingest/#intake-limits, OTLP."""
    request.need("dd-api-key", SECRET, 403)
    need(len(request.body) <= 5.1 * MEBIBYTE, "more than 5.1 MiB", 413)
    shipped, answer = log_records(request)
    for each in shipped:
        size = len(json.dumps(each.document, ensure_ascii=False).encode())
        need(size <= MEGABYTE, f"an entry of {size} bytes would be cut")
        need("status" not in each.document["attributes"], "status would be read as the log's")
    return shipped, answer


def log_records(request: Request) -> Answer:
    """Return the records of an OTLP request."""
    request.need_path("/v1/logs")
    request.need("content-type", "application/x-protobuf")
    shipped = []
    for resource_logs in map(protobuf.read, protobuf.read(request.body)[1]):
        resource = protobuf.attributes(protobuf.read(resource_logs[1][0])[1])
        for scope_logs in map(protobuf.read, resource_logs[2]):
            for record in map(protobuf.read, scope_logs[2]):
                document: dict[str, Any] = {
                    "body": protobuf.any_value(record[5][0]) if record[5] else None,
                    "severity_number": record[2][0] if record[2] else 0,
                    "severity_text": record[3][0].decode() if record[3] else "",
                    "attributes": protobuf.attributes(record[6]),
                    "trace_id": record[9][0].hex() if record[9] else "",
                    "span_id": record[10][0].hex() if record[10] else "",
                }
                (nanoseconds,) = struct.unpack("<Q", record[1][0])
                for name, length in (("trace_id", 32), ("span_id", 16)):
                    need(len(document[name]) in (0, length), f"{name}: {document[name]}")
                shipped.append(Shipped(document, nanoseconds, resource))
    return shipped, b""


SINKS: dict[str, Rules] = {
    "loki": loki,
    "elasticsearch": elasticsearch,
    "datadog": datadog,
    "splunk": splunk,
    "otlp": otlp,
}
SUCCESS = {"loki": 204}


# The server


class Receiver:
    """One sink on a port of this machine, which can be made to refuse, or to be away."""

    def __init__(self, name: str, certificate: Path) -> None:
        """Prepare the receiver of one of SINKS."""
        self.name = name
        self.shipped: list[Shipped] = []
        self.wrong: list[str] = []
        self.refused: list[int] = []
        # A collector that cannot compress is let off.
        self.compressed = True
        # How many bulk requests Elasticsearch will take, to refuse all documents in them.
        self.full_for = 0
        # The statuses of the next answers, before it takes anything again.
        self.troubles: deque[int] = deque()
        self._tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._tls.load_cert_chain(certificate)
        self._server: ThreadingHTTPServer | None = None
        self.port = 0

    def start(self) -> None:
        """Listen, on the same port as before."""
        self._server = _Server(("127.0.0.1", self.port), _handler(self))
        self._server.tls = self._tls
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        """Be away: connections are refused."""
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def answer(self, request: Request) -> tuple[int, bytes]:
        """Take a request or refuse it; keep what was taken."""
        if self.troubles:
            self.refused.append(self.troubles[0])
            return self.troubles.popleft(), b"{}"
        try:
            need(request.headers.get("x-was-gzip") or not self.compressed, "it is not compressed")
            shipped, body = SINKS[self.name](request)
        except RefusedError as refused:
            self.wrong.append(f"{refused.status}: {refused}")
            return refused.status, str(refused).encode()
        except Exception as error:
            self.wrong.append(f"{type(error).__name__}: {error}")
            return 400, b"{}"
        if self.full_for:
            self.full_for -= 1
            items = json.loads(body)["items"]
            for item in items:
                item["create"] |= {"status": 429, "error": {"type": "es_rejected_execution"}}
            return 200, json.dumps({"took": 1, "errors": True, "items": items}).encode()
        self.shipped += shipped
        return SUCCESS.get(self.name, 200), body


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    block_on_close = False

    tls: ssl.SSLContext

    def finish_request(self, request: socket.socket, client_address: tuple[str, int]) -> None:  # type: ignore[override]
        """Shake hands in the connection's own thread, so that a slow one holds up nobody."""
        super().finish_request(self.tls.wrap_socket(request, server_side=True), client_address)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of connections that the collector's end broke."""


def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(int(headers["content-length"]))
            if headers.get("content-encoding") == "gzip":
                body, headers["x-was-gzip"] = gzip.decompress(body), "yes"
            status, answer = receiver.answer(Request(self.path, headers, body))
            self.send_response(status)
            if status != 204:
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            if status != 204:
                self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Print nothing."""

    return Handler
