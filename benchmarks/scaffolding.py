"""How long making a project takes: a bare bake, with quick and full verification, to the end."""

import shutil
import subprocess
import sys
import time
from pathlib import Path

from .workshop import TEMPLATE, Workshop

_BAKES = {
    "bare": ["--accept-hooks", "no"],
    "quick": ["--accept-hooks", "yes"],
    "full": ["--accept-hooks", "yes"],
}


def bakes(workshop: Workshop, rounds: int) -> dict[str, list[float]]:
    """Return the seconds of bare and quick bakes, interleaved."""
    seconds: dict[str, list[float]] = {"bare": [], "quick": []}
    for _ in range(rounds):
        for kind, times in seconds.items():
            times.append(_bake(workshop, kind))
    return seconds


def full_bakes(workshop: Workshop) -> dict[str, float]:
    """Return the seconds to a proven line, with nothing downloaded before and with all of it."""
    if not shutil.which("uv"):
        return {}
    cache = str(workshop.new_folder("uv-cache"))
    return {name: _bake(workshop, "full", UV_CACHE_DIR=cache) for name in ("cold", "warm")}


def test_run(workshop: Workshop) -> float:
    """Return the seconds that the tests of the project baked last take."""
    project = _folder(workshop) / "ecommerce"
    started = time.perf_counter()
    command = ["uv", "run", "python", "-m", "pytest", "-q"]
    cache = str(workshop.folder / "uv-cache")
    environment = workshop.environment(UV_CACHE_DIR=cache)
    for name in ("PYTHONPATH", "SECRET_KEY", "ALLOWED_HOSTS"):
        del environment[name]
    subprocess.run(command, cwd=project, check=True, env=environment, capture_output=True)
    return time.perf_counter() - started


def _folder(workshop: Workshop) -> Path:
    return workshop.folder / "baked"


def _bake(workshop: Workshop, kind: str, **settings: str) -> float:
    folder = workshop.new_folder("baked")
    command = [sys.executable, "-m", "cookiecutter", str(TEMPLATE), "--no-input"]
    command += ["--output-dir", str(folder), *_BAKES[kind]]
    command += [f"verification={'full' if kind == 'full' else 'quick'}"]
    environment = workshop.environment(**settings)
    del environment["PYTHONPATH"], environment["SECRET_KEY"], environment["ALLOWED_HOSTS"]
    started = time.perf_counter()
    subprocess.run(command, check=True, env=environment, capture_output=True)
    return time.perf_counter() - started
