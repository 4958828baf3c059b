"""Refuse answers that would make a broken or unsafe project, and print the command that mends them.

Cookiecutter makes the project's folder before it runs this hook. So that no answer can put it
elsewhere, `__project_slug_contained` in cookiecutter.json takes the separators out of the slug
and `__project_slug_given` keeps what was typed, for the refusal below.
"""

import sys

if __name__ == "__main__":
    # The hook runs from the shared temporary folder, where anyone may have put a module.
    sys.path.pop(0)

import keyword
import os
import re
import shlex
import subprocess
import unicodedata
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

# The only line that Jinja fills: as a literal, an answer cannot become code.
ANSWERS: dict[str, Any] = {{dict(cookiecutter)}}  # type: ignore  # noqa: F821, PGH003

NAMESPACE_LENGTH = 40  # keeps the longest lines of the project within its line length
SLUG_LENGTH = 100
OLDEST_PYTHON = {"5.2": (3, 11), "6.1": (3, 12)}
NEWEST_PYTHON = (3, 15)

# What stands at the top of the project, and the labels of its Django applications.
PROJECT_NAMES = frozenset(
    "config tests test docs deploy staticfiles manage products observability logging_helper "
    "admin auth contenttypes humanize messages sessions sites .git .github .venv .env "
    ".env.example .gitignore .dockerignore .python-version dockerfile compose.yaml manage.py "
    "pyproject.toml readme.md uv.lock db.sqlite3".split()
)
# What the project installs, by import name, and by distribution name where the two differ.
INSTALLED_NAMES = frozenset(
    "amqp asgiref ast_serialize attr attrs auditlog axes billiard celery click "
    "concurrent_log_handler django django_auditlog django_axes django_environ django_request_id "
    "django_stubs django_stubs_ext djangorestframework djangorestframework_stubs drf_spectacular "
    "drf_spectacular_sidecar drf_standardized_errors environ gunicorn h11 httptools inflection "
    "iniconfig jsonschema jsonschema_specifications kombu librt mypy mypy_django_plugin "
    "mypy_drf_plugin mypy_extensions opentelemetry orjson packaging pathspec pip pkg_resources "
    "pluggy portalocker psycopg psycopg_binary psycopg_pool pygments pytest pytest_django "
    "python_json_logger pythonjsonlogger pyyaml redis referencing request_id rest_framework rich "
    "rpds ruff schemathesis setuptools sqlparse starlette types_jsonschema types_pyyaml "
    "typing_extensions tzdata uritemplate uvicorn uvloop watchfiles websockets whitenoise "
    "yaml".split()
)
WINDOWS_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
CONTROL_CATEGORIES = frozenset(["Cc", "Cs", "Zl", "Zp"])
# They turn the reading direction, so that code can look like other code.
DIRECTION_MARKS = frozenset(["LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"])


class Refusal(NamedTuple):
    """One answer that cannot be used, why, and one that can."""

    key: str
    why: str
    instead: str


def wrong_text(text: str) -> str:
    """Say why a text is not one line of plain characters; nothing when it is."""
    return "" if to_plain(text) == text else "it holds control characters or line breaks"


def wrong_name(name: str) -> str:
    """Say why a text cannot be the project's name; nothing when it can."""
    return wrong_text(name) or ("" if name.strip() else "it is blank")


def wrong_slug(slug: str) -> str:
    """Say why a slug cannot name one folder on every system; nothing when it can."""
    if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?", slug) or ".." in slug:
        return "it must be one folder's name: letters and digits, with single . _ - between them"
    if len(slug) > SLUG_LENGTH:
        return f"it is longer than {SLUG_LENGTH} characters"
    if WINDOWS_DEVICES.fullmatch(slug):
        return "Windows keeps that name for a device"
    if re.sub(r"[._-]+", "_", slug).lower() in INSTALLED_NAMES:
        return "the project installs a package of that name"
    return ""


def wrong_namespace(namespace: str) -> str:
    """Say why Python could not import a namespace, or what it hides; nothing when all is well."""
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", namespace):
        return "it is no Python name: letters, digits and _ only, beginning with a letter"
    if len(namespace) > NAMESPACE_LENGTH:
        return f"it is longer than {NAMESPACE_LENGTH} characters"
    if keyword.iskeyword(namespace):
        return "it is a Python keyword"
    # Without regard to case, as folders on macOS and Windows are.
    if namespace.lower() in PROJECT_NAMES | {"logs"}:
        return "the project has a folder, module or application of that name"
    if namespace.lower() in {name.lower() for name in INSTALLED_NAMES | sys.stdlib_module_names}:
        return "it hides a module of that name, in the standard library or installed"
    return ""


def wrong_log_dir(log_dir: str, *, namespace: str, project: Path) -> str:
    """Say why log files cannot be kept in a folder; nothing when they can."""
    anchor = Path(log_dir).anchor
    parts = log_dir[len(anchor) :].replace(os.sep, "/").split("/")
    if anchor == "//" or any(part in {"", ".", ".."} for part in parts):
        return "it holds an empty part, or a dot part (. or ..)"
    if not all(re.fullmatch(r"[\w.+@-]([\w .+@-]*[\w+@-])?", part) for part in parts):
        return "only letters, digits, spaces and . _ - + @ may stand between /: no drive, no ~"
    place = Path(os.path.realpath(project / log_dir))
    if place.is_relative_to(project):
        first = "".join(place.relative_to(project).parts[:1]).lower()
        own = first in PROJECT_NAMES | {"", namespace.lower()}
        return "the project keeps its own files there" if own else ""
    nearest = next(parent for parent in (place, *place.parents) if os.path.lexists(parent))
    if nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK):
        return ""
    return f"it cannot be created or written: {nearest} is no folder that you can write to"


def wrong_django(version: str) -> str:
    """Say why a Django version cannot run here: no Python is new enough; nothing when one is."""
    oldest = OLDEST_PYTHON.get(version, min(OLDEST_PYTHON.values()))
    needed = ".".join(map(str, oldest))
    minors = range(oldest[1], NEWEST_PYTHON[1] + 1)
    commands = [[f"python3.{minor}", "-c", ""] for minor in minors]
    commands += [["uv", "python", "find", "--no-python-downloads", f">={needed}"]]
    if sys.version_info >= oldest or any(map(succeeds, commands)):
        return ""
    return f"it needs Python {needed} or newer, and none was found"


def succeeds(command: list[str]) -> bool:
    """Run a command to see if it works: pyenv puts launchers on the path that do not."""
    try:
        return subprocess.run(command, check=False, capture_output=True, timeout=20).returncode == 0
    except (OSError, subprocess.SubprocessError):
        return False


def to_plain(text: str) -> str:
    """Put a space for every character that cannot stand as it is in TOML, Python, JSON or YAML."""

    def plain(character: str) -> bool:
        return (
            unicodedata.category(character) not in CONTROL_CATEGORIES
            and unicodedata.bidirectional(character) not in DIRECTION_MARKS
            and ord(character) & 0xFFFE != 0xFFFE
        )

    return "".join(character if plain(character) else " " for character in text)


def to_words(text: str, separator: str, length: int) -> str:
    """Join the ASCII words of a text by a separator, in lower case and cut to a length."""
    words = re.sub(r"[^A-Za-z0-9]+", separator, text).strip(separator).lower()
    return words[:length].strip(separator)


def refusals(answers: dict[str, Any], project: Path) -> list[Refusal]:
    """List everything that is wrong with the answers, each with a replacement that is right."""
    name, slug = answers["project_name"], answers["__project_slug_given"]
    namespace = to_words(answers["namespace"], "_", NAMESPACE_LENGTH - len("_service"))
    packages = [namespace, f"{namespace}_service", f"app_{namespace}", "service"]
    folder = to_words(slug, "-", SLUG_LENGTH - len("-service"))
    log_parts = [part.strip(" ~") for part in re.split(r"[/\\:]", answers["log_dir"])]
    log_dir = "/".join(part for part in log_parts if part.strip(". "))
    rule = partial(wrong_log_dir, namespace=answers["namespace"], project=project)
    checks: list[tuple[str, str, Callable[[str], str], list[str]]] = [
        ("project_name", name, wrong_name, [" ".join(to_plain(name).split()), "Service"]),
        ("project_slug", slug, wrong_slug, [folder, f"{folder}-service", "project"]),
        ("description", answers["description"], wrong_text, [to_plain(answers["description"])]),
        ("namespace", answers["namespace"], wrong_namespace, packages),
        ("log_dir", answers["log_dir"], rule, [log_dir, "logs", "log"]),
        ("django_version", answers["django_version"], wrong_django, ["5.2"]),
    ]
    return [
        Refusal(key, why, next((each for each in instead if not wrong(each)), instead[-1]))
        for key, answer, wrong, instead in checks
        if (why := wrong(answer))
    ]


def quoted_for_jinja(value: str) -> str:
    """Write a value so that Cookiecutter, which renders the command line, gives it back."""
    if not any("{" + mark in value for mark in "#%{"):
        return value
    return value.replace("{", "{" * 2 + " '{' " + "}" * 2)


def corrected_command(answers: dict[str, Any], found: list[Refusal]) -> str:
    """Build the command that repeats the whole dialogue with the refused answers mended."""
    mended = {**answers, **{refusal.key: refusal.instead for refusal in found}}
    command = ["cookiecutter", answers["_template"], "--no-input"]
    if answers.get("_checkout"):
        command += ["--checkout", answers["_checkout"]]
    if answers["_output_dir"] != os.environ.get("PWD"):
        command += ["--output-dir", answers["_output_dir"]]
    keys = [key for key in answers if not key.startswith("_")]
    command += [f"{key}={quoted_for_jinja(mended[key])}" for key in keys]
    return subprocess.list2cmdline(command) if os.name == "nt" else shlex.join(command)


def main() -> int:
    """Print a line for each refused answer, then the corrected command; return the exit code."""
    found = refusals(ANSWERS, Path(os.path.realpath(Path.cwd())))
    given = {**ANSWERS, "project_slug": ANSWERS["__project_slug_given"]}
    for refusal in found:
        print(f"{refusal.key} {given[refusal.key]!r}: {refusal.why}.", file=sys.stderr)
    if found:
        print(f"\nThis would work:\n  {corrected_command(ANSWERS, found)}\n", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
