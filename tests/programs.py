"""Finds the programs that tests need beside Python; in CI none may be absent."""

import os
import shutil
from pathlib import Path

import pytest


def needs(tool: str, *, found: object) -> None:
    """Skip a test whose tool is not here, and say so; in CI, fail instead."""
    if found:
        return
    if os.environ.get("REQUIRE_ALL_TOOLS"):
        pytest.fail(f"REQUIRE_ALL_TOOLS is set, and {tool} was not found")
    pytest.skip(f"{tool} was not found")


def program(name: str, *folders: Path) -> str:
    """Return the path of a program, which may lie in more folders than a user's; see `needs`."""
    more = map(str, (*folders, "/usr/sbin", "/sbin"))
    path = shutil.which(name, path=os.pathsep.join([os.environ["PATH"], *more]))
    needs(name, found=path)
    return str(path)
