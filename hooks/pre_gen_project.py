"""Refuse answers that would make a broken or unsafe project, and print a command that works.

Cookiecutter makes the project's folder before it runs this hook. So that no answer can put it
elsewhere, `__project_slug_contained` in cookiecutter.json takes the separators out of the slug
and `__project_slug_given` keeps what was typed, for the refusal below.
"""

import sys

if __name__ == "__main__":
    # The hook runs from the shared temporary folder, where anyone may have put a module.
    sys.path.pop(0)
    if sys.version_info < (3, 11):  # noqa: UP036 - Cookiecutter's Python may be an older one
        sys.exit("Python 3.11 or newer is needed: uvx --python 3.13 cookiecutter TEMPLATE")

import json
import keyword
import os
import re
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

# The only line that Jinja fills: as a literal, an answer cannot become code.
# Of the keys that Cookiecutter adds, cruft gives no _output_dir, but a _commit.
ANSWERS: dict[str, Any] = {{dict(cookiecutter)}}  # type: ignore  # noqa: F821, PGH003

# Of a namespace, so that the project's longest lines stay within its line length, and of a slug.
NAMESPACE_LENGTH, SLUG_LENGTH = 40, 100

# Of cookiecutter.json: what stands at the top of the project, and the labels of its applications;
# what it installs, always or for one answer, by import name, and by distribution name where that is
# another; what these packages import only where it is there, and modules of newer Pythons.
NAMES = {key: {*" ".join(lines).split()} for key, *lines in ANSWERS["_names"]}
CHOSEN = ["installed", *(f"{question} {answer}" for question, answer in ANSWERS.items())]
INSTALLED = {name for key in CHOSEN for name in NAMES.get(key, ())}
# The last two of every 65,536 code points are no characters.
NONCHARACTERS = "".join(chr(end - 2) + chr(end - 1) for end in range(0x10000, 0x110001, 0x10000))
# Control characters, line separators, marks that turn the reading direction (with them, code can
# look like other code) and halves of characters.
NOT_PLAIN = rf"[\0-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff{NONCHARACTERS}]"


def wrong_text(text: str) -> str:
    """Say why a text is not one line of plain characters; nothing when it is."""
    return "it holds control characters or line breaks" if re.search(NOT_PLAIN, text) else ""


def wrong_name(name: str) -> str:
    """Say why a text cannot be the project's name; nothing when it can."""
    return wrong_text(name) or ("" if name.strip() else "it is blank")


def wrong_slug(slug: str) -> str:
    """Say why a slug cannot name one folder on every system; nothing when it can."""
    if len(slug) > SLUG_LENGTH or not re.fullmatch(r"(?ai)[a-z\d](\.?[\w-])*(?<![_-])", slug):
        return f"it must be one folder's name: up to {SLUG_LENGTH} letters, digits and inner . _ -"
    if re.fullmatch(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?", slug):
        return "Windows keeps that name for a device"
    installed = re.sub(r"[._-]+", "_", slug).lower() in INSTALLED
    return "the project installs a package of that name" if installed else ""


def wrong_namespace(namespace: str) -> str:
    """Say why Python could not import a namespace, or what it hides; nothing when all is well."""
    if len(namespace) > NAMESPACE_LENGTH or not re.fullmatch(r"(?ai)[a-z]\w*", namespace):
        return f"it is no Python name: up to {NAMESPACE_LENGTH} of a-z, 0-9 and _, a letter first"
    if keyword.iskeyword(namespace):
        return "it is a Python keyword"
    name = namespace.lower()  # folders on macOS and Windows have no case
    if name in {*NAMES["project"], "logs"}:
        return "the project has a folder, module or application of that name"
    hidden = {*map(str.lower, sys.stdlib_module_names), *INSTALLED, *NAMES["optional"]}
    return "it hides a module that Python or an installed package imports" if name in hidden else ""


def wrong_log_dir(log_dir: str, namespace: str, project: Path) -> str:
    """Say why log files cannot be kept in a folder; nothing when they can."""
    anchor = Path(log_dir).anchor
    parts = log_dir[len(anchor) :].replace(os.sep, "/").split("/")
    if anchor == "//" or not {"", ".", ".."}.isdisjoint(parts):
        return "it holds an empty part, or a dot part (. or ..)"
    if not all(re.fullmatch(r"[\w.+@-]([\w .+@-]*[\w+@-])?", part) for part in parts):
        return "only letters, digits, spaces and . _ - + @ may stand between /: no drive, no ~"
    place = Path(os.path.realpath(project / log_dir))
    first = "".join(place.parts[len(project.parts) :][:1]).lower()
    if place.is_relative_to(project) and first in {"", namespace.lower(), *NAMES["project"]}:
        return "the project keeps its own files there"
    nearest = next(parent for parent in (place, *place.parents) if os.path.lexists(parent))
    writable = nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)
    return "" if writable else f"it cannot be created: {nearest} is no folder that you can write to"


def wrong_django(version: str) -> str:
    """Say why a Django version cannot run here: no Python is new enough; nothing when one is."""
    commands = [f'python3.{minor} -c ""' for minor in range(12, 16)]
    commands.append('uv python find --no-python-downloads ">=3.12"')
    # Run, not only looked for: pyenv puts launchers on the path that do not work.
    found = version == "5.2" or sys.version_info >= (3, 12) or succeeds(" || ".join(commands))
    return "" if found else "it needs Python 3.12 or newer, and none was found"


def is_update(answers: dict[str, Any], project: Path) -> bool:
    """Tell whether cruft renders a copy to compare, in a temporary folder that it will delete."""
    temporary = re.fullmatch(r"tmp[a-z0-9_]{8}", project.parent.name) is not None
    return "_commit" in answers and temporary and project.parents[1].samefile(tempfile.gettempdir())


def succeeds(command: str) -> bool:
    """Run a command in a shell, without its output; return whether it succeeds."""
    return subprocess.run(command, shell=True, check=False, capture_output=True).returncode == 0


def to_plain(text: str) -> str:
    """Put a space for what cannot stand as it is in TOML, Python, JSON or YAML."""
    return " ".join(re.sub(NOT_PLAIN, " ", text).split())


def to_words(text: str, separator: str, length: int) -> str:
    """Join the ASCII words of a text by a separator, in lower case and cut to a length."""
    return separator.join(re.findall(r"[a-z0-9]+", text.lower()))[:length].strip(separator)


def refusals(answers: dict[str, Any], project: Path) -> dict[str, tuple[str, str]]:
    """Return what is wrong with the answers, each with a replacement that is right."""
    word = to_words(answers["namespace"], "_", NAMESPACE_LENGTH - len("_service"))
    folder = to_words(answers["project_slug"], "-", SLUG_LENGTH - len("-service"))
    log_dir = "/".join(re.findall(r"[^/\\:~ .][^/\\:~]*", answers["log_dir"]))
    own = (answers["namespace"], project)
    rules: dict[str, tuple[Callable[[str], str], list[str]]] = {
        "project_name": (wrong_name, [to_plain(answers["project_name"]), "Service"]),
        "project_slug": (wrong_slug, [folder, f"{folder}-service", "project"]),
        "description": (wrong_text, [to_plain(answers["description"])]),
        "namespace": (wrong_namespace, [word, f"{word}_service", f"app_{word}", "service"]),
        "log_dir": (lambda text: wrong_log_dir(text, *own), [log_dir, "logs"]),
        "django_version": (wrong_django, ["5.2"]),
    }
    if is_update(answers, project):  # what this machine can do is not asked again
        del rules["log_dir"], rules["django_version"]
    # The reason against an answer that can be used is empty, and so the least of all.
    found = {key: (wrong(answers[key]), min(new, key=wrong)) for key, (wrong, new) in rules.items()}
    return {key: (why, instead) for key, (why, instead) in found.items() if why}


def corrected_command(answers: dict[str, Any], project: Path) -> str:
    """Build the command that gives these answers."""
    # Cookiecutter renders what it is given: write { so that this gives it back.
    brace = "{" * 2 + " '{' " + "}" * 2
    given = {key: re.sub(r"\{(?=[%#{])", brace, answers[key]) for key in answers if key[0] != "_"}
    command = ["cruft", "create"] if "_commit" in answers else ["cookiecutter"]
    command += [answers.get("_template", "TEMPLATE"), "--no-input"]
    if answers.get("_checkout"):
        command += ["--checkout", answers["_checkout"]]
    if os.path.realpath(os.environ.get("PWD", "")) != str(project.parent):
        command += ["--output-dir", str(project.parent)]
    pairs = [f"{key}={answer}" for key, answer in given.items()]
    command += ["--extra-context", json.dumps(given)] if "_commit" in answers else pairs
    return subprocess.list2cmdline(command) if os.name == "nt" else shlex.join(command)


def main() -> str:
    """Return a line for each refused answer and the corrected command; nothing if all is well."""
    project = Path.cwd().resolve()
    if shutil.disk_usage(project).free < 10_000_000:
        return f"There is no space left in {project.parent}: the project needs 10 MB."
    typed = ANSWERS.get("__project_slug_given", ANSWERS["project_slug"])
    answers = {**ANSWERS, "project_slug": typed}
    found = refusals(answers, project)
    lines = [f"{key} {answers[key]!r}: {why}." for key, (why, _) in found.items()]
    better = {**answers, **{key: instead for key, (_, instead) in found.items()}}
    lines += ["", "This would work:", f"  {corrected_command(better, project)}", ""]
    return "\n".join(lines) if found else ""


if __name__ == "__main__":
    try:
        sys.exit(main() or 0)  # a text goes to stderr, and the exit code is 1
    except KeyboardInterrupt:  # Cookiecutter would leave the folder, and refuse it the next time
        with suppress(OSError):  # one that holds files was there before, and stays
            Path.cwd().rmdir()
        sys.exit(1)
