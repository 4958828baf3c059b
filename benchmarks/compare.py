"""Runs every part, interleaved by peer, and writes the report: `compare FOLDER …`."""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyperf

from . import events, growth, peers, requests, scaffolding
from .load import served, tool
from .picture import picture
from .report import report
from .workshop import Workshop


@dataclass(frozen=True)
class Pace:
    """How much is measured: rounds over all peers, pyperf's values in each, and sizes."""

    rounds: int
    values: int
    min_time: float
    load_seconds: float
    lines: int
    log_megabytes: int
    cold: bool


PACES = {
    "tiny": Pace(1, 1, 0.001, 1, 2_000, 1, cold=False),
    "fast": Pace(2, 3, 0.01, 2, 40_000, 100, cold=False),
    "full": Pace(3, 3, 0.03, 4, 200_000, 1_000, cold=True),
}


def main() -> None:
    """Measure what is asked for, and write the page and the picture when all of it was."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--docs", type=Path, required=True)
    parser.add_argument("--parts", nargs="+", required=True)
    parser.add_argument("--pace", choices=PACES, required=True)
    parser.add_argument("--log-size", type=int)
    options = parser.parse_args()
    workshop, pace = Workshop(options.folder), PACES[options.pace]
    started = time.perf_counter()
    results: dict[str, Any] = {"pace": options.pace}
    for part in options.parts:
        results |= _PARTS[part](workshop, pace, options.log_size)
    results["minutes"] = (time.perf_counter() - started) / 60
    text = json.dumps(results, indent=1)
    (workshop.folder / "results.json").write_text(text, encoding="utf-8")
    if set(options.parts) != set(_PARTS):
        print(text)
        return
    options.docs.mkdir(exist_ok=True)
    (options.docs / "performance.md").write_text(report(results), encoding="utf-8")
    (options.docs / "performance.svg").write_text(picture(results), encoding="utf-8")
    print(f"Written: {options.docs}/performance.md and performance.svg")


def _events(workshop: Workshop, pace: Pace, _log_size: int | None) -> dict[str, Any]:
    names = [*peers.PEERS, "disabled", "sizes"]
    return {"events": _interleaved(workshop, pace, events, names, "events")}


def _requests(workshop: Workshop, pace: Pace, _log_size: int | None) -> dict[str, Any]:
    folder = workshop.new_folder("database")
    make = f"from pathlib import Path; from {requests.__name__} import make_database as make"
    command = [sys.executable, "-c", f"{make}; make(Path({str(folder)!r}))"]
    subprocess.run(command, check=True, env=workshop.environment(), stdout=subprocess.DEVNULL)
    cpu = _interleaved(workshop, pace, requests, requests.PEERS, "database", fresh=False)
    rates: dict[str, list[float]] = {peer: [] for peer in requests.PEERS}
    memory: dict[str, list[float]] = {peer: [] for peer in requests.PEERS}
    for _ in range(pace.rounds):
        for peer in requests.PEERS:
            _say(f"{peer}, served by gunicorn")
            rate, megabytes = served(workshop, peer, folder, pace.load_seconds)
            rates[peer].append(rate)
            memory[peer].append(megabytes)
    return {"cpu": cpu, "rates": rates, "memory": memory, "tool": tool()}


def _growth(workshop: Workshop, pace: Pace, log_size: int | None) -> dict[str, Any]:
    written: dict[str, dict[int, list[float]]] = {
        peer: {processes: [] for processes in growth.PROCESSES} for peer in ("floor", "project")
    }
    for _ in range(pace.rounds):
        for processes in growth.PROCESSES:
            for peer, rates in written.items():
                _say(f"{peer}, {processes} processes")
                folder = workshop.new_folder("written")
                rate = growth.lines_per_second(peer, processes, pace.lines, folder)
                rates[processes].append(rate)
    megabytes = log_size or pace.log_megabytes
    _say(f"{megabytes} MB searched")
    searched = growth.search(workshop, megabytes)
    return {"written": written, "searched": searched, "megabytes": megabytes}


def _scaffolding(workshop: Workshop, pace: Pace, _log_size: int | None) -> dict[str, Any]:
    _say("bakes")
    found: dict[str, Any] = {"bakes": scaffolding.bakes(workshop, pace.rounds + 2)}
    if pace.cold and (full := scaffolding.full_bakes(workshop)):
        _say("the tests of a new project")
        found |= {"full": full, "tests": scaffolding.test_run(workshop)}
    return found


_PARTS = {
    "events": _events,
    "requests": _requests,
    "growth": _growth,
    "scaffolding": _scaffolding,
}


def _interleaved(
    workshop: Workshop,
    pace: Pace,
    module: Any,
    names: Iterable[str],
    folder_name: str,
    *,
    fresh: bool = True,
) -> dict[str, list[float]]:
    """Return the seconds of every benchmark of these peers: each in turn, round after round."""
    output = workshop.folder / f"{folder_name}.pyperf.json"
    output.unlink(missing_ok=True)
    for _ in range(pace.rounds):
        for name in names:
            _say(f"{module.__name__.rpartition('.')[2]}: {name}")
            folder = workshop.folder / folder_name
            if fresh:
                workshop.new_folder(folder_name)
            command = [sys.executable, "-m", module.__name__, name, str(folder), "--quiet"]
            command += ["--processes=1", f"--values={pace.values}", "--warmups=1"]
            command += [f"--min-time={pace.min_time}", f"--append={output}"]
            command += ["--inherit-environ=PYTHONPATH,SECRET_KEY,ALLOWED_HOSTS"]
            subprocess.run(
                command, check=True, env=workshop.environment(), stdout=subprocess.DEVNULL
            )
    suite = pyperf.BenchmarkSuite.load(str(output))
    return {bench.get_name(): list(bench.get_values()) for bench in suite.get_benchmarks()}


def _say(text: str) -> None:
    print(f"  {text}", flush=True)


if __name__ == "__main__":
    main()
