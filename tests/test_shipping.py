"""What every rendered collector's configuration holds; tests/shipping runs them for real."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from tests.conftest import BakedProject

Bake = Callable[..., BakedProject]

SINKS = ["loki", "elasticsearch", "datadog", "splunk", "otlp"]
PLUGINS = {"elasticsearch": "es", "datadog": "opentelemetry", "otlp": "opentelemetry"}
CREDENTIALS = {
    "loki": "LOKI_PASSWORD",
    "elasticsearch": "ELASTICSEARCH_API_KEY",
    "datadog": "DATADOG_API_KEY",
    "splunk": "SPLUNK_TOKEN",
    "otlp": "OTLP_AUTHORIZATION",
}
ENVIRONMENT = re.compile(r"\$\{(\w+)(?::-[^}]*)?\}")


@pytest.fixture(params=SINKS)
def sink(request: pytest.FixtureRequest) -> str:
    """Return the name of a sink."""
    return str(request.param)


def configuration(project: BakedProject) -> Any:
    """Return a project's configuration of Fluent Bit."""
    return yaml.safe_load(project.read("deploy/fluent-bit.yaml"))


def texts(part: Any) -> list[str]:
    """Return every text in a part of a configuration."""
    if isinstance(part, dict):
        part = list(part.values())
    if isinstance(part, list):
        return [text for each in part for text in texts(each)]
    return [str(part)]


def test_a_default_project_has_no_trace_of_a_shipper(baked_once: Bake) -> None:
    project = baked_once()
    words = re.compile(r"fluent|rsyslog|shipp(er|ing)|loki|datadog|splunk", re.IGNORECASE)
    found = {name: words.findall(project.read(name)) for name in project.files()}
    assert not {name: words for name, words in found.items() if words}
    assert not [name for name in project.files() if words.search(name)]


def test_nothing_that_was_read_is_dropped(baked_once: Bake, sink: str) -> None:
    rendered = configuration(baked_once(log_shipper=sink))
    service, (files, container) = rendered["service"], rendered["pipeline"]["inputs"]
    for tail in (files, container):
        assert tail["name"] == "tail"
        assert tail["exclude_path"] == "*.gz"
        assert tail["db"].startswith("${STATE_DIR")
        assert tail["read_from_head"] is True
        assert tail["rotate_wait"] == "30d"
        assert tail["storage.type"] == "filesystem"
        assert tail["storage.pause_on_chunks_overlimit"] is True
        assert tail["buffer_max_size"] == "1M"
    assert files["path"] == "${LOG_DIR}/app.json.log*"
    assert service["storage.path"].startswith("${STATE_DIR")
    assert service["storage.checksum"] is False
    assert service["storage.keep.rejected"] is True
    (output,) = rendered["pipeline"]["outputs"]
    assert output["name"] == PLUGINS.get(sink, sink)
    assert output["retry_limit"] == "no_limits"
    assert output["compress"] == "gzip"


@pytest.mark.parametrize("sink", ["datadog", "otlp"])
def test_a_chunk_is_one_otlp_request(baked_once: Bake, sink: str) -> None:
    """Of several, Fluent Bit 5.1.1 forgets a refusal that is not the last."""
    (output,) = configuration(baked_once(log_shipper=sink))["pipeline"]["outputs"]
    # A chunk of the shortest lines that there are had 63,998.
    assert output["batch_size"] == 100_000


def test_credentials_come_from_the_environment_over_tls(baked_once: Bake, sink: str) -> None:
    project = baked_once(log_shipper=sink)
    (output,) = configuration(project)["pipeline"]["outputs"]
    named = {name for text in texts(output) for name in ENVIRONMENT.findall(text)}
    assert CREDENTIALS[sink] in named
    assert output["tls"] in (True, f"${{{sink.upper()}_TLS:-on}}")
    assert output["tls.verify"] is True


def test_the_page_names_every_variable_of_the_configuration(baked_once: Bake, sink: str) -> None:
    project = baked_once(log_shipper=sink)
    page = project.read("docs/shipping.md")
    used = set(ENVIRONMENT.findall(project.read("deploy/fluent-bit.yaml"))) - {"HOSTNAME"}
    rows = re.findall(r"^\| (`[^|]*`) \|", page, re.MULTILINE)
    assert used == {name for row in rows for name in re.findall(r"`(\w+)`", row)}


def test_the_compose_file_gives_the_collector_what_has_no_default(
    baked_once: Bake, sink: str
) -> None:
    project = baked_once(log_shipper=sink)
    services = yaml.safe_load(project.read("deploy/compose.shipping.yaml"))["services"]
    given = services["fluent-bit"]["environment"]
    needed = re.findall(r"\$\{(\w+)\}", project.read("deploy/fluent-bit.yaml"))
    assert not set(needed) - set(given)
    assert ("loki" in services) == ("grafana" in services) == (sink == "loki")
    logs = services["app"]["environment"]["LOG_DIR"]
    assert given["LOG_DIR"] == logs
    for service in ("app", "fluent-bit"):
        assert f"logs:{logs}" in [path.removesuffix(":ro") for path in services[service]["volumes"]]


def test_the_queries_name_events_and_fields_of_the_catalogue(baked_once: Bake, sink: str) -> None:
    project = baked_once(log_shipper=sink)
    schema = json.loads(project.read("observability/log_line.schema.json"))
    payloads = {
        rule["if"]["properties"]["event"]["const"]: set(
            rule["then"]["properties"]["payload"]["properties"]
        )
        for rule in schema["allOf"]
    }
    page = project.read("docs/shipping.md")
    queries = re.findall(r"```(?:logql|esql|text|spl|sql)\n(.*?)```", page, re.DOTALL)
    titles = [query.splitlines()[0].lstrip("#/- ").split(":")[0] for query in queries]
    assert titles == [
        "Errors by route",
        "Latency, 95th percentile by route",
        "One request's story",
        "Failed logins by address",
        "Dropped lines",
    ]
    for query in queries:
        events = [event for event in payloads if event in query]
        fields = set(re.findall(r"payload\.(\w+)", query))
        assert len(events) == 1 or "d3b7e8f4" in query, query
        if events:
            assert fields
            assert fields <= payloads[events[0]], query


TYPES = {"integer": "long", "number": "double", "boolean": "boolean"}


def elastic_type(name: str, schema: dict[str, Any]) -> str:
    """Return the type that a field of an event has in Elasticsearch."""
    given = schema.get("type", "string")
    kinds = {given} if isinstance(given, str) else set(given) - {"null", "array"}
    if name == "ip":
        return "ip"
    return TYPES.get(next(iter(kinds)), "keyword") if len(kinds) == 1 else "keyword"


def test_the_index_template_has_the_types_of_the_events(baked_once: Bake) -> None:
    project = baked_once(log_shipper="elasticsearch", namespace="ShopLogs")
    template = json.loads(project.read("deploy/elasticsearch-template.json"))
    schema = json.loads(project.read("observability/log_line.schema.json"))
    fields: dict[str, str] = {}
    for rule in schema["allOf"]:
        for name, kind in rule["then"]["properties"]["payload"]["properties"].items():
            assert fields.setdefault(name, elastic_type(name, kind)) == elastic_type(name, kind)
    mappings = template["template"]["mappings"]["properties"]
    assert {
        name: field["type"] for name, field in mappings["payload"]["properties"].items()
    } == fields
    (output,) = configuration(project)["pipeline"]["outputs"]
    assert output["index"] == "logs-shoplogs-default"
    assert template["index_patterns"] == ["logs-shoplogs-*"]
    # A bulk request is taken or refused as a whole, and no document is refused for its types.
    assert template["template"]["settings"]["index.number_of_shards"] == 1
    assert template["template"]["data_stream_options"] == {"failure_store": {"enabled": True}}
