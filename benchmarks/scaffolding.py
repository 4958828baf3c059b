"""How long making a project takes, beside cookiecutter-django: to its files, lines and tests."""

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from .project import SLUG
from .turns import Pace
from .workshop import TEMPLATE, Workshop

THEIRS = "gh:cookiecutter/cookiecutter-django"
HELP = "a clone with its tags where GitHub is out of reach, or none (default: %(default)s)"
RELEASE = "2026.03.27"  # the last that takes Python 3.13
_UNPROVEN = "only the configuration was checked"  # our hook's words when it could not install
Found = tuple[dict[str, list[float]], dict[str, str]]  # seconds, and why there are none, by kind


def run(workshop: Workshop, pace: Pace, source: str) -> Found:
    """Return the seconds of every kind of bake, interleaved, and why others have none."""
    bakes: dict[str, list[float]] = {}
    missing: dict[str, str] = {}
    theirs, cold = workshop.folder / f"cookiecutter-django-{RELEASE}", pace.rounds > 12
    environment = workshop.bare_environment(UV_CACHE_DIR=str(workshop.folder / "uv-cache"))

    def take(kind: str, command: list[Any], env: dict[str, str], cwd: Path | None = None) -> None:
        if kind in missing:
            return
        started = time.perf_counter()
        done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True)  # noqa: PLW1510
        seconds, said = time.perf_counter() - started, (done.stdout + done.stderr).strip()
        if done.returncode or (_UNPROVEN in said and "quick" not in kind):
            missing[kind] = said.splitlines()[-1] if said else "it failed without a word"
        else:
            bakes.setdefault(kind, []).append(seconds)

    def bake(kind: str, template: Path, *options: str, python: str = "", **env: str) -> None:
        folder = workshop.new_folder("baked")
        command = [python or workshop.python, "-m", "cookiecutter", template, "--no-input"]
        take(kind, [*command, *options, "--output-dir", folder], environment | env)

    url = f"https://github.com/{source[3:]}.git" if source.startswith("gh:") else source
    if not theirs.exists():
        clone = ["git", "clone", "--quiet", "--branch", RELEASE, url, theirs]
        take("clone", clone, environment | {"GIT_TERMINAL_PROMPT": "0"})
        if why := missing.get("clone"):
            missing |= dict.fromkeys(("theirs, files", "theirs", "theirs, cold"), why)
    if cold:
        venv = workshop.new_folder("from-nothing")
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
        python, path = str(venv / "bin" / "python"), f"{venv / 'bin'}:{environment['PATH']}"
        caches = [str(workshop.new_folder(f"uv-cache-{number}")) for number in range(2)]
        empty = environment | {"PATH": path, "UV_CACHE_DIR": caches[0]}
        pip = [python, "-m", "pip", "install", "-q", "--no-cache-dir", "cookiecutter", "uv"]
        take("tools", pip, empty)
        bake("ours, cold", TEMPLATE, python=python, PATH=path, UV_CACHE_DIR=caches[0])
        test = [venv / "bin" / "uv", "run", "pytest", "-q"]
        take("ours, tests", test, empty, workshop.folder / "baked" / SLUG)
        bake("theirs, cold", theirs, python=python, PATH=path, UV_CACHE_DIR=caches[1])
    else:
        kinds = ("tools", "ours, cold", "ours, tests", "theirs, cold")
        missing |= dict.fromkeys(kinds, "only a full run starts from nothing")
    for number in range(pace.few_rounds + 1):
        for name, template in (("ours", TEMPLATE), ("theirs", theirs)):
            bake(f"{name}, files", template, "--accept-hooks", "no")
            bake(name, template)
        bake("ours, quick", TEMPLATE, "verification=quick")
        if number == 0:  # has downloaded what the others then have
            for kind in [kind for kind in bakes if not kind.endswith(("cold", "tests", "tools"))]:
                del bakes[kind]
    return bakes, missing
