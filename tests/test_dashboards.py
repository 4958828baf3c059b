"""The dashboard and the alerts of Grafana ask for what the log has, in LogQL that parses."""

import json
import re
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import pytest
import yaml
from pytest_cookies.plugin import Cookies

from tests.conftest import TEMPLATE, BakedProject, bake_with
from tests.logql import LogQLError, Selection, parse

DASHBOARD = "deploy/grafana-dashboard.json"
ALERTS = "deploy/grafana-alerts.yaml"
# The labels that the collector sets: see templates/shipping/loki.yaml.
LABELS = {"service", "env", "level"}
# Grafana's own variables, and what stands for a variable in a query that is parsed.
OWN = {"__auto": "5m", "__range": "6h"}


@dataclass
class Log:
    """A project that ships to Loki, and what its catalogue and its schema say of the log."""

    project: BakedProject
    keys: set[str] = field(default_factory=set)
    levels: set[str] = field(default_factory=set)
    fields: dict[str, dict[str, Any]] = field(default_factory=dict)
    listed: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Read the schema, and the tables of events."""
        schema = json.loads(self.project.read("observability/log_line.schema.json"))
        self.keys = set(schema["properties"])
        self.levels = set(schema["properties"]["level"]["enum"])
        for rule in schema["allOf"]:
            payload = rule["then"]["properties"]["payload"]["properties"]
            self.fields[rule["if"]["properties"]["event"]["const"]] = payload
        fields, payload_column = "", 0
        for line in self.project.read("docs/logging.md").partition("## Events")[2].splitlines():
            cells = [cell.strip() for cell in line.split(" | ")]
            if cells[0] == "| event":
                payload_column = [cell.removesuffix(" |") for cell in cells].index("payload")
            elif event := re.fullmatch(r"\| `(\w+)`", cells[0]):
                same = cells[payload_column].startswith("the same")
                fields = fields if same else cells[payload_column]
                self.listed[event[1]] = fields

    def dashboard(self) -> Any:
        """Return the dashboard."""
        return json.loads(self.project.read(DASHBOARD))

    def rules(self) -> Any:
        """Return the rules of the alerts."""
        (group,) = yaml.safe_load(self.project.read(ALERTS))["groups"]
        return group["rules"]

    def of_grafana(self) -> Any:
        """Return the service grafana, and the contents of the files that Compose writes."""
        compose = yaml.safe_load(self.project.read("deploy/compose.shipping.yaml"))
        contents = {
            each["target"]: yaml.safe_load(compose["configs"][each["source"]]["content"])
            for each in compose["services"]["grafana"]["configs"]
        }
        return compose["services"]["grafana"], contents

    def queries(self) -> dict[str, str]:
        """Return every query in LogQL, by where it stands."""
        page = re.findall(r"```logql\n# (.*)\n(.*)\n```", self.project.read("docs/shipping.md"))
        return {
            **{
                f"{panel['title']} {target['refId']}": target["expr"]
                for panel in self.dashboard()["panels"]
                for target in panel["targets"]
            },
            **{rule["title"]: rule["data"][0]["model"]["expr"] for rule in self.rules()},
            **{f"docs/shipping.md: {title}": query for title, query in page},
        }


@pytest.fixture(scope="module")
def log(cookies_session: Cookies, tmp_path_factory: pytest.TempPathFactory) -> Log:
    """Bake a project that ships to Loki."""
    return Log(bake_with(cookies_session, tmp_path_factory.mktemp("o"), {"log_shipper": "loki"}))


def variables(query: str) -> set[str]:
    """Return the names of Grafana's variables in a query."""
    return set(re.findall(r"\$(\w+)", query))


def selections(query: str) -> list[Selection]:
    """Parse a query with values in the place of its variables."""
    return parse(re.sub(r"\$(\w+)", lambda name: OWN.get(name[1], ".+"), query))


def event_of(selection: Selection) -> str | None:
    """Return the one event that is selected, or None where all are."""
    events = [value for name, sign, value in selection.filters if (name, sign) == ("event", "=")]
    assert len(events) < 2
    return str(events[0]) if events else None


def events_of(query: str) -> set[str]:
    """Return the events that a query selects."""
    return {event for each in selections(query) if (event := event_of(each))}


def wrong(log: Log, query: str) -> list[str]:
    """Return what a query names that the catalogue, the schema or the collector does not."""
    found: list[str] = []
    for each in selections(query):
        event = event_of(each)
        payload, listed = log.fields.get(event or "", {}), log.listed.get(event or "", "")
        if event and not (payload and listed and each.texts == [event]):
            found.append(f"event {event}")
        numbers = {name for name, _, value in each.filters if isinstance(value, float)}
        numbers |= {each.unwrap} - {""}
        for name, path in each.paths.items():
            key, _, inner = path.partition(".")
            known = key == "payload" and inner in payload and f"`{inner}`" in listed
            if not (known if inner else key in log.keys):
                found.append(f"field {path}")
            elif name in numbers and payload[inner]["type"] not in ("integer", "number"):
                found.append(f"number {path}")
        used = {name for name, *_ in each.filters} | each.groups | numbers
        found += [f"name {name}" for name in used - LABELS - set(each.paths)]
        found += [f"label {name}" for name in set(each.labels) - LABELS]
        if each.labels.get("level", ("=", "INFO"))[1] not in log.levels:
            found.append("level")
    return found


def test_every_query_names_what_the_log_has(log: Log) -> None:
    queries = log.queries()
    assert len(queries) == 18 + 4 + 5
    assert {title: wrong(log, query) for title, query in queries.items() if wrong(log, query)} == {}


GOOD = """sum by (route) (rate({service="shop"} |= `request_finished`
| json event, route="payload.route", status="payload.status"
| event=`request_finished` | status >= 500 [5m]))"""
SPOILT = {
    "event": ("request_finished", "request_ended"),
    "filter": ("|= `request_finished`", "|= `slow_request`"),
    "field": ("payload.route", "payload.view"),
    "field of another event": ("payload.route", "payload.sql"),
    "key": ("json event", "json event, action"),
    "object": ("payload.route", "exception.route"),
    "label": ("{service=", "{app="),
    "group": ("by (route)", "by (path)"),
    "number": ("payload.status", "payload.method"),
    "level": ("{", '{level="WARN", '),
}


def test_a_wrong_name_is_found(log: Log) -> None:
    assert wrong(log, GOOD) == []
    missed = [what for what, (old, new) in SPOILT.items() if not wrong(log, GOOD.replace(old, new))]
    assert missed == []


REFUSED = """
sum by (route) (rate({service="shop"}[5m])
sum by (route) (rate({service="shop"}[5m])))
rate({service="shop"})
rate({service="shop"}[5 minutes])
rates({service="shop"}[5m])
{service="shop"} | jsn event
{service="shop"} | json event,
{service="shop"} | json event="payload
{service="shop"} | event=
{service="shop"} | status >= many
{service=shop}
{service=~".*"}
{}
count_over_time({service="shop"} | json ms | unwrap ms [5m])
sum_over_time({service="shop"} [5m])
count_over_time({service="shop"} [5m]) by (service)
quantile_over_time({service="shop"} | json ms | unwrap ms [5m])
topk(sum(rate({service="shop"}[5m])))
rate({service="shop"}[5m]) /
rate({service="shop"}[5m]) rate({service="shop"}[5m])
""".strip()


@pytest.mark.parametrize("query", REFUSED.splitlines())
def test_what_is_no_logql_is_refused(query: str) -> None:
    with pytest.raises(LogQLError):
        parse(query)


def test_the_dashboard_shows_what_happens(log: Log) -> None:
    shown = {panel["title"]: set[str]() for panel in log.dashboard()["panels"]}
    for panel in log.dashboard()["panels"]:
        for target in panel["targets"]:
            shown[panel["title"]] |= events_of(target["expr"])
    assert shown == {
        "Requests per second, by status": {"request_finished"},
        "Latency": {"request_finished"},
        "Error rate, by route": {"request_finished"},
        "Slowest routes": {"request_finished"},
        "Slow queries": {"slow_query"},
        "Repeated queries": {"many_queries"},
        "Logins and lock-outs": {"login_succeeded", "login_failed", "account_locked"},
        "Failed logins, by address": {"login_failed"},
        "Dropped lines": {"log_records_dropped", "log_line_lost"},
        "Top events": set(),
        "One request's story": set(),
    }


def test_the_dashboard_is_the_same_in_every_project(log: Log) -> None:
    template = TEMPLATE / "{{cookiecutter.project_slug}}" / DASHBOARD
    assert log.project.read(DASHBOARD) == template.read_text(encoding="utf-8")


def test_the_variables_of_the_queries_are_those_of_the_dashboard(log: Log) -> None:
    dashboard = log.dashboard()
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    used = {name for query in queries for name in variables(query)}
    assert used - set(OWN) == {each["name"] for each in dashboard["templating"]["list"]}
    asked = [each["query"] for each in dashboard["templating"]["list"] if each["type"] == "query"]
    assert {each["label"] for each in asked} <= LABELS
    (story,) = [query for query in queries if "request_id" in variables(query)]
    assert not re.match(r"\w", story)  # lines, not numbers


def test_every_panel_has_its_own_place_and_number(log: Log) -> None:
    panels = log.dashboard()["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    places = [
        {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        for at in (panel["gridPos"] for panel in panels)
    ]
    assert all(x < 24 for place in places for x, _ in place)
    assert [pair for pair in combinations(places, 2) if pair[0] & pair[1]] == []


def test_a_table_has_the_columns_that_it_names(log: Log) -> None:
    tables = [panel for panel in log.dashboard()["panels"] if panel["type"] == "table"]
    assert tables
    for panel in tables:
        (organize,) = [each for each in panel["transformations"] if each["id"] == "organize"]
        options = organize["options"]
        columns = {f"Value #{target['refId']}" for target in panel["targets"]}
        for target in panel["targets"]:
            assert target["queryType"] == "instant"
            columns |= {name for each in selections(target["expr"]) for name in each.groups}
        assert set(options["indexByName"]) == columns
        assert set(options["renameByName"]) <= columns
        (order,) = panel["options"]["sortBy"]
        assert order["displayName"] in options["renameByName"].values()


def test_grafana_is_given_the_data_source_the_dashboard_and_the_alerts(log: Log) -> None:
    grafana, contents = log.of_grafana()
    (source,) = contents["/etc/grafana/provisioning/datasources/loki.yaml"]["datasources"]
    (provider,) = contents["/etc/grafana/provisioning/dashboards/service-log.yaml"]["providers"]
    mounted = [each.split(":") for each in grafana["volumes"] if each.startswith("./")]
    folders = {name: target.rpartition("/")[0] for name, target, mode in mounted if mode == "ro"}
    assert folders == {
        f"./{DASHBOARD}": provider["options"]["path"],
        f"./{ALERTS}": "/etc/grafana/provisioning/alerting",
    }
    uid = {"type": source["type"], "uid": source["uid"]}
    dashboard = log.dashboard()
    asking = [*dashboard["panels"], *dashboard["templating"]["list"]]
    assert all(each["datasource"] == uid for each in asking if each["type"] != "textbox")
    assert {rule["data"][0]["datasourceUid"] for rule in log.rules()} == {source["uid"]}


def test_an_alert_compares_its_query_with_a_limit(log: Log) -> None:
    limits = {"Error rate": 0.05, "Brute force": 50, "Lines dropped": 0, "No lines at all": 0}
    assert [rule["title"] for rule in log.rules()] == list(limits)
    assert len({rule["uid"] for rule in log.rules()}) == len(limits)
    for rule in log.rules():
        asked, compared = rule["data"]
        assert asked["refId"] == asked["model"]["refId"] == compared["model"]["expression"]
        assert compared["refId"] == compared["model"]["refId"] == rule["condition"]
        assert (compared["datasourceUid"], compared["model"]["type"]) == ("__expr__", "threshold")
        (condition,) = compared["model"]["conditions"]
        assert condition["evaluator"] == {"type": "gt", "params": [limits[rule["title"]]]}
        # Each query is empty while all is well.
        assert (rule["noDataState"], asked["model"]["queryType"]) == ("OK", "instant")
        seconds = asked["relativeTimeRange"]["from"] - asked["relativeTimeRange"]["to"]
        ranges = {each.range for each in selections(asked["model"]["expr"])}
        assert ranges == {f"{seconds // 60}m" if seconds < 3600 else f"{seconds // 3600}h"}


def test_an_alert_leads_to_the_panel_of_its_events(log: Log) -> None:
    dashboard = log.dashboard()
    panels = {panel["id"]: panel for panel in dashboard["panels"]}
    for rule in log.rules():
        assert rule["dashboardUid"] == dashboard["uid"]
        queries = [target["expr"] for target in panels[rule["panelId"]]["targets"]]
        shown = {event for query in queries for event in events_of(query)}
        assert events_of(rule["data"][0]["model"]["expr"]) <= shown


def test_the_alert_on_silence_asks_for_the_service_that_the_collector_names(log: Log) -> None:
    silence = log.rules()[-1]["data"][0]["model"]["expr"]
    (selection,) = selections(silence)
    sign, service = selection.labels["service"]
    assert sign == "="
    assert f"${{LOG_SERVICE:-{service}}}" in log.project.read("deploy/fluent-bit.yaml")
