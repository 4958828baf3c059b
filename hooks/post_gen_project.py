"""Finish a new project: its log folder, its .env, a check of its logging, the next commands."""

import sys

if __name__ == "__main__":
    # The hook runs from the shared temporary folder, where anyone may have put a module.
    sys.path.pop(0)

import io
import json
import logging
import logging.config
import os
import re
import runpy
import secrets
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

# The only line that Jinja fills: as a literal, an answer cannot become code.
# This file stays behind in the temporary folder: it must hold no secret.
ANSWERS: dict[str, Any] = {{dict(cookiecutter)}}  # type: ignore  # noqa: F821, PGH003

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
PROVE = "uv run python manage.py verify_logging"

# Files that an answer leaves out.
LEFT_OUT = {("log_rotation", "size"): ("deploy/logrotate.conf",)}


class HookError(Exception):
    """A reason to fail the bake, in words for the person who bakes."""


class StandInFormatter(logging.Formatter):
    """A JSON line of the standard library, where the project's own would need its packages."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line of JSON."""
        return json.dumps({"level": record.levelname, "event": record.getMessage()})


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
    try:
        example = (project / ".env.example").read_text(encoding="utf-8")
    except OSError as error:
        raise HookError(f"The settings cannot be written to .env: {error}.") from error
    # The letters of token_urlsafe have no meaning to django-environ, which $ and # have.
    line = f"SECRET_KEY={secrets.token_urlsafe(50)}"
    text, filled = re.subn(r"^SECRET_KEY=.*$", line, example, count=1, flags=re.MULTILINE)
    if not filled:
        raise HookError("The settings cannot be written to .env: .env.example has no SECRET_KEY=.")
    try:
        descriptor = os.open(project / ".env", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with os.fdopen(descriptor, "w", encoding="utf-8") as env:
        env.write(text)


def load_logging_config(answers: Mapping[str, Any], project: Path, log_dir: str) -> dict[str, Any]:
    """Return what the project's config/logging.py makes of the answers, with another folder."""
    module = runpy.run_path(str(project / "config" / "logging.py"))  # leaves no __pycache__
    return module["logging_config"](  # type: ignore[no-any-return]
        namespace=answers["namespace"],
        level=answers["log_level"],
        error_level=answers["error_log_level"],
        handlers=answers["handlers"].split("+"),
        log_dir=log_dir,
        rotation=answers["log_rotation"],
    )


def with_stand_ins(config: dict[str, Any], console: io.StringIO) -> dict[str, Any]:
    """Replace the classes that need packages, and the console, by the standard library's."""
    handlers: dict[str, Any] = {}
    for name, handler in config["handlers"].items():
        if "formatter" not in handler:  # writes no line: it makes records into other records
            handlers[name] = {"class": "logging.NullHandler"}
            continue
        kept = {key: handler[key] for key in ("level", "formatter", "filename") if key in handler}
        if "filename" in kept:
            handlers[name] = {**kept, "class": "logging.FileHandler", "encoding": "utf-8"}
        else:
            handlers[name] = {**kept, "class": "logging.StreamHandler", "stream": console}
    formatters = {name: {"()": StandInFormatter} for name in config["formatters"]}
    return {**config, "formatters": formatters, "handlers": handlers}


def check_landed(answers: Mapping[str, Any], landed: Mapping[str, str]) -> list[str]:
    """Check that each handler took JSON, from its level up, each record once; return the rows."""
    rows = []
    chosen = answers["handlers"].split("+")
    thresholds = dict.fromkeys(chosen, answers["log_level"])
    if "error_file" in chosen:
        thresholds["error_file"] = answers["error_log_level"]
    if "file" in chosen:
        thresholds["audit_file"] = "INFO"
    if set(landed) != set(thresholds):
        raise ValueError(f"it has the handlers {sorted(landed)}, not {sorted(thresholds)}")
    for name, threshold in thresholds.items():
        levels = [json.loads(line)["level"] for line in landed[name].splitlines()]
        expected = list(LEVELS[LEVELS.index(threshold) :])
        if name != "audit_file":  # which hears one of the two loggers
            expected *= 2
        if levels != expected:
            raise ValueError(f"the {name} handler took {levels}, not {expected}")
        rows.append(f"  {name:<11} {threshold} and above")
    return rows


def verify_quick(answers: Mapping[str, Any], project: Path) -> list[str]:
    """Load the rendered configuration, emit a record of each level; return a row per handler."""
    console = io.StringIO()
    with tempfile.TemporaryDirectory() as folder:
        try:
            config = with_stand_ins(load_logging_config(answers, project, folder), console)
            logging.config.dictConfig(config)
            for logger in (answers["namespace"], f"{answers['namespace']}.audit"):
                for level in LEVELS:
                    logging.getLogger(logger).log(getattr(logging, level), "probe")
            landed = {
                name: Path(handler["filename"]).read_text(encoding="utf-8")
                if "filename" in handler
                else console.getvalue()
                for name, handler in config["handlers"].items()
                if "formatter" in handler
            }
            return check_landed(answers, landed)
        except Exception as error:  # whatever a broken configuration raises, say it in one line
            why = f"{type(error).__name__}: {error}"
            raise HookError(f"config/logging.py does not work: {why}.") from error
        finally:
            logging.shutdown()


def child_environment(project: Path) -> dict[str, str]:
    """Return the environment without what would stand in for the project's own settings."""
    example = (project / ".env.example").read_text(encoding="utf-8")
    settings = set(re.findall(r"^#? ?([A-Z_]+)=", example, flags=re.MULTILINE))
    foreign = settings | {"VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "DJANGO_SETTINGS_MODULE"}
    return {name: value for name, value in os.environ.items() if name not in foreign}


def verify_full(project: Path) -> str:
    """Install the project and let it prove its logging; or say why it could not."""
    uv = shutil.which("uv")
    if uv is None:
        return "Without uv"
    environment = child_environment(project)
    if subprocess.run([uv, "sync"], cwd=project, env=environment, check=False).returncode:
        return "As uv could not install the project"
    command = [uv, "run", "--no-sync", *PROVE.split()[2:]]
    if subprocess.run(command, cwd=project, env=environment, check=False).returncode:
        raise HookError("manage.py verify_logging failed: its reason stands above.")
    return ""


def next_steps(answers: Mapping[str, Any], project: Path) -> str:
    """Return the commands that bring the project up, from where Cookiecutter was called."""
    here = os.environ.get("PWD") == answers["_output_dir"]
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
        full = ANSWERS["verification"] == "full"
        missing = verify_full(project) if full else "As asked"
    except (HookError, KeyboardInterrupt) as error:
        print(f"The project was not made. {error}", file=sys.stderr)
        return 1
    if missing:  # otherwise verify_logging has printed what it proved
        print(f"{missing}, only the configuration was checked: it loads, and stand-ins took")
        print("\n".join(rows))
        print(f"To prove the handlers themselves: {PROVE}")
    print(f"Log files: {log_dir}" if "file" in ANSWERS["handlers"] else "Log lines: the console.")
    print(next_steps(ANSWERS, project))
    return 0


if __name__ == "__main__":
    # Paths may hold what the console cannot show; lines keep their order with uv's.
    sys.stdout.reconfigure(errors="backslashreplace", line_buffering=True)  # type: ignore[union-attr]
    sys.exit(main())
