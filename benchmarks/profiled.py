"""What one peer does in a request: the lines it writes, and whose functions take its time."""

import argparse
import json
import logging
import shutil
from cProfile import Profile
from pathlib import Path
from pstats import Stats

from .requests import STATUSES, start, timer

_REQUESTS = 500
_KERNEL = ("posix.", "fcntl.")


def lines_and_shares(peer: str, databases: Path) -> dict[str, dict[str, float]]:
    """Return the lines of a GET and a POST, and the shares of a GET's own time, by owner."""
    application, folder = start(peer, databases)
    found: dict[str, dict[str, float]] = {"lines": {}}
    for method in STATUSES:
        request = timer(application, method)
        request(1)  # the first one may have more to say
        before = _lines(folder)
        request(1)
        found["lines"][method] = _lines(folder) - before
    request, profile = timer(application, "GET"), Profile()
    profile.enable()
    request(_REQUESTS)
    profile.disable()
    found["shares"] = _shares(Stats(profile))
    shutil.rmtree(folder)
    return found


def _lines(folder: Path) -> int:
    return sum(path.read_bytes().count(b"\n") for path in folder.glob("*.log"))


def _shares(stats: Stats) -> dict[str, float]:
    seconds = dict.fromkeys(("logging", "project", "kernel", "rest"), 0.0)
    for (file, _line, name), (_, _, own, _, _) in stats.stats.items():  # type: ignore[attr-defined]
        if file == logging.__file__:
            owner = "logging"
        elif "/ecommerce/observability/" in file or file.endswith("/logging_helper.py"):
            owner = "project"
        elif file == "~" and any(word in name for word in _KERNEL):
            owner = "kernel"
        else:
            owner = "rest"
        seconds[owner] += own
    return {owner: own / sum(seconds.values()) for owner, own in seconds.items()}


def main() -> None:
    """Look at one peer, and print what was found."""
    parser = argparse.ArgumentParser()
    parser.add_argument("peer")
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    print(json.dumps(lines_and_shares(arguments.peer, arguments.folder)))


if __name__ == "__main__":
    main()
