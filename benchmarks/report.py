"""The page: tables of ratios, and in words what was missed."""

import platform
from collections.abc import Iterable
from statistics import median
from typing import Any

from . import events, growth, payloads, peers, requests

_PAYLOADS = tuple(payloads.PAYLOADS)
_THREE = "project-three"


class Ratios:
    """The results, as ratios that do not depend on the machine."""

    def __init__(self, results: dict[str, Any]) -> None:
        """Take what `compare` has measured."""
        self.results = results

    def event(self, peer: str, payload: str) -> float:
        """Return the cost of an event beside the floor with as many writes."""
        floor = "floor-two" if peer == _THREE else "floor"
        times = self.results["events"]
        return middle(times[f"{peer}/{payload}"]) / middle(times[f"{floor}/{payload}"])

    def disabled(self, beside: str) -> float:
        """Return the cost of a disabled event beside a disabled call of logging."""
        times = {
            name: middle(self.results["events"][f"disabled/{name}"])
            for name in ("nothing", "plain", "with_payload", "event")
        }
        return (times["event"] - times["nothing"]) / (times[beside] - times["nothing"])

    def request(self, peer: str, method: str) -> float:
        """Return the CPU of a request beside the same one without logging."""
        cpu = self.results["cpu"]
        return middle(cpu[f"{peer}/{method}"]) / middle(cpu[f"without_logging/{method}"])

    def rate(self, peer: str) -> float:
        """Return the requests per second beside those without logging."""
        rates = self.results["rates"]
        return middle(rates[peer]) / middle(rates["without_logging"])

    def memory(self, peer: str) -> float:
        """Return the megabytes beyond those without logging."""
        memory = self.results["memory"]
        return middle(memory[peer]) - middle(memory["without_logging"])

    def growth(self, shape: str, size: int) -> float:
        """Return the cost of a kilobyte of this payload beside that of the 10 KB one."""
        times = self.results["events"]
        smallest = middle(times[f"{shape}/10000"]) / 10_000
        return middle(times[f"{shape}/{size}"]) / size / smallest

    def written(self, processes: int) -> float:
        """Return the lines per second of so many processes beside those of one."""
        written = {int(n): rates for n, rates in self.results["written"]["project"].items()}
        return middle(written[processes]) / middle(written[1])

    def bake(self) -> float:
        """Return the seconds that quick verification adds to a bare bake."""
        bakes = self.results["bakes"]
        return middle(bakes["quick"]) - middle(bakes["bare"])

    def spread(self) -> float:
        """Return the median, over all benchmarks, of how far apart their values are."""
        timings = [*self.results["events"].values(), *self.results["cpu"].values()]
        return middle([(max(times) - min(times)) / middle(times) for times in timings])


def middle(values: list[float]) -> float:
    """Return the median."""
    return float(median(values))


def targets(ratios: Ratios) -> list[tuple[str, str, float, bool]]:
    """Return what was promised: in words, the limit, what was measured, and whether it holds."""
    one, structlog = ratios.event("project", "7 keys"), ratios.event("structlog", "7 keys")
    get, peer = ratios.request("project", "GET"), ratios.request("django_structlog", "GET")
    text = ratios.growth("text", 1_000_000)
    found = [
        ("One event to one file, beside the floor", 4.0, one),
        ("The same, beside structlog's fastest recipe", 1.0, one / structlog),
        ("The same to console and file, beside two writes", 4.0, ratios.event(_THREE, "7 keys")),
        ("A disabled event, beside a disabled `logger.debug`", 1.3, ratios.disabled("plain")),
        ("CPU of a GET, beside none of the logging", 1.35, get),
        ("CPU of a POST, beside none of the logging", 1.35, ratios.request("project", "POST")),
        ("What the logging adds to a GET, beside django-structlog's", 0.25, (get - 1) / (peer - 1)),
        ("Cost of a byte, 1 MB beside 10 KB (a text)", 1.3, text),
        ("Seconds that quick verification adds to a bare bake", 0.5, ratios.bake()),
    ]
    met = [(words, f"≤ {limit:g}", value, value <= limit) for words, limit, value in found]
    processes = min(ratios.written(count) for count in growth.PROCESSES[1:])
    words = "Lines per second into one file, 2 to 8 processes beside one, at the least"
    met.append((words, "≥ 1", processes, processes >= 1))
    if "full" in ratios.results:
        cold = ratios.results["full"]["cold"]
        met.append(("Seconds of a full bake with nothing downloaded", "≤ 15", cold, cold <= 15))
    return met


def report(results: dict[str, Any]) -> str:
    """Return the page."""
    ratios = Ratios(results)
    slowest = ratios.event("ecs", "7 keys")
    sections = [
        "# Performance",
        (
            "What this template is for is log lines, so they should cost close to nothing. "
            "This page "
            f"is written by `python -m benchmarks`, in {results['minutes']:.0f} minutes on Python "
            f"{platform.python_version()}: every peer in one run, each in a process of its own, "
            "interleaved round after round, measured with "
            "[pyperf](https://pyperf.readthedocs.io/). "
            "Figures are ratios; times depend on the machine. Half of the benchmarks varied "
            "by less "
            f"than {ratios.spread() * 100:.0f} % within the run."
        ),
        "![One event to one file, this project and its peers, beside the floor](performance.svg)",
        "## Targets",
        _table(
            ("", "target", "measured", ""),
            (
                (words, limit, f"{value:.2f}", "reached" if holds else "**missed**")
                for words, limit, value, holds in targets(ratios)
            ),
        ),
        "## One event",
        (
            "Beside the floor: `orjson.dumps` of the same line, ready made, and one `write` "
            "for each "
            "sink. All peers write the same facts to real files in the same folder. No peer masks "
            "secrets, bounds a line or keeps a torn line of another process from spoiling its own; "
            "this project does all of it in the figures below. ecs-logging is the slowest, at "
            f"{slowest:.0f} times the floor for seven keys."
        ),
        _table(
            ("", *(f"{payload}" for payload in _PAYLOADS)),
            (
                (words, *(f"{ratios.event(peer, payload):.1f}" for payload in _PAYLOADS))
                for peer, (words, _) in peers.PEERS.items()
                if peer != "floor-two"
            ),
        ),
        (
            "The last row is beside the floor with two writes: the event is below the error file's "
            "level."
        ),
        "## A disabled event",
        (
            f"DEBUG while INFO is on: {ratios.disabled('plain'):.2f} times a disabled "
            f'`logger.debug("…")`, {ratios.disabled("with_payload"):.2f} times one that is given '
            "the same payload by `extra`."
        ),
        "## One request",
        (
            "CPU of a request through the WSGI handler, beside the same project without its "
            "logging "
            "(the table of changes that django-auditlog keeps is written by all of them); requests "
            "per second of `GET` through one gunicorn worker on loopback, by "
            f"{results['tool']}; memory of that worker beyond the one without logging. The "
            "connection to SQLite is kept open. Every peer logs at least that the request "
            "finished, with its status, and the view's two events. This project also counts "
            "and times queries, "
            "masks, and tells who changed what."
        ),
        _table(
            ("", "CPU of a GET", "CPU of a POST", "requests/s", "memory, MB"),
            (
                (
                    words,
                    f"{ratios.request(peer, 'GET'):.2f}",
                    f"{ratios.request(peer, 'POST'):.2f}",
                    f"{ratios.rate(peer):.2f}",
                    f"{ratios.memory(peer):+.1f}",
                )
                for peer, words in requests.PEERS.items()
            ),
        ),
        "## Growth",
        "Cost of a byte beside that of a payload of 10 KB. Lines are shortened above 256 KiB.",
        _table(
            ("payload", *(f"{size // 1000} KB" for size in events.SIZES)),
            (
                (words, *(f"{ratios.growth(shape, size):.2f}" for size in events.SIZES))
                for shape, words in (("text", "one text"), ("records", "nested records"))
            ),
        ),
        "Lines per second into one file, beside one process:",
        _table(
            ("processes", *map(str, growth.PROCESSES)),
            [("this project", *(f"{ratios.written(count):.2f}" for count in growth.PROCESSES))],
        ),
        (
            f"`manage.py logs --request-id` over {results['megabytes']} MB of files takes "
            f"{results['searched']['logs']:.1f} s, "
            f"{results['searched']['logs'] / results['searched']['grep']:.1f} times what "
            "`grep --fixed-strings` takes, and finds the same lines."
        ),
        "## Scaffolding",
        _scaffolding(ratios),
    ]
    return "\n\n".join(sections) + "\n"


def _scaffolding(ratios: Ratios) -> str:
    results = ratios.results
    text = (
        f"A bare bake takes {middle(results['bakes']['bare']):.2f} s; quick verification adds "
        f"{ratios.bake():.2f} s."
    )
    if "full" in results:
        text += (
            f" From nothing to a proven line takes {results['full']['cold']:.1f} s with nothing "
            f"downloaded before, {results['full']['warm']:.1f} s with all of it; the project's "
            f"own tests then take {results['tests']:.0f} s."
        )
    return text


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = tuple(head)
    lines = ["| " + " | ".join(head) + " |", "| --- " + "| ---: " * (len(head) - 1) + "|"]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])
