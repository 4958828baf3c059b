"""The notes of a release, from CHANGELOG.md: python -m tests.release v1.0.0.

Refuses a tag that is not the version of pyproject.toml, or that has no notes.
"""

import re
import sys
import tomllib
from pathlib import Path

TEMPLATE = Path(__file__).resolve().parent.parent


def notes(tag: str, version: str, changes: str) -> str:
    """Return what the changelog says of the version that a tag names. Raises ValueError."""
    if tag != f"v{version}":
        raise ValueError(f"The tag {tag} is not v{version}, the version of pyproject.toml.")
    found = re.search(rf"(?ms)^## {re.escape(version)} .*?\n(.*?)(?=^## |\Z)", changes)
    if not found or not found[1].strip():
        raise ValueError(f"CHANGELOG.md says nothing of {version}.")
    return found[1].strip() + "\n"


def main() -> int:
    """Print the notes; return 1 when there are none."""
    project = tomllib.loads((TEMPLATE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    changes = (TEMPLATE / "CHANGELOG.md").read_text(encoding="utf-8")
    try:
        print(notes(sys.argv[1], project["version"], changes), end="")
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
