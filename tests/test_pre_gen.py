"""The rules of the pre-generation hook, one by one."""

import json
import re
import shlex
import stat
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.conftest import TEMPLATE, BakedProject

LoadHook = Callable[..., ModuleType]
RENDERED = TEMPLATE / "{{cookiecutter.project_slug}}"


@pytest.fixture
def hook(load_hook: LoadHook) -> Any:
    """Return the hook, rendered with the default answers."""
    return load_hook("pre_gen_project")


@pytest.fixture
def wrong_log_dir(hook: Any, tmp_path: Path) -> Callable[[str], str]:
    """Return the rule for log folders, in a project that lies in the temporary folder."""
    project = tmp_path / "project"
    project.mkdir()
    return lambda log_dir: hook.wrong_log_dir(log_dir, namespace="shop", project=project)


@pytest.mark.parametrize(
    "text",
    [
        "Ecommerce",
        'O\'Neil "&" <b>',
        "C:\\new",
        "магазин 中文 עברית",
        "👩‍💻 🏴󠁧󠁢󠁥󠁮󠁧󠁿",
        "{{ 7*7 }} $HOME %s",
    ],
)
def test_a_line_of_any_language_is_a_name(hook: Any, text: str) -> None:
    assert hook.wrong_name(text) == ""


@pytest.mark.parametrize(
    "character",
    ["\n", "\r", "\t", "\0", "\x1b", "\x7f", "\x85", "\u2028", "\u2029", "\u202e", "\u2066"]
    + ["\ud83d", "\udc80", "\ufffe", "\U0001ffff"],
    ids=ascii,
)
def test_a_character_that_breaks_a_line_or_a_file_is_refused(
    hook: Any,
    character: str,
) -> None:
    assert "control characters" in hook.wrong_text(f"a{character}b")
    assert hook.to_plain(f"a{character}b") == "a b"


@pytest.mark.parametrize("slug", ["shop", "my-shop", "my_shop", "My.Shop.v2", "2", "a" * 100])
def test_a_folder_name_is_a_slug(hook: Any, slug: str) -> None:
    assert hook.wrong_slug(slug) == ""


@pytest.mark.parametrize(
    "slug",
    ["", ".", "..", "../x", "a/b", "a\\b", "/a", "~", "C:a", "a..b", ".a", "a.", "-a", "_a", "a b"]
    + ["a\n", "é", "a$b", "con", "NUL", "com1.x", "Django", "djangorestframework", "request.id"]
    + ["a" * 101],
)
def test_what_cannot_name_a_folder_everywhere_is_no_slug(hook: Any, slug: str) -> None:
    assert hook.wrong_slug(slug)


@pytest.mark.parametrize(
    "namespace",
    ["shop", "a", "Shop", "shop_2", "match", "a" * 40]
    # Packages that other answers install, or none, and that nothing imports by their bare name.
    + ["celery", "kombu", "billiard", "amqp", "psycopg", "opentelemetry", "starlette"]
    + ["schemathesis", "watchfiles", "setuptools", "coreapi", "guardian", "bcrypt", "PIL"],
)
def test_an_identifier_is_a_namespace(hook: Any, namespace: str) -> None:
    assert hook.wrong_namespace(namespace) == ""


@pytest.mark.parametrize(
    "namespace",
    ["", "2nd", "my-shop", "my shop", "_shop", "café", "shop\n", "a.b", "a" * 41]
    + ["class", "None", "logging", "Logging", "test", "django", "Uvicorn", "rest_framework"]
    + ["request_id", "pythonjsonlogger", "config", "tests", "products", "docs", "logs", "auth"]
    + ["observability", "gunicorn", "manage", "requests", "Markdown", "dateutil", "idna", "py"]
    + ["jinja2", "numpy", "uvloop", "websockets", "compression", "annotationlib"],
)
def test_what_python_cannot_import_or_would_hide_is_no_namespace(
    hook: Any,
    namespace: str,
) -> None:
    assert hook.wrong_namespace(namespace)


@pytest.mark.parametrize("log_dir", ["logs", "var/log", "my logs", ".logs", "a+b@c/d-e_f", "Läden"])
def test_a_plain_relative_folder_takes_the_logs(
    wrong_log_dir: Callable[[str], str], log_dir: str
) -> None:
    assert wrong_log_dir(log_dir) == ""


@pytest.mark.parametrize(
    "log_dir",
    ["", ".", "..", "./logs", "logs/", "a//b", "../logs", "a/../../b", "//server/logs", "a\\b"]
    + ["C:logs", "C:/logs", "~", "~/logs", "$HOME/logs", "a\nb", " logs", "logs ", 'a"b', "a'b"]
    + ["a*", "a{b}", "a#b", "a;b"]
    + ["config", "Config/logs", "tests", "deploy/x", "docs", "shop", "SHOP/logs", ".git/logs"]
    + [".env", "manage.py", "README.md", "gunicorn.conf.py", "observability/logs"],
)
def test_another_relative_folder_does_not(
    wrong_log_dir: Callable[[str], str], log_dir: str
) -> None:
    assert wrong_log_dir(log_dir)


def test_an_absolute_folder_is_checked_and_not_created(
    wrong_log_dir: Callable[[str], str], tmp_path: Path
) -> None:
    assert wrong_log_dir(f"{tmp_path}/var/log/shop") == ""
    assert not (tmp_path / "var").exists()


def test_an_absolute_folder_must_not_lie_in_the_code(
    wrong_log_dir: Callable[[str], str], tmp_path: Path
) -> None:
    assert "its own files" in wrong_log_dir(f"{tmp_path}/project")
    assert "its own files" in wrong_log_dir(f"{tmp_path}/project/config")
    assert wrong_log_dir(f"{tmp_path}/project/logs") == ""


def test_an_absolute_folder_must_be_writable(
    hook: Any,
    wrong_log_dir: Callable[[str], str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hook.os, "access", lambda *_: False)  # root may write everywhere
    assert f"{tmp_path} is no folder that you can write to" in wrong_log_dir(f"{tmp_path}/logs")


def test_an_absolute_folder_cannot_lie_under_a_file(
    wrong_log_dir: Callable[[str], str], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    assert "cannot be created" in wrong_log_dir(f"{tmp_path}/file/logs")


@pytest.fixture
def only_python_3_11(
    hook: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[str, int], None]:
    """Hide every newer Python; return a function that puts a command on the path."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(hook.sys, "version_info", (3, 11, 7))

    def put(name: str, exit_code: int) -> None:
        command = folder / name
        command.write_text(f"#!/bin/sh\nexit {exit_code}\n", encoding="utf-8")
        command.chmod(command.stat().st_mode | stat.S_IXUSR)

    return put


@pytest.mark.usefixtures("only_python_3_11")
def test_the_newer_django_is_refused_without_a_newer_python(hook: Any) -> None:
    assert hook.wrong_django("5.2") == ""
    assert hook.wrong_django("6.1") == "it needs Python 3.12 or newer, and none was found"


@pytest.mark.parametrize("command", ["python3.12", "python3.14", "uv"])
@pytest.mark.parametrize(("exit_code", "found"), [(0, True), (127, False)], ids=["runs", "broken"])
def test_a_newer_python_counts_when_it_runs(
    hook: Any,
    only_python_3_11: Callable[[str, int], None],
    command: str,
    exit_code: int,
    found: bool,
) -> None:
    only_python_3_11(command, exit_code)
    assert (hook.wrong_django("6.1") == "") is found


@pytest.mark.usefixtures("only_python_3_11")
def test_the_running_python_counts(hook: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hook.sys, "version_info", (3, 12, 0))
    assert hook.wrong_django("6.1") == ""


def with_better_answers(hook: Any, answers: dict[str, Any], project: Path) -> dict[str, Any]:
    """Return the answers with what the hook offers in place of those that it refuses."""
    found = hook.refusals(answers, project)
    return {**answers, **{key: instead for key, (_, instead) in found.items()}}


@pytest.mark.parametrize(
    ("key", "answer"),
    [
        ("project_name", "\n"),
        ("project_slug", "../django"),
        ("project_slug", "con"),
        ("project_slug", "-" + "x" * 200),
        ("description", "\u2028"),
        ("namespace", ""),
        ("namespace", "2nd-" + "x" * 60),
        ("namespace", "service"),
        ("namespace", "Class"),
        ("namespace", "магазин"),
        ("log_dir", "../config"),
        ("log_dir", "~/.git/x"),
        ("log_dir", "///"),
        ("log_dir", "C:\\service\\logs"),
    ],
)
def test_what_is_offered_instead_is_never_refused(
    hook: Any,
    tmp_path: Path,
    key: str,
    answer: str,
) -> None:
    answers = with_better_answers(hook, {**hook.ANSWERS, key: answer}, tmp_path)
    assert hook.refusals(answers, tmp_path) == {}


def test_an_update_does_not_ask_what_this_machine_can_do(
    hook: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = {**hook.ANSWERS, "log_dir": "/etc/passwd/logs", "namespace": "os"}
    assert set(hook.refusals(answers, tmp_path)) == {"log_dir", "namespace"}
    monkeypatch.setattr(hook, "is_update", lambda *_: True)
    assert set(hook.refusals(answers, tmp_path)) == {"namespace"}


def test_the_command_names_the_template_the_version_and_the_folder(
    hook: Any,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    answers = {**hook.ANSWERS, "_template": "gh:org/repo", "_checkout": "v1"}
    here = tmp_path / "my work"
    here.mkdir()
    project = here / "project"
    monkeypatch.setenv("PWD", "/elsewhere")
    command = shlex.split(hook.corrected_command(answers, project))
    assert command[:7] == [
        *("cookiecutter", "gh:org/repo", "--no-input"),
        *("--checkout", "v1", "--output-dir", str(here)),
    ]
    monkeypatch.setenv("PWD", str(here))
    assert "--output-dir" not in hook.corrected_command(answers, project)


def test_under_cruft_the_command_is_one_of_cruft(hook: Any, tmp_path: Path) -> None:
    answers = {key: answer for key, answer in hook.ANSWERS.items() if not key.startswith("_")}
    cruft = {**answers, "_template": "https://host/repo", "_commit": "0" * 40}
    command = shlex.split(hook.corrected_command(cruft, tmp_path / "project"))
    assert command[:4] == ["cruft", "create", "https://host/repo", "--no-input"]
    assert json.loads(command[command.index("--extra-context") + 1]) == answers


@pytest.mark.parametrize(("namespace", "refused"), [("shop", False), ("os", True)])
def test_keys_that_cookiecutter_adds_are_not_needed(
    hook: Any,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    namespace: str,
    refused: bool,
) -> None:
    kept = {key: answer for key, answer in hook.ANSWERS.items() if not key.startswith("_")}
    monkeypatch.setattr(hook, "ANSWERS", {**kept, "namespace": namespace})
    monkeypatch.chdir(tmp_path)
    printed = hook.main()
    assert ("cookiecutter TEMPLATE --no-input" in printed) is refused
    assert refused or printed == ""


def test_whatever_stands_at_the_top_of_the_project_is_no_namespace(hook: Any) -> None:
    top = {path.name.lower() for path in RENDERED.iterdir() if "{{" not in path.name}
    assert top - hook.NAMES["project"] == set()
    applications = {path.parent.name for path in RENDERED.glob("{{*/*/apps.py")}
    assert "products" in applications
    assert applications - hook.NAMES["project"] == set()


def test_each_list_of_names_is_for_every_project_or_for_one_answer(hook: Any) -> None:
    questions = json.loads((TEMPLATE / "cookiecutter.json").read_text(encoding="utf-8"))
    for key in set(hook.NAMES) - {"project", "installed", "optional"}:
        question, answer = key.split()
        assert answer in questions[question]


def test_nothing_that_the_project_depends_on_can_be_its_slug(
    hook: Any, bake: Callable[..., BakedProject]
) -> None:
    project = tomllib.loads(bake().read("pyproject.toml"))
    needed = project["project"]["dependencies"] + project["dependency-groups"]["dev"]
    names = [re.split(r"[^\w-]", requirement)[0] for requirement in needed]
    assert not [name for name in names if not hook.wrong_slug(name)]


def test_every_module_of_this_python_is_refused(hook: Any) -> None:
    names = [name for name in sys.stdlib_module_names if not name.startswith("_")]
    assert [name for name in names if not hook.wrong_namespace(name)] == []


# Run in a project, by its own Python: what it installs, and what that imports if it can.
# `import x` of a name that is not installed would be satisfied by a service of that name; so
# would a search for it. `from x import y` and `import x.y` would fail as they do without it.
NAMES = """
import ast, importlib, importlib.metadata, json, os, pathlib, re, sys

sys.path.insert(0, os.getcwd())
os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
if sys.argv[1] == "serve":
    import django
    from django.core.management import get_commands, load_command_class

    django.setup()
    for name, application in get_commands().items():
        load_command_class(application, name)
    modules = "config.urls config.wsgi config.asgi gunicorn.app.wsgiapp gunicorn.workers.gthread"
    modules += " uvicorn.main uvicorn.supervisors uvicorn.loops.auto uvicorn.lifespan.on"
    modules += " uvicorn.protocols.http.auto uvicorn.protocols.websockets.auto"
else:
    modules = "mypy.main mypy_django_plugin.main mypy_drf_plugin.main pytest pytest_django.plugin"
    modules += " _pytest.legacypath _pytest.pytester _pytest.unittest _pytest.monkeypatch"
for name in modules.split():
    importlib.import_module(name)

SEARCH = r"(find_spec|import_module)$"
imported = {}
for module in list(sys.modules.values()):
    path = pathlib.Path(getattr(module, "__file__", None) or "none")
    if path.suffix == ".so":
        path = path.with_name(path.name.partition(".")[0] + ".py")
    if "site-packages" not in path.parts or not path.is_file():
        continue
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.Call) and re.search(SEARCH, ast.unparse(node.func)):
            names = [argument.value for argument in node.args if isinstance(argument, ast.Constant)]
        else:
            continue
        imported |= {name: str(path) for name in names if str(name).isidentifier()}
installed = {*importlib.metadata.packages_distributions()}
distributions = {each.metadata["Name"] for each in importlib.metadata.distributions()}
optional = {name: path for name, path in imported.items() if name not in installed}
print("names:" + json.dumps([sorted(installed), sorted(distributions), optional]))
"""


INSTALLED = """
import importlib.metadata as m
print(*m.packages_distributions())
print(*(each.metadata["Name"] for each in m.distributions()))
"""


@pytest.mark.long
@pytest.mark.parametrize(
    "answers",
    [
        {"task_queue": "celery"},
        {"task_queue": "django-tasks"},
        {"telemetry": "otlp"},
        {"telemetry": "otlp", "database": "postgresql"},
    ],
    ids=lambda answers: "+".join(answers.values()),
)
def test_the_names_that_an_answer_installs_are_refused(
    load_hook: LoadHook, bake: Callable[..., BakedProject], answers: dict[str, str]
) -> None:
    always = load_hook("pre_gen_project").INSTALLED
    hook = load_hook("pre_gen_project", **answers)
    project = bake(**answers)
    project.run("uv", "sync", "--quiet")
    printed = project.run("uv", "run", "--no-sync", "python", "-c", INSTALLED).stdout
    imported, distributions = (line.split() for line in printed.splitlines())
    names = {name for name in imported if re.fullmatch(r"[A-Za-z]\w*(?<!__mypyc)", name)}
    assert {name for name in names if not hook.wrong_namespace(name)} == set()
    assert {name for name in distributions if not hook.wrong_slug(name)} == set()
    # What is listed for nothing would refuse a name that nobody else uses.
    normal = {re.sub(r"[._-]+", "_", name).lower() for name in {*names, *distributions}}
    unneeded = hook.INSTALLED - always - normal
    assert unneeded <= {"async_timeout"}  # of redis, below Python 3.11.3


@pytest.mark.long
@pytest.mark.parametrize("django_version", ["5.2", "6.1"])
def test_the_names_in_the_hook_are_those_of_a_project(
    load_hook: LoadHook, bake: Callable[..., BakedProject], django_version: str
) -> None:
    answers = {"django_version": django_version, "database": "postgresql"}
    project = bake(**answers)
    hook = load_hook("pre_gen_project", **answers)
    project.run("uv", "sync", "--quiet")
    installed: set[str] = set()
    distributions: set[str] = set()
    optional: dict[str, str] = {}
    for part in ("serve", "test"):
        printed = project.run("uv", "run", "--no-sync", "python", "-c", NAMES, part).stdout
        found = json.loads(re.findall(r"^names:(.*)$", printed, re.MULTILINE)[0])
        installed |= set(found[0])
        distributions |= set(found[1])
        optional |= found[2]
    names = {name for name in installed if re.fullmatch(r"[A-Za-z]\w*(?<!__mypyc)", name)}
    unknown = {name for name in optional if re.fullmatch(r"[A-Za-z]\w*", name)}
    assert {name for name in names if not hook.wrong_namespace(name)} == set()
    assert {name for name in distributions if not hook.wrong_slug(name)} == set()
    assert {name: optional[name] for name in unknown if not hook.wrong_namespace(name)} == {}

    # What is listed for nothing would refuse a name that nobody else uses.
    normal = {re.sub(r"[._-]+", "_", name).lower() for name in names | distributions}
    assert hook.INSTALLED - normal == {"colorama"}  # on Windows
    newer = {"annotationlib", "compression", "profiling"}
    drivers = {"mysqldb", "redis"}  # which a URL asks for
    unneeded = hook.NAMES["optional"] - {name.lower() for name in unknown} - newer - drivers
    assert unneeded == set()
