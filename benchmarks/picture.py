"""The picture: what one event costs beside the floor, as bars, in plain SVG."""

from typing import Any
from xml.sax.saxutils import escape

from .peers import PEERS
from .report import Ratios

_BAR, _GAP, _LEFT, _WIDTH = 24, 10, 300, 760
_STYLE = """
  text { font: 14px system-ui, sans-serif; fill: #24292f }
  .bar { fill: #8c959f } .ours { fill: #0969da } .bold { font-weight: 600 }
  @media (prefers-color-scheme: dark) { text { fill: #e6edf3 } }
"""


def picture(results: dict[str, Any]) -> str:
    """Return the SVG."""
    ratios = Ratios(results)
    costs = {
        name: ratios.event(name, "7 keys")
        for name in PEERS
        if name not in ("floor-two", "project-three")
    }
    longest = max(costs.values())
    rows, top = [], 44
    for name, cost in sorted(costs.items(), key=lambda item: item[1]):
        words = escape(PEERS[name][0].replace("*", "").replace("`", ""))
        ours = name == "project"
        width = max(2, (_WIDTH - _LEFT - 70) * cost / longest)
        middle = top + _BAR * 0.7
        bold = ' class="bold"' if ours else ""
        rows.append(
            f'<text x="{_LEFT - 10}" y="{middle:.0f}" text-anchor="end"{bold}>{words}</text>'
            f'<rect class="{"ours" if ours else "bar"}" x="{_LEFT}" y="{top}" '
            f'width="{width:.0f}" height="{_BAR}" rx="3"/>'
            f'<text x="{_LEFT + width + 8:.0f}" y="{middle:.0f}"{bold}>{cost:.1f}</text>'
        )
        top += _BAR + _GAP
    title = "One event with seven keys to one file, CPU beside the floor (less is better)"
    return "\n".join(
        [
            (
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {top}" '
                f'width="{_WIDTH}" height="{top}" role="img">'
            ),
            f"<title>{title}</title>",
            f"<style>{_STYLE}</style>",
            f'<text x="10" y="24" class="bold">{title}</text>',
            *rows,
            "</svg>\n",
        ]
    )
