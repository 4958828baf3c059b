"""Runs every part, interleaved by peer, and writes the report: `compare FOLDER …`."""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pyperf

from . import events, growth, peers, profiled, requests, scaffolding, steps, worth
from .load import served, tool
from .picture import picture
from .ratios import THREE
from .report import report
from .served import PEERS as SERVED
from .workshop import Workshop

_PACKAGES = (
    *("Django", "djangorestframework", "gunicorn", "orjson", "structlog", "django-structlog"),
    *("python-json-logger", "loguru", "ecs-logging", "cookiecutter", "pyperf"),
)


# Where there is one, so that no disk's own pace is measured.
_MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None


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
    parser.add_argument("--cookiecutter-django", required=True)
    options = parser.parse_args()
    workshop, pace = Workshop(options.folder), PACES[options.pace]
    started = time.perf_counter()
    versions = {name: version(name) for name in _PACKAGES}
    machine = f"{platform.system()} {platform.release()}, {os.cpu_count()} processors,"
    results: dict[str, Any] = {"pace": options.pace, "versions": versions, "machine": machine}
    for part in options.parts:
        results |= _PARTS[part](workshop, pace, options)
    results["minutes"] = (time.perf_counter() - started) / 60
    text = json.dumps(results, indent=1)
    (workshop.folder / "results.json").write_text(text, encoding="utf-8")
    if set(options.parts) != set(_PARTS):
        print(text)
        return
    page = report(results)
    options.docs.mkdir(exist_ok=True)
    (options.docs / "performance.md").write_text(page, encoding="utf-8")
    (options.docs / "performance.svg").write_text(picture(results), encoding="utf-8")
    if options.pace == "full":
        print(f"Written: {options.docs}/performance.md and performance.svg")
    else:
        print(page)


def _events(workshop: Workshop, pace: Pace, _options: argparse.Namespace) -> dict[str, Any]:
    names = [*peers.PEERS, "disabled", "sizes"]
    looked_at = [name for name, peer in peers.PEERS.items() if peer.log and name != THREE]
    found = {
        name: _looked_at(workshop, worth, name, workshop.folder / "worth") for name in looked_at
    }
    with tempfile.TemporaryDirectory(dir=_MEMORY) as memory:
        folder = Path(memory)
        return {
            "worth": found,
            "events": _interleaved(workshop, pace, events, names, folder),
            "steps": _interleaved(workshop, pace, steps, ["steps"], folder),
        }


def _looked_at(workshop: Workshop, module: Any, name: str, folder: Path) -> dict[str, Any]:
    """Return what a module finds of a peer in a process of its own."""
    _say(f"{module.__name__.rpartition('.')[2]}: {name}")
    command = [sys.executable, "-m", module.__name__, name, str(folder)]
    environment = workshop.environment()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _requests(workshop: Workshop, pace: Pace, _options: argparse.Namespace) -> dict[str, Any]:
    folder = workshop.new_folder("database")
    make = f"from pathlib import Path; from {requests.__name__} import make_database as make"
    command = [sys.executable, "-c", f"{make}; make(Path({str(folder)!r}))"]
    subprocess.run(command, check=True, env=workshop.environment(), stdout=subprocess.DEVNULL)
    cpu = _interleaved(workshop, pace, requests, SERVED, folder, fresh=False)
    rates: dict[str, list[float]] = {peer: [] for peer in SERVED}
    memory: dict[str, list[float]] = {peer: [] for peer in SERVED}
    for _ in range(pace.rounds):
        for peer in SERVED:
            _say(f"{peer}, served by gunicorn")
            rate, megabytes = served(workshop, peer, folder, pace.load_seconds)
            rates[peer].append(rate)
            memory[peer].append(megabytes)
    found = {peer: _looked_at(workshop, profiled, peer, folder) for peer in SERVED}
    return {"cpu": cpu, "rates": rates, "memory": memory, "tool": tool(), "profiled": found}


def _growth(workshop: Workshop, pace: Pace, options: argparse.Namespace) -> dict[str, Any]:
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
    megabytes = options.log_size or pace.log_megabytes
    _say(f"{megabytes} MB searched")
    searched = growth.search(workshop, megabytes)
    return {"written": written, "searched": searched, "megabytes": megabytes}


def _scaffolding(workshop: Workshop, pace: Pace, options: argparse.Namespace) -> dict[str, Any]:
    _say("bakes")
    source = options.cookiecutter_django
    return {"scaffolding": scaffolding.measure(workshop, pace.rounds + 2, source, cold=pace.cold)}


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
    folder: Path,
    *,
    fresh: bool = True,
) -> dict[str, list[float]]:
    """Return the seconds of every benchmark of these peers: each in turn, round after round."""
    kind = module.__name__.rpartition(".")[2]
    output = workshop.folder / f"{kind}.pyperf.json"
    output.unlink(missing_ok=True)
    for _ in range(pace.rounds):
        for name in names:
            _say(f"{kind}: {name}")
            if fresh:
                shutil.rmtree(folder)
                folder.mkdir()
            command = [sys.executable, "-m", module.__name__, name, str(folder), "--quiet"]
            command += ["--processes=1", f"--values={pace.values}", "--warmups=1"]
            command += [f"--min-time={pace.min_time}", f"--append={output}"]
            command += [
                "--inherit-environ=PYTHONPATH,PYTHONPYCACHEPREFIX,PYTHONHASHSEED,SECRET_KEY,ALLOWED_HOSTS"
            ]
            subprocess.run(
                command, check=True, env=workshop.environment(), stdout=subprocess.DEVNULL
            )
    suite = pyperf.BenchmarkSuite.load(str(output))
    return {bench.get_name(): list(bench.get_values()) for bench in suite.get_benchmarks()}


def _say(text: str) -> None:
    print(f"  {text}", flush=True)


if __name__ == "__main__":
    main()
