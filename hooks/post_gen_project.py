"""Finish a new project: its log folder, its .env, a check of its logging, the next commands."""

import sys

if __name__ == "__main__":
    # The hook runs from the shared temporary folder, where anyone may have put a module.
    sys.path.pop(0)

import logging.config
import os
import re
import runpy
import secrets
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

# The only line that Jinja fills: as a literal, an answer cannot become code.
# This file stays behind in the temporary folder: it must hold no secret.
# Nothing below reads a key that begins with _: under cruft, some of them are missing.
ANSWERS: dict[str, Any] = {{dict(cookiecutter)}}  # type: ignore  # noqa: F821, PGH003

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")

# Files that an answer leaves out.
LEFT_OUT = {("log_rotation", "size"): ("deploy/logrotate.conf",)}


class HookError(Exception):
    """A reason to fail the bake, in words for the person who bakes."""


def remove_left_out(answers: Mapping[str, Any], project: Path) -> None:
    """Delete the files that these answers do not need."""
    for (key, value), names in LEFT_OUT.items():
        for name in names if answers[key] == value else ():
            (project / name).unlink(missing_ok=True)


def create_log_dir(log_dir: Path) -> None:
    """Create the log folder, for its owner and group alone; one that is there stays as it is."""
    try:
        if not log_dir.is_dir():
            log_dir.mkdir(parents=True)
            log_dir.chmod(0o750)  # mkdir's own mode would be subject to the umask
    except OSError as error:
        raise HookError(f"The log folder cannot be created: {error}.") from error


def write_env(project: Path) -> None:
    """Write .env from .env.example with a fresh SECRET_KEY; one that is there stays as it is."""
    example = project / ".env.example"
    text = example.read_text(encoding="utf-8") if example.is_file() else ""
    # The letters of token_urlsafe have no meaning to django-environ, which $ and # have.
    line = f"SECRET_KEY={secrets.token_urlsafe(50)}"
    text, filled = re.subn(r"^SECRET_KEY=.*$", line, text, count=1, flags=re.MULTILINE)
    if not filled:
        raise HookError("The settings cannot be written to .env: .env.example has no SECRET_KEY=.")
    with suppress(FileExistsError):
        descriptor = os.open(project / ".env", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as env:
            env.write(text)


def load_logging_config(answers: Mapping[str, Any], project: Path) -> dict[str, Any]:
    """Return what the project's observability/logging_config.py makes of the answers."""
    # Not by an import, which would leave a __pycache__ behind.
    module = runpy.run_path(str(project / "observability" / "logging_config.py"))
    return module["logging_config"](  # type: ignore[no-any-return]
        namespace=answers["namespace"],
        level=answers["log_level"],
        error_level=answers["error_log_level"],
        handlers=answers["handlers"].split("+"),
        log_dir=answers["log_dir"],
        rotation=answers["log_rotation"],
    )


def levels_taken(config: dict[str, Any], namespace: str) -> dict[str | None, list[str]]:
    """Log at every level; return the levels that each handler took, in their order.

    Handlers of the standard library stand in for the project's, which need its packages; its
    filters are left out. A handler without a formatter writes no line, and does not count.
    """
    stand_in = {"class": "logging.handlers.MemoryHandler", "capacity": 100, "flushLevel": 100}
    own = config["handlers"]
    kept = ("level", "formatter")
    handlers = {name: {**stand_in, **{key: own[name].get(key) for key in kept}} for name in own}
    for logger in (config["root"], *config["loggers"].values()):
        logger.pop("filters", None)
    plain = {"handlers": handlers, "formatters": {name: {} for name in config["formatters"]}}
    logging.config.dictConfig({**config, **plain, "filters": {}})
    taken: dict[str | None, list[str]] = {name: [] for name in own if "formatter" in own[name]}
    both = [logging.getLogger(namespace), logging.getLogger(f"{namespace}.audit")]
    for each in both:
        for level in LEVELS:
            each.log(getattr(logging, level), "probe")
    for handler in both[0].handlers + both[1].handlers:
        taken[handler.name] = [record.levelname for record in handler.buffer]  # type: ignore[attr-defined]
    return taken


def verify_quick(answers: Mapping[str, Any], project: Path) -> list[str]:
    """Check that each handler asked for takes its levels, once; return a row for each."""
    lowest = dict.fromkeys(answers["handlers"].split("+"), answers["log_level"])
    if "error_file" in lowest:
        lowest["error_file"] = answers["error_log_level"]
    expected = {name: [*LEVELS[LEVELS.index(level) :]] * 2 for name, level in lowest.items()}
    if "file" in lowest:  # the audit file comes with it, and hears one of the two loggers
        expected["audit_file"] = [*LEVELS[LEVELS.index("INFO") :]]
    try:
        taken = levels_taken(load_logging_config(answers, project), answers["namespace"])
        if taken != expected:
            raise ValueError(f"its handlers took {taken}, not {expected}")  # noqa: TRY301
    except Exception as error:  # whatever a broken configuration raises, say it in one line
        why = f"observability/logging_config.py does not work: {type(error).__name__}: {error}."
        raise HookError(why) from error
    return [f"  {name:<11} {levels[0]} and above" for name, levels in expected.items()]


def child_environment(project: Path) -> dict[str, str]:
    """Return the environment without what would stand in for the project's own settings."""
    foreign = {"VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "DJANGO_SETTINGS_MODULE"}
    foreign |= {*re.findall(r"(?m)^#? ?([A-Z_]+)=", (project / ".env.example").read_text("utf-8"))}
    return {name: value for name, value in os.environ.items() if name not in foreign}


def verify_full(project: Path) -> str:
    """Install the project and let it prove its logging; or say why it could not."""
    uv = shutil.which("uv")
    if uv is None:
        return "Without uv"
    run = partial(subprocess.run, cwd=project, env=child_environment(project), check=False)
    if run([uv, "sync"]).returncode:
        return "As uv could not install the project"
    manage = [uv, "run", "--no-sync", "python", "manage.py"]
    checked = run([*manage, "check"], capture_output=True, encoding="utf-8", errors="replace")
    if checked.returncode:
        print(checked.stdout, checked.stderr, file=sys.stderr)
        raise HookError("manage.py check failed: its reason stands above.")
    if run([*manage, "verify_logging"]).returncode:
        raise HookError("manage.py verify_logging failed: its reason stands above.")
    return ""


def next_steps(project: Path) -> str:
    """Return the commands that bring the project up, from where Cookiecutter was called."""
    here = os.path.realpath(os.environ.get("PWD", "")) == str(project.parent)
    steps = [f"cd {shlex.quote(project.name if here else str(project))}"]
    steps += [] if shutil.which("uv") else ["python -m pip install uv"]
    steps += ["uv run python manage.py migrate", "uv run python manage.py runserver"]
    return "\n".join(["Next:", *(f"  {step}" for step in steps)])


def main() -> int:
    """Finish the project; return the exit code."""
    project = Path.cwd()
    log_dir = project / ANSWERS["log_dir"]
    try:
        remove_left_out(ANSWERS, project)
        create_log_dir(log_dir)
        write_env(project)
        rows = verify_quick(ANSWERS, project)
        missing = verify_full(project) if ANSWERS["verification"] == "full" else "As asked"
    except (HookError, KeyboardInterrupt) as error:
        print(f"The project was not made. {error}", file=sys.stderr)
        return 1
    if missing:  # otherwise verify_logging has printed what it proved
        print(f"{missing}, only the configuration was checked:", *rows, sep="\n")
        print("To prove the handlers themselves: uv run python manage.py verify_logging")
    print(f"Log files: {log_dir}" if "file" in ANSWERS["handlers"] else "Log lines: the console.")
    print(next_steps(project))
    return 0


if __name__ == "__main__":
    # Paths may hold what the console cannot show; lines keep their order with uv's.
    sys.stdout.reconfigure(errors="backslashreplace", line_buffering=True)  # type: ignore[union-attr]
    sys.exit(main())
