"""The page on performance: it has what is measured, and the README shows its picture."""

import re
import subprocess
import sys

from benchmarks.peers import PEERS
from benchmarks.served import PEERS as SERVED
from tests.conftest import TEMPLATE

PAGE = (TEMPLATE / "docs" / "performance.md").read_text(encoding="utf-8")


def test_every_peer_has_a_row() -> None:
    rows = set(re.findall(r"^\| (.+?) \|", PAGE, re.MULTILINE))
    compared = {peer.words for name, peer in PEERS.items() if name != "floor-two"}
    assert compared - rows == set()
    assert set(SERVED.values()) - rows == set()


def test_every_missed_target_is_explained() -> None:
    missed = re.findall(r"^\| (.+?) \|.*\*\*missed\*\*", PAGE, re.MULTILINE)
    explained = re.findall(r"^- (.+?): [\d.]+ where [\d.]+ was promised; ", PAGE, re.MULTILINE)
    assert missed == explained
    assert "nobody has found out why" not in PAGE


def test_the_picture_is_made_of_the_same_run_and_stands_in_the_readme() -> None:
    readme = (TEMPLATE / "README.md").read_text(encoding="utf-8")
    picture = (TEMPLATE / "docs" / "performance.svg").read_text(encoding="utf-8")
    assert "(docs/performance.svg)" in readme
    (cost,) = re.findall(r"^\| \*\*this project\*\*, one file \| [\d.]+ \| ([\d.]+) \|", PAGE, re.M)
    assert re.search(rf'class="bold">{re.escape(cost)}</text>', picture)


def test_the_command_of_the_readme_is_there() -> None:
    readme = (TEMPLATE / "README.md").read_text(encoding="utf-8")
    (options,) = re.findall(r"`python -m benchmarks (.+?)`", readme)
    command = [sys.executable, "-m", "benchmarks", "--help"]
    shown = subprocess.run(command, cwd=TEMPLATE, capture_output=True, text=True, check=True)
    assert options in shown.stdout
