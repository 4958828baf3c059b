"""The one command: makes a workshop in a temporary folder, and runs the comparison there.

Needs Python 3.11 with pip (uv makes it faster), git and the network. Writes docs/performance.md and
docs/performance.svg; a rough run prints the page.
"""

import argparse
import json
import os
import platform
import tempfile
import time
from pathlib import Path
from typing import Any

from . import growth, requests, scaffolding
from .peers import PEERS
from .report import picture, report
from .turns import PACES, Pace, Worker, measure
from .workshop import TEMPLATE, Workshop


def _events(workshop: Workshop, pace: Pace, memory: Path) -> dict[str, Any]:
    """Measure one event of every peer, its steps, a disabled one and long ones; try its worth."""
    kinds = {name: ("events", name) for name in PEERS}
    kinds |= {kind: (kind, "project") for kind in ("sizes", "disabled", "steps")}
    workers = {key: Worker(workshop, *kind, memory / key) for key, kind in kinds.items()}
    times = measure(workers, pace)
    for key in [key for key in times if key.startswith("sizes/")]:  # of a byte
        times[key] = [seconds / int(key.split()[1]) for seconds in times[key]]
    worthy = [name for name in PEERS if not name.startswith(("floor", "project-"))]
    worth = {name: Worker(workshop, "worth", name, memory / f"w-{name}").started for name in worthy}
    return {"events": times, "worth": worth}


def main() -> None:
    """Read the options, measure, and write the page and the picture when all of it was."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parts = {"events": _events, "requests": requests.run, "growth": growth.run, "scaffolding": None}
    parser.add_argument("--fast", action="store_true", help="a rough answer in a few minutes")
    parser.add_argument("--tiny", action="store_true", help="only shows that everything runs")
    parser.add_argument("--only", choices=parts, action="append", help="some parts, unwritten")
    parser.add_argument("--folder", type=Path, help="work here, and keep it for the next run")
    theirs = parser.add_argument("--cookiecutter-django", metavar="PATH", help=scaffolding.HELP)
    theirs.default = scaffolding.THEIRS
    options = parser.parse_args()
    pace = PACES["tiny" if options.tiny else "fast" if options.fast else "full"]
    # Where there is one, so that no disk's own pace is measured.
    shm = "/dev/shm" if Path("/dev/shm").is_dir() else None
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as temporary, tempfile.TemporaryDirectory(dir=shm) as memory:
        workshop = Workshop((options.folder or Path(temporary)).resolve())
        print(f"Installing into {workshop.folder}", flush=True)
        workshop.set_up()
        machine = f"{platform.system()} {platform.release()}, {os.cpu_count()} processors"
        results: dict[str, Any] = {"versions": workshop.versions(), "machine": machine}
        for name in options.only or parts:
            print(f"  {name}", flush=True)
            if part := parts[name]:
                results |= part(workshop, pace, Path(memory))
            else:
                results[name] = scaffolding.run(workshop, pace, options.cookiecutter_django)
        results |= {"rounds": pace.rounds, "minutes": (time.perf_counter() - started) / 60}
        (workshop.folder / "results.json").write_text(json.dumps(results), encoding="utf-8")
    if options.only:
        print(json.dumps(results, indent=1))
    elif options.tiny or options.fast:
        print(report(results))
    else:
        page = report(results)
        (TEMPLATE / "docs" / "performance.md").write_text(page, encoding="utf-8")
        (TEMPLATE / "docs" / "performance.svg").write_text(picture(page), encoding="utf-8")


if __name__ == "__main__":
    main()
