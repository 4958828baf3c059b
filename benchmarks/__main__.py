"""The one command: makes a workshop in a temporary folder, and runs the comparison there.

Needs Python 3.11 with pip (uv makes it faster), git and the network. Writes docs/performance.md and
docs/performance.svg; a rough run prints the page.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from .scaffolding import THEIRS
from .workshop import TEMPLATE, Workshop

PARTS = ("events", "requests", "growth", "scaffolding")


def main() -> int:
    """Read the options and run; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--fast", action="store_true", help="a rough answer in about five minutes")
    parser.add_argument("--tiny", action="store_true", help="only shows that everything runs")
    parser.add_argument("--log-size", type=int, metavar="MB", help="of the files to search")
    parser.add_argument("--only", choices=PARTS, action="append", help="some parts, unwritten")
    parser.add_argument("--folder", type=Path, help="work here, and keep it for the next run")
    parser.add_argument(
        "--docs", type=Path, help="where the page goes (default of a full run: docs)"
    )
    parser.add_argument(
        "--cookiecutter-django",
        metavar="PATH",
        default=THEIRS,
        help="a clone with its tags, where GitHub is out of reach (default: %(default)s)",
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as temporary:
        workshop = Workshop((options.folder or Path(temporary)).resolve())
        workshop.set_up()
        rough = options.tiny or options.fast
        docs = options.docs or (workshop.folder if rough else TEMPLATE / "docs")
        command = [workshop.python, "-m", f"{__package__}.compare", str(workshop.folder)]
        command += ["--docs", str(docs.resolve()), "--parts", *(options.only or PARTS)]
        command += ["--pace", "tiny" if options.tiny else "fast" if options.fast else "full"]
        command += ["--cookiecutter-django", options.cookiecutter_django]
        command += ["--log-size", str(options.log_size)] if options.log_size else []
        return subprocess.run(command, env=workshop.environment(), check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
