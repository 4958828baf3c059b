"""The picture: what one event costs beside the floor, and what its line is worth, in plain SVG."""

from collections.abc import Iterator
from typing import Any
from xml.sax.saxutils import escape

from .peers import PEERS
from .ratios import THREE, Ratios

_TITLE = "One event with seven keys to one file: CPU beside the floor, and what the line is worth"
_WIDTH, _TOP, _ROW, _BAR = 980, 130, 34, 24
_BARS, _LONGEST = 290, 280  # where bars begin, and the width of the longest
_MARKS, _COLUMN, _RADIUS = 660, 52, 7  # where the marks begin, and how far apart they stand
_STYLE = """
  text { font: 14px system-ui, sans-serif; fill: #24292f }
  .bar { fill: #8c959f } .ours { fill: #0969da }
  .bold { font-weight: 600 } .small { font-size: 12px }
  .yes { fill: #1a7f37 } .no { fill: none; stroke: #8c959f; stroke-width: 1.5 }
  @media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .yes { fill: #3fb950 } }
"""


def picture(results: dict[str, Any]) -> str:
    """Return the SVG: the cheapest event first."""
    ratios = Ratios(results)
    costs = {
        name: ratios.event(name, "7 keys") for name in PEERS if name not in ("floor-two", THREE)
    }
    parts = list(_head())
    for row, (name, cost) in enumerate(sorted(costs.items(), key=lambda item: item[1])):
        top = _TOP + row * _ROW
        parts += _bar(name, cost, top, _LONGEST * cost / max(costs.values()))
        if found := results["worth"].get(name):
            parts += _marks(found, top + _BAR / 2)
    height = _TOP + len(costs) * _ROW
    box = f'viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}" role="img"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {box}>'
    return "\n".join(
        [head, f"<title>{_TITLE}</title>", f"<style>{_STYLE}</style>", *parts, "</svg>\n"]
    )


def _worth(found: dict[str, Any]) -> dict[str, bool]:
    return {
        "secrets masked": found["masked"],
        "odd values kept": set(found["odd"].values()) == {"kept"},
        "keys not replaced": "replaced" not in found["forged"].values(),
        "whole after a kill": found["recovers"],
        "renaming noticed": found["reopens"],
    }


def _head() -> Iterator[str]:
    yield f'<text x="10" y="24" class="bold">{_TITLE}</text>'
    kinds = _worth({"masked": 0, "odd": {}, "forged": {}, "recovers": 0, "reopens": 0})
    for column, words in enumerate(kinds):
        place = f"translate({_MARKS + column * _COLUMN} {_TOP - 8}) rotate(-30)"
        yield f'<text class="small" transform="{place}">{words}</text>'


def _bar(name: str, cost: float, top: float, width: float) -> Iterator[str]:
    words = escape(PEERS[name].words.replace("*", "").replace("`", ""))
    ours = name == "project"
    bold = ' class="bold"' if ours else ""
    line = f"{top + _BAR * 0.7:.0f}"
    yield f'<text x="{_BARS - 10}" y="{line}" text-anchor="end"{bold}>{words}</text>'
    yield (
        f'<rect class="{"ours" if ours else "bar"}" x="{_BARS}" y="{top}" '
        f'width="{max(2, width):.0f}" height="{_BAR}" rx="3"/>'
    )
    yield f'<text x="{_BARS + width + 8:.0f}" y="{line}"{bold}>{cost:.1f}</text>'


def _marks(found: dict[str, Any], middle: float) -> Iterator[str]:
    for column, (words, holds) in enumerate(_worth(found).items()):
        place = f'cx="{_MARKS + column * _COLUMN + _RADIUS}" cy="{middle:.0f}" r="{_RADIUS}"'
        title = f"<title>{words}: {'yes' if holds else 'no'}</title>"
        yield f'<circle class="{"yes" if holds else "no"}" {place}>{title}</circle>'
