"""The page: tables of ratios, what a line is worth beside what it costs, and what was missed."""

import platform
from collections.abc import Iterable
from typing import Any

from . import events, growth, payloads, peers, scaffolding, steps, worth
from .ratios import THREE, Ratios, Target, targets
from .served import PEERS as SERVED

_PAYLOADS = tuple(payloads.PAYLOADS)
_DOWNLOADS = " (`UV_PYTHON_DOWNLOADS=never`; by itself, uv would download one)"


def report(results: dict[str, Any]) -> str:
    """Return the page, each paragraph of it in one line."""
    parts = (_introduction, _event, _steps, _worth, _disabled, _request, _growth, _scaffolding)
    blocks = "\n".join(part(Ratios(results)) for part in parts).split("\n\n")
    lines = (
        block if block.startswith(("|", "- ")) else " ".join(block.split("\n")) for block in blocks
    )
    return "\n\n".join(line.strip() for line in lines if line) + "\n"


def _introduction(ratios: Ratios) -> str:
    versions = ", ".join(f"{name} {number}" for name, number in ratios.results["versions"].items())
    return f"""# Performance

What this template is for is log lines, so they should cost close to nothing.
`python -m benchmarks` wrote this page in {ratios.results["minutes"]:.0f} minutes: all peers in one
run, each in a process of its own, in turn, round after round, measured with
[pyperf](https://pyperf.readthedocs.io/). Figures are ratios unless a unit is named, since times
depend on the machine. In nine of ten benchmarks, the middle half of the values was within
{ratios.spread() * 100:.0f} %.

Measured on {ratios.results["machine"]} with Python {platform.python_version()} and {versions}.

![One event to one file, this project and its peers, beside the floor](performance.svg)

## Targets

{_table(("", "target", "measured", ""), map(_target, targets(ratios)))}

What was missed, and why:

{_misses(ratios)}
"""


def _target(target: Target) -> tuple[str, str, str, str]:
    limit = f"{'≥' if target.at_least else '≤'} {target.limit:g}"
    if isinstance(target.value, str):
        return target.words, limit, target.value, ""
    return target.words, limit, f"{target.value:.2f}", "**missed**" if target.missed else "reached"


def _misses(ratios: Ratios) -> str:
    return "\n".join(
        f"- {target.words}: {target.value:.2f} where {target.limit:g} was promised; "
        f"{target.why or 'nobody has found out why.'}"
        for target in targets(ratios)
        if target.missed and not isinstance(target.value, str)
    )


def _event(ratios: Ratios) -> str:
    rows = (
        (peer.words, *(f"{ratios.event(name, payload):.1f}" for payload in _PAYLOADS))
        for name, peer in peers.PEERS.items()
        if name != "floor-two"
    )
    return f"""## One event

Beside the floor: `orjson.dumps` of the same line, with its time and ids given as constants, and one
`write`. All peers write the
same facts to a file (in memory where there is a /dev/shm, so that no disk is measured), each set up
as its own documentation has it.

{_table(("", *_PAYLOADS), rows)}

The last row is beside a floor with two writes, since the error file takes no INFO event. Nested has
a list and an object in it, which are looked at part by part, a URL and a time. A long text costs
this project more than others because it is searched for secrets.
loguru is given the message alone as its format: with the default one it is slower.
"""


def _steps(ratios: Ratios) -> str:
    costs = {words: ratios.step(name) for name, words in steps.STEPS.items()}
    whole, *parts = costs.values()
    costs["the rest: `log_event` itself, and the way between the steps"] = whole - sum(parts)
    rows = [(words, f"{cost:.1f}") for words, cost in costs.items()]
    return f"""### Where the time of one event goes

Each step of this project's event with seven keys, in a loop of its own, beside the floor. In turn,
they cost more than each alone. Where another process wrote last, a `pread` is added.

{_table(("", "floors"), rows)}
"""


def _worth(ratios: Ratios) -> str:
    head = ("", "a password", "a text of 1 MB", "odd values", "fields named as the line's keys")
    rows = (
        (
            peers.PEERS[name].words,
            "masked" if found["masked"] else "shown",
            f"{found['longest'] / 1000:,.0f} KB",
            _listed(found["odd"]) or "all kept",
            _listed({f"`{key}`": outcome for key, outcome in found["forged"].items()})
            or "replace none",
            "whole" if found["recovers"] else "spoilt",
            "left for a new one" if found["reopens"] else "written on",
        )
        for name, found in ratios.results["worth"].items()
        if name != THREE
    )
    return f"""### What such a line is worth

Tried out in the same run, with fields given as each peer's users give them. The odd values are
{", ".join(worth.ODD)}: what does not become a line of valid JSON is named. A key of the line is
replaced where a caller's field of the same name takes its place. What is raised reaches the code
that logs; what is lost leaves a traceback on standard error. The last two columns are what becomes
of a line after one that a killed process left unfinished in the same file, and of a renamed file; a
formatter leaves both to its handler, here `logging.FileHandler`, as its documentation does.

{_table((*head, "after a torn line", "a renamed file"), rows, numbers=False)}
"""


def _listed(outcomes: dict[str, str]) -> str:
    """Return what did not go well, by outcome."""
    names: dict[str, list[str]] = {}
    for name, outcome in outcomes.items():
        if outcome != "kept":
            names.setdefault(outcome, []).append(name)
    return "; ".join(
        f"{outcome}: {', '.join(found[:4])}"
        + (f" and {len(found) - 4} more" if len(found) > 4 else "")
        for outcome, found in names.items()
    )


def _disabled(ratios: Ratios) -> str:
    return f"""## A disabled event

DEBUG while INFO is on: {ratios.disabled("plain"):.2f} times a disabled `logger.debug("…")`,
{ratios.disabled("with_payload"):.2f} times one that is given the same payload by `extra`.
"""


def _request(ratios: Ratios) -> str:
    rows = (
        (
            words,
            f"{ratios.request(peer, 'GET'):.2f}",
            f"{ratios.request(peer, 'POST'):.2f}",
            f"{ratios.lines(peer, 'GET')} / {ratios.lines(peer, 'POST')}",
            f"{ratios.rate(peer):.2f}",
            f"{ratios.memory(peer):+.1f}",
        )
        for peer, words in SERVED.items()
    )
    return f"""## One request

CPU of a request through the WSGI handler, beside the same project without its logging; requests
per second of `GET` through one gunicorn worker on loopback, asked by {ratios.results["tool"]};
lines of a GET and of a POST in all sinks; memory of that worker beyond the one without logging,
which still loads this project's modules. The connection to SQLite is kept open, and all
of them keep django-auditlog's table of changes.

Every peer that logs says at least that the request finished, with its status, and the view's two
events.
cookiecutter-django {scaffolding.RELEASES[0]} (its settings for production) and
wemake-django-template (e922ccf3, the same settings everywhere) log no finished request and are
given a small event for it; both write to the console alone. This project also counts and times
queries, masks secrets, and tells who changed what.

{_table(("", "CPU of a GET", "CPU of a POST", "lines", "requests/s", "memory, MB"), rows)}

To a GET, this project's logging adds {ratios.added("project", "django_structlog"):.2f} times the
CPU that django-structlog adds as documented, and
{ratios.added("project", "django_structlog_json"):.2f} times what it adds with the console and one
file, as this project writes.
"""


def _growth(ratios: Ratios) -> str:
    sizes = (
        (words, *(f"{ratios.growth(shape, size):.2f}" for size in events.SIZES))
        for shape, words in (("text", "one text"), ("records", "nested records"))
    )
    written = (
        (words, *(f"{ratios.written(count, peer):.2f}" for count in growth.PROCESSES))
        for peer, words in (("project", "this project"), ("floor", "the floor, which has no lock"))
    )
    searched = ratios.results["searched"]
    return f"""## Growth

Cost of a byte, beside a byte of a payload of 10 KB. Lines are shortened above 256 KiB.

{_table(("payload", *(f"{size // 1000} KB" for size in events.SIZES)), sizes)}

Lines per second into one file, beside one process:

{_table(("processes", *map(str, growth.PROCESSES)), written)}

`manage.py logs --request-id` over {ratios.results["megabytes"]} MB of files takes
{searched["logs"]:.1f} s, {searched["logs"] / searched["grep"]:.1f} times what
`grep --fixed-strings` takes, and finds as many lines. Each is run once.
"""


def _scaffolding(ratios: Ratios) -> str:
    found = ratios.results["scaffolding"]
    rounds = len(found["bakes"]["ours"])

    def cell(*kinds: str) -> str:
        seconds = ratios.seconds(*kinds)
        return seconds if isinstance(seconds, str) else f"{seconds:.2f}"

    rows = (
        ("files alone (`--accept-hooks no`)", cell("ours, files"), cell("theirs, files")),
        ("`verification=quick`", cell("ours, quick"), "has no such answer"),
        ("default answers", cell("ours"), cell("theirs")),
        ("the same from nothing", cell("tools", "ours, cold"), cell("tools", "theirs, cold")),
        (
            "from nothing to a passed test run",
            cell("tools", "ours, cold", "ours, tests"),
            "not measured: needs a PostgreSQL server",
        ),
    )
    table = _table(("seconds", "this template", f"cookiecutter-django {found['release']}"), rows)
    passed_over = "".join(
        f"\ncookiecutter-django {release} could not be baked with its default answers: {reason}"
        f"{_DOWNLOADS if found['no_downloads'] else ''}\n"
        for release, reason in found["passed_over"].items()
    )
    return f"""## Scaffolding

Seconds of `cookiecutter --no-input` with a clone at hand and all packages downloaded before. From
nothing means with empty caches, and counts `pip install cookiecutter uv`; it is run once, the
others {rounds} times.

{table}
{passed_over}
With default answers, this template ends with an installed project whose every handler was proven
by a line it wrote. Two more commands serve a page (`migrate`, `runserver`), one runs the tests
(`pytest`), and none needs a server to be there. cookiecutter-django ends with its files and a lock
file. To serve a page, the guide of {scaffolding.RELEASES[0]} has seven commands (`uv sync`,
`createdb`, three variables to export, `migrate`, `runserver`; two more are for pre-commit) and
needs a PostgreSQL server; `pytest` comes after them.
"""


def _table(head: Iterable[str], rows: Iterable[Iterable[str]], *, numbers: bool = True) -> str:
    head = tuple(head)
    rule = "| --- " + ("| ---: " if numbers else "| --- ") * (len(head) - 1) + "|"
    lines = ("| " + " | ".join(cells) + " |" for cells in (head, *rows))
    first, *others = lines
    return "\n".join([first, rule, *others])
