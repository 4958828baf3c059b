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
import tempfile
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

# The only line that Jinja fills: as a literal, an answer cannot become code.
# This file stays behind in the temporary folder: it must hold no secret.
# Of the keys that Cookiecutter adds, cruft gives no _output_dir, but a _commit.
ANSWERS: dict[str, Any] = {{dict(cookiecutter)}}  # type: ignore  # noqa: F821, PGH003

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
# A question, answers to it, and the files that these leave out. {} is the namespace's folder.
LEFT_OUT = [
    ("log_rotation", "size", "deploy/logrotate.conf"),
    ("handlers", "console", "deploy/logrotate.conf"),
    ("task_queue", "none", "{}/products/tasks.py docs/tasks.md tests/test_tasks.py"),
    ("task_queue", "none", "observability/tasks.py"),
    ("task_queue", "none django-tasks", "observability/celery_tasks.py config/celery.py"),
    ("task_queue", "none celery", "observability/django_tasks.py"),
    ("telemetry", "none", "observability/otlp.py observability/telemetry.py docs/telemetry.md"),
    ("log_shipper", "none", "deploy/compose.shipping.yaml deploy/fluent-bit.yaml"),
    ("log_shipper", "none", "deploy/rsyslog.conf docs/shipping.md"),
    ("log_shipper", "none loki datadog splunk otlp", "deploy/elasticsearch-template.json"),
    ("log_shipper", "none elasticsearch datadog splunk otlp", "deploy/grafana-alerts.yaml"),
    ("log_shipper", "none elasticsearch datadog splunk otlp", "deploy/grafana-dashboard.json"),
]


class HookError(Exception):
    """A reason to fail the bake, in words for the person who bakes."""


def is_update(answers: dict[str, Any], project: Path) -> bool:
    """Tell whether cruft renders a copy to compare, in a temporary folder that it will delete."""
    temporary = re.fullmatch(r"tmp[a-z0-9_]{8}", project.parent.name) is not None
    return "_commit" in answers and temporary and project.parents[1].samefile(tempfile.gettempdir())


def remove_left_out(answers: dict[str, Any], project: Path) -> None:
    """Delete the files that these answers leave out."""
    for question, without, names in LEFT_OUT:
        for name in names.split() if answers[question] in without.split() else ():
            (project / name.format(answers["namespace"])).unlink(missing_ok=True)


def create_log_dir(log_dir: Path) -> None:
    """Create the log folder, for its owner and group alone; one that is there stays as it is."""
    if not log_dir.is_dir():
        log_dir.mkdir(parents=True)
        log_dir.chmod(0o750)  # mkdir's own mode would be subject to the umask


def write_env(project: Path) -> None:
    """Write .env from .env.example with a fresh SECRET_KEY; one that is there stays as it is."""
    text = (project / ".env.example").read_text(encoding="utf-8")
    # The letters of token_urlsafe have no meaning to django-environ, which $ and # have.
    line = f"SECRET_KEY={secrets.token_urlsafe(50)}"
    with suppress(FileExistsError):
        (project / ".env").touch(mode=0o600, exist_ok=False)
        (project / ".env").write_text(re.sub(r"(?m)^SECRET_KEY=.*$", line, text), encoding="utf-8")


def levels_taken(answers: dict[str, Any], project: Path) -> dict[str | None, list[str]]:
    """Log at every level; return the levels that each handler took, in their order.

    The configuration is the one that observability/logging_config.py makes of the answers.
    Handlers of the standard library stand in for the project's, which need its packages, and its
    filters let all through.
    """
    # Not by an import, which would leave a __pycache__ behind.
    module = runpy.run_path(str(project / "observability" / "logging_config.py"))
    names = {"level": "log_level", "error_level": "error_log_level", "rotation": "log_rotation"}
    given = {key: answers[names.get(key, key)] for key in (*names, "namespace", "log_dir")}
    config = module["logging_config"](handlers=answers["handlers"].split("+"), **given)
    for name, handler in config["handlers"].items():
        own = {key: handler.get(key) for key in ("level", "formatter")} | {"capacity": 100}
        config["handlers"][name] = {"class": "logging.handlers.MemoryHandler", **own}
    config |= {part: {name: {} for name in config[part]} for part in ("filters", "formatters")}
    logging.config.dictConfig(config)
    both = [logging.getLogger(answers["namespace"] + name) for name in ("", ".audit")]
    for logger in both:
        for level in LEVELS:
            logger.log(getattr(logging, level), "probe")
    attached: list[Any] = both[0].handlers + both[1].handlers
    return {each.name: [record.levelname for record in each.buffer] for each in attached}


def verify_quick(answers: dict[str, Any], project: Path) -> list[str]:
    """Check that each handler asked for takes its levels, once; return a row for each."""
    own = {"error_file": answers["error_log_level"]}
    lowest = {name: own.get(name, answers["log_level"]) for name in answers["handlers"].split("+")}
    expected = {name: [*LEVELS[LEVELS.index(level) :]] * 2 for name, level in lowest.items()}
    # The audit file comes with the file, and hears one of the two loggers.
    expected |= {"audit_file": [*LEVELS[LEVELS.index("INFO") :]]} if "file" in lowest else {}
    try:
        taken = levels_taken(answers, project)
        why = f"its handlers took {taken}, not {expected}" if taken != expected else ""
    except Exception as error:  # whatever a broken configuration raises, say it in one line
        why = f"{type(error).__name__}: {error}"
    if why:
        raise HookError(f"observability/logging_config.py does not work: {why}.")
    return [f"  {name:<11} {levels[0]} and above" for name, levels in expected.items()]


def child_environment(project: Path) -> dict[str, str]:
    """Return the environment without what would stand in for the project's own settings."""
    foreign = {"VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "DJANGO_SETTINGS_MODULE"}
    foreign |= {*re.findall(r"(?m)^#? ?([A-Z_]+)=", (project / ".env.example").read_text("utf-8"))}
    return {name: value for name, value in os.environ.items() if name not in foreign}


def verify_full(project: Path, log_dir: Path) -> str:
    """Install the project, let it prove its logging and print how; or say why it could not."""
    if not shutil.which("uv"):
        return "Without uv"
    run = partial(subprocess.run, cwd=project, env=child_environment(project), check=False)
    print("Installing with uv: seconds, or a minute on a slow network ...")
    if run(["uv", "sync", "--quiet"]).returncode:
        return "As uv could not install the project"
    manage = ["uv", "run", "--no-sync", "python", "manage.py", "verify_logging"]
    print("Proving the logging ...")
    ran = run(manage, capture_output=True, encoding="utf-8", errors="replace")
    # The probe that the console handler wrote is among the rows: it alone is an object.
    rows = "\n".join(line for line in ran.stdout.splitlines() if not line.startswith("{"))
    if ran.returncode:
        raise HookError(f"manage.py verify_logging failed:\n{rows}\n{ran.stderr}")
    print(rows.replace(f"{log_dir}{os.sep}", ""))
    return ""


def next_steps(project: Path, missing: str) -> str:
    """Return the commands that bring the project up, from where Cookiecutter was called."""
    here = os.path.realpath(os.environ.get("PWD", "")) == str(project.parent)
    steps = [f"cd {shlex.quote(project.name if here else str(project))}"]
    steps += [] if shutil.which("uv") else ["python -m pip install uv"]
    steps += ["uv run python manage.py verify_logging"] if missing else []
    steps += ["uv run python manage.py migrate", "uv run python manage.py runserver"]
    return "\n  ".join(["Next:", *steps]) + "\nThen see the API at http://127.0.0.1:8000/api/docs/"


def main() -> str:
    """Finish the project; return why it was not made, or nothing."""
    project = Path.cwd()
    log_dir = project / ANSWERS["log_dir"]
    try:
        remove_left_out(ANSWERS, project)
        rows = verify_quick(ANSWERS, project)
        if is_update(ANSWERS, project):
            return ""
        if "file" in ANSWERS["handlers"]:
            create_log_dir(log_dir)
        write_env(project)
        missing = "The project is whole. As you stopped its installation"
        with suppress(KeyboardInterrupt):
            full = ANSWERS["verification"] == "full"
            missing = verify_full(project, log_dir) if full else "As asked"
    except (HookError, OSError) as error:
        return f"The project was not made. {error}"
    if missing:
        print(f"{missing}, only the configuration was checked:", *rows, sep="\n")
    print(f"Log files: {log_dir}" if "file" in ANSWERS["handlers"] else "Log lines: the console.")
    print(next_steps(project, missing))
    return ""


if __name__ == "__main__":
    # Paths may hold what the console cannot show; lines keep their order with uv's.
    sys.stdout.reconfigure(errors="backslashreplace", line_buffering=True)  # type: ignore[union-attr]
    sys.exit(main() or 0)  # a text goes to stderr, and the exit code is 1
