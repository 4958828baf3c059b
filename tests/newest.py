"""Bake with the newest release of every dependency but Django, and run the project's gates there.

    python -m tests.newest [--django 6.1]

The upper bounds that the template sets are taken away first, so a new major release that breaks
a project is known before somebody raises the bound.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import uv

from tests.machinery.__main__ import VERSIONS, bake


def without_upper_bounds(pyproject: str) -> str:
    """Return a project's pyproject.toml that asks for any newer release, of all but Django."""
    return re.sub(r'(?m)^(    "(?!django>)[^"<]+),<[\d.]+"', r'\1"', pyproject)


def main() -> int:
    """Bake, install and run the gates; return their exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.newest", description=__doc__)
    parser.add_argument("--django", choices=VERSIONS, default=VERSIONS[0])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        project = bake(Path(folder).resolve(), options.django)
        pyproject = project / "pyproject.toml"
        pyproject.write_text(without_upper_bounds(pyproject.read_text("utf-8")), encoding="utf-8")
        subprocess.run([uv.find_uv_bin(), "sync", "--upgrade"], cwd=project, check=True)
        subprocess.run([uv.find_uv_bin(), "pip", "list"], cwd=project, check=True)
        return subprocess.run(["./gates"], cwd=project, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
