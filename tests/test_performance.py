"""The page on performance: it has what is measured, and the README shows its picture."""

import re
import subprocess
import sys

from benchmarks.peers import PEERS
from benchmarks.report import PAGE as TEMPLATE_OF_PAGE
from benchmarks.report import picture
from benchmarks.requests import SERVED
from benchmarks.scaffolding import RELEASE
from tests.conftest import TEMPLATE

PAGE = (TEMPLATE / "docs" / "performance.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| (.+?) \|", re.MULTILINE)


def test_every_peer_is_asked_for_and_every_row_is_on_the_page() -> None:
    events = set(re.findall(r"\{peer\[(\S+) ÷", TEMPLATE_OF_PAGE))
    assert events | {"floor-two"} == set(PEERS)
    assert re.findall(r"\{request\[(\w+)\]", TEMPLATE_OF_PAGE) == SERVED
    expected = [words.replace("{{", "{") for words in ROW.findall(TEMPLATE_OF_PAGE)]
    assert ROW.findall(PAGE) == expected
    assert RELEASE in TEMPLATE_OF_PAGE


def test_every_target_is_reached_or_says_why_not() -> None:
    rows = re.findall(r"^\| .+ \| ([≤≥]) ([\d.]+) \| (.+?) \| ?(.*) \|$", PAGE, re.MULTILINE)
    assert len(rows) == 17
    for sign, limit, value, outcome in rows:
        if value.startswith("not measured: "):
            assert not outcome
        elif float(value) < float(limit) if sign == "≥" else float(value) > float(limit):
            assert re.fullmatch(r"\*\*missed\*\*\. \w.+\.", outcome.replace("`", "")), outcome
        else:
            assert outcome == "reached"


def test_the_picture_is_made_of_the_page_and_stands_in_the_readme() -> None:
    readme = (TEMPLATE / "README.md").read_text(encoding="utf-8")
    assert "(docs/performance.svg)" in readme
    assert (TEMPLATE / "docs" / "performance.svg").read_text(encoding="utf-8") == picture(PAGE)


def test_the_command_of_the_readme_is_there() -> None:
    readme = (TEMPLATE / "README.md").read_text(encoding="utf-8")
    (options,) = re.findall(r"`python -m benchmarks (.+?)`", readme)
    command = [sys.executable, "-m", "benchmarks", "--help"]
    shown = subprocess.run(command, cwd=TEMPLATE, capture_output=True, text=True, check=True)
    assert options in shown.stdout
