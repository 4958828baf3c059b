"""How long making a project takes, beside cookiecutter-django: to its files, lines and tests."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from .workshop import TEMPLATE, Workshop

THEIRS = "gh:cookiecutter/cookiecutter-django"
RELEASES = ("2026.8.18", "2026.03.27")  # the newest, and the last that takes Python 3.13

_FILES_ALONE = ("--accept-hooks", "no")
_UNPROVEN = "only the configuration was checked"  # our hook's words when it could not install
_PATIENCE = 900


class NotMeasuredError(Exception):
    """Why something cannot be measured here, in words for the page."""


class Times:
    """Seconds by kind of bake, and in words why a kind has none."""

    def __init__(self) -> None:
        """Start with nothing measured."""
        self.seconds: dict[str, list[float]] = {}
        self.missing: dict[str, str] = {}

    def take(self, kind: str, measured: Callable[[], float]) -> None:
        """Keep what this measures, unless this kind could not be measured before."""
        if kind in self.missing:
            return
        try:
            self.seconds.setdefault(kind, []).append(measured())
        except NotMeasuredError as error:
            del self.seconds[kind]
            self.missing[kind] = str(error)


def measure(workshop: Workshop, rounds: int, source: str, *, cold: bool) -> dict[str, Any]:
    """Return the seconds of every kind of bake, interleaved, and of the ways from nothing."""
    times = Times()
    release, passed_over = _newest_that_bakes(workshop, source)
    theirs = _clone_folder(workshop, release or RELEASES[0])
    if not theirs.exists():
        times.missing["theirs, files"] = passed_over[RELEASES[0]]
    if not release:
        times.missing["theirs"] = passed_over[RELEASES[0]]
    if cold:
        _from_nothing(workshop, times, theirs)
    else:
        kinds = ("tools", "ours, cold", "ours, tests", "theirs, cold")
        times.missing |= dict.fromkeys(kinds, "only a full run starts from nothing")
    bakes = (
        ("ours, files", TEMPLATE, _FILES_ALONE),
        ("ours, quick", TEMPLATE, ("verification=quick",)),
        ("ours", TEMPLATE, ()),
        ("theirs, files", theirs, _FILES_ALONE),
        ("theirs", theirs, ()),
    )
    for template in (TEMPLATE, theirs):
        with suppress(NotMeasuredError):
            _bake(workshop, template)  # downloads what the rounds then have
    for _ in range(rounds):
        for kind, template, options in bakes:
            times.take(kind, lambda: _bake(workshop, template, *options))  # noqa: B023
    return {
        "bakes": times.seconds,
        "missing": times.missing,
        "release": release or RELEASES[0],
        "passed_over": passed_over,
        "no_downloads": os.environ.get("UV_PYTHON_DOWNLOADS") == "never",
    }


def _from_nothing(workshop: Workshop, times: Times, theirs: Path) -> None:
    """Time the README's first command and the tests, with empty caches and a new environment."""
    venv = workshop.new_folder("from-nothing")
    subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    environment = workshop.bare_environment(UV_CACHE_DIR=str(workshop.new_folder("uv-cache")))
    environment["PATH"] = f"{venv / 'bin'}:{environment['PATH']}"
    python = str(venv / "bin" / "python")
    install = [python, "-m", "pip", "install", "-q", "--no-cache-dir", "cookiecutter", "uv"]
    test = [str(venv / "bin" / "uv"), "run", "pytest", "-q"]
    project = workshop.folder / "baked" / "ecommerce"
    times.take("tools", lambda: _seconds(install, environment))
    times.take("ours, cold", lambda: _bake(workshop, TEMPLATE, python=python, env=environment))
    times.take("ours, tests", lambda: _seconds(test, environment, project))
    environment["UV_CACHE_DIR"] = str(workshop.new_folder("uv-cache-of-theirs"))
    times.take("theirs, cold", lambda: _bake(workshop, theirs, python=python, env=environment))


def _newest_that_bakes(workshop: Workshop, source: str) -> tuple[str | None, dict[str, str]]:
    """Return the release of cookiecutter-django to measure, and why not a newer one."""
    passed_over: dict[str, str] = {}
    for release in RELEASES:
        try:
            _clone(workshop, source, release)
            _bake(workshop, _clone_folder(workshop, release))
        except NotMeasuredError as error:
            passed_over[release] = str(error)
        else:
            return release, passed_over
    return None, passed_over


def _clone_folder(workshop: Workshop, release: str) -> Path:
    return workshop.folder / f"cookiecutter-django-{release}"


def _clone(workshop: Workshop, source: str, release: str) -> None:
    folder = _clone_folder(workshop, release)
    if folder.exists():
        return
    url = f"https://github.com/{source[3:]}.git" if source.startswith("gh:") else source
    command = ["git", "-c", "advice.detachedHead=false", "clone", "--quiet", "--branch", release]
    _seconds([*command, url, str(folder)], workshop.bare_environment(GIT_TERMINAL_PROMPT="0"))


def _bake(
    workshop: Workshop,
    template: Path,
    *options: str,
    python: str = sys.executable,
    env: dict[str, str] | None = None,
) -> float:
    """Return the seconds of one bake with its default answers; the project stays in `baked`."""
    command = [python, "-m", "cookiecutter", str(template), "--no-input", *options]
    command += ["--output-dir", str(workshop.new_folder("baked"))]
    cache = str(workshop.folder / "uv-cache")
    return _seconds(command, env or workshop.bare_environment(UV_CACHE_DIR=cache))


def _seconds(command: list[str], environment: dict[str, str], folder: Path | None = None) -> float:
    """Return the seconds that a command takes which does all that it is for."""
    started = time.perf_counter()
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_PATIENCE,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotMeasuredError(f"{Path(command[0]).name}: {type(error).__name__}") from error
    seconds = time.perf_counter() - started
    lines = (done.stderr + done.stdout).strip().splitlines() or ["it failed without a word"]
    if done.returncode:
        said = [line for line in lines if line.startswith(("error: ", "fatal: ", "ERROR: "))]
        raise NotMeasuredError(said[0] if said else lines[-1])
    if unproven := [
        line for line in lines if _UNPROVEN in line and not line.startswith("As asked")
    ]:
        raise NotMeasuredError(unproven[0])
    return seconds
