"""The page: `page.md` with the figures of one run; and the picture."""

import re
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from .peers import PAYLOADS
from .turns import ratio
from .worker import SIZES, STATUSES
from .worth import ODD

PAGE = (Path(__file__).parent / "page.md").read_text(encoding="utf-8")


class _Lookup:
    """What `page.md` asks for by `{name[key]}`: computed from the key."""

    def __init__(self, compute: Callable[[str], Any]) -> None:
        self._compute = compute

    def __getitem__(self, key: str) -> Any:
        return self._compute(key)


def report(results: dict[str, Any]) -> str:
    """Return the page."""
    events, cpu, memory, through = (results[n] for n in ("events", "cpu", "memory", "through"))
    without = "without_logging"

    def peer(key: str) -> str:
        """Return the cost of an event of each payload, beside a floor."""
        name, floor = key.split(" ÷ ")
        costs = (ratio(events, f"{name}/{load} ÷ {floor}/{load}") for load in PAYLOADS)
        return " | ".join(f"{cost:.1f}" for cost in costs)

    def request(name: str) -> str:
        """Return the CPU of a GET and a POST, their lines, the rate, and the memory."""
        costs = [ratio(cpu, f"{name}/{method} ÷ {without}/{method}") for method in STATUSES]
        lines = " / ".join(str(results["lines"][f"{name}/{method}"]) for method in STATUSES)
        rate = f"{ratio(through, f'{without} ÷ {name}'):.2f}"
        more = f"{memory[name] - memory[without]:+.1f}"
        return " | ".join([*(f"{cost:.2f}" for cost in costs), lines, rate, more])

    def added(key: str) -> float:
        """Return what this project adds to a request, beside what a peer adds."""
        name, method = key.split("/")
        theirs = ratio(cpu, f"{name}/{method} ÷ {without}/{method}") - 1
        return (ratio(cpu, f"project/{method} ÷ {without}/{method}") - 1) / theirs

    def beyond(method: str) -> float:
        """Return what telemetry adds to a request more than what OpenTelemetry itself adds."""
        names = ("project_otlp", "project", "opentelemetry", "cookiecutter_django", without)
        rounds = zip(*(cpu[f"{name}/{method}"] for name in names), strict=True)
        return float(median((a - b - c + d) / whole for a, b, c, d, whole in rounds))

    def disabled(beside: str) -> float:
        """Return the cost of a disabled event beside a disabled call, without the loop's."""
        keys = (f"disabled/{name}" for name in ("nothing", "event", beside))
        rounds = zip(*(events[key] for key in keys), strict=True)
        return float(median((event - own) / (other - own) for own, event, other in rounds))

    def bakes(key: str) -> str:
        """Return the seconds of `one + another - a third`, or why there are none."""
        seconds, missing = results["scaffolding"]
        kinds, _, less = key.partition(" - ")
        for kind in (*kinds.split(" + "), less):
            if kind in missing:
                return f"not measured: {missing[kind]}"
        total = sum(median(seconds[kind]) for kind in kinds.split(" + "))
        return f"{total - (median(seconds[less]) if less else 0):.2f}"

    calls = peer, request, added, beyond, disabled, bakes
    lookups = {call.__name__: _Lookup(call) for call in calls}
    lookups["worth"] = _Lookup(lambda name: _worth(results["worth"][name]))
    results["slowest"] = {peer: [quantiles(took, n=100)[98]] for peer, took in through.items()}
    for name in ("events", "cpu", "written", "slowest"):
        lookups[name] = _Lookup(partial(ratio, results[name]))
    growth = [f"sizes/{k} {n} ÷ sizes/{k} 10000" for k in ("text", "records") for n in SIZES[2:]]
    figures = {
        "versions": ", ".join(f"{name} {found}" for name, found in results["versions"].items()),
        "spread": _spread([*events.values(), *cpu.values()]),
        "steepest": max(ratio(events, key) for key in growth),
        "odd": ", ".join(ODD),
    }
    page = PAGE.format(**results | figures | lookups)
    return re.sub(r"^(\| .+ \| ([≤≥]) ([\d.]+) \| (.+?) \|) (.+) \|$", _outcome, page, flags=re.M)


def _outcome(row: "re.Match[str]") -> str:
    """Return a target's row with what became of it in place of why it may be missed."""
    start, sign, limit, value, why = row.groups()
    if value.startswith("not measured"):
        return f"{start}  |"
    missed = float(value) < float(limit) if sign == "≥" else float(value) > float(limit)
    return f"{start} {f'**missed**. {why}' if missed else 'reached'} |"


def _spread(measured: list[list[float]]) -> float:
    """Return how far apart the middle half of the rounds is, in nine of ten measurements."""
    quarters = [quantiles(seconds, n=4) for seconds in measured if len(seconds) > 1]
    apart = sorted((third - first) / middle for first, middle, third in quarters)
    return 100 * apart[len(apart) * 9 // 10] if apart else 0


def _worth(found: dict[str, Any]) -> str:
    cells = ["masked" if found["masked"] else "shown", f"{found['longest'] / 1000:,.0f} KB"]
    cells += [_counted(found["odd"]), _counted(found["forged"])]
    cells.append("whole" if found["recovers"] else "spoilt")
    return " | ".join([*cells, "left for a new one" if found["reopens"] else "written on"])


def _counted(outcomes: dict[str, str]) -> str:
    """Return what did not go well, by outcome and number."""
    counts = Counter(end for end in outcomes.values() if end != "kept")
    return ", ".join(f"{number} {end}" for end, number in counts.items()) or "all kept"


def picture(page: str) -> str:
    """Return an SVG of what one event costs, as the page has it: the cheapest first."""
    title = "One event with seven keys to one file: CPU beside the floor"
    rows = re.findall(
        r"^\| (.+?) \| [\d.]+ \| ([\d.]+) \| [\d.]+ \| [\d.]+ \| [\d.]+ \|$", page, re.M
    )
    costs = {re.sub("[*`]", "", words): float(cost) for words, cost in rows[:-1]}
    style = """text { font: 14px system-ui, sans-serif; fill: #24292f } .bar { fill: #8c959f }
.ours { fill: #0969da } @media (prefers-color-scheme: dark) { text { fill: #e6edf3 } }"""
    box = f'viewBox="0 0 820 {50 + len(costs) * 34}"'
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" {box}>', f"<style>{style}</style>"]
    parts += [f"<title>{title}</title>", f'<text x="10" y="24">{title}</text>']
    for row, (words, cost) in enumerate(sorted(costs.items(), key=lambda item: item[1])):
        y, width = 42 + row * 34, 400 * cost / max(costs.values())
        kind = "ours" if words.startswith("this project") else "bar"
        parts.append(f'<text x="360" y="{y + 17}" text-anchor="end">{words}</text>')
        parts.append(f'<rect class="{kind}" x="370" y="{y}" width="{width:.0f}" height="24"/>')
        parts.append(f'<text x="{378 + width:.0f}" y="{y + 17}">{cost:.1f}</text>')
    return "\n".join([*parts, "</svg>\n"])
