"""Refusals as the user meets them: a line each, a command that works, nothing left behind."""

import json
import os
import re
import shlex
import shutil
import stat
import subprocess
import sys
import sysconfig
import tempfile
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import uv

from tests.combinations import Answers
from tests.conftest import TEMPLATE, literally, run

HOOK = TEMPLATE / "hooks" / "pre_gen_project.py"
IS_ROOT = sys.platform != "win32" and os.geteuid() == 0
Call = Callable[..., subprocess.CompletedProcess[str]]

REFUSALS: dict[str, tuple[Answers, str, str]] = {
    "name with a line break": ({"project_name": "a\nb"}, "project_name", "line breaks"),
    "blank name": (
        {"project_name": " ", "project_slug": "a", "namespace": "a"},
        "project_name",
        "blank",
    ),
    "description with an escape": ({"description": "\x1b[31mred"}, "description", "control"),
    "slug out of the folder": ({"project_slug": "../x"}, "project_slug", "one folder's name"),
    "slug with folders outside": ({"project_slug": "../a/b"}, "project_slug", "one folder's name"),
    "absolute slug": ({"project_slug": "/tmp/x"}, "project_slug", "one folder's name"),
    "slug with folders": ({"project_slug": "a/b/c"}, "project_slug", "one folder's name"),
    "slug that is the folder itself": ({"project_slug": "."}, "project_slug", "one folder's name"),
    "empty slug": ({"project_slug": ""}, "project_slug", "one folder's name"),
    "slug with a drive": ({"project_slug": "C:x"}, "project_slug", "one folder's name"),
    "slug of a dependency": ({"project_slug": "django"}, "project_slug", "installs a package"),
    "namespace that is no identifier": ({"namespace": "my-shop"}, "namespace", "no Python name"),
    "namespace that is a keyword": ({"namespace": "class"}, "namespace", "keyword"),
    "namespace of the standard library": ({"namespace": "logging"}, "namespace", "hides"),
    "namespace of a dependency": ({"namespace": "django"}, "namespace", "hides"),
    "namespace of an optional package": ({"namespace": "requests"}, "namespace", "hides"),
    "namespace of the machinery": ({"namespace": "observability"}, "namespace", "project has"),
    "namespace of the project": ({"namespace": "config"}, "namespace", "project has"),
    "log_dir out of the project": ({"log_dir": "../logs"}, "log_dir", "empty part"),
    "log_dir with an empty part": ({"log_dir": "var//log"}, "log_dir", "empty part"),
    "log_dir with a drive": ({"log_dir": "C:\\logs"}, "log_dir", "no drive"),
    "log_dir in the code": ({"log_dir": "config/logs"}, "log_dir", "its own files"),
    "log_dir in the namespace": ({"log_dir": "ecommerce/logs"}, "log_dir", "its own files"),
    "log_dir under a file": ({"log_dir": "/etc/passwd/logs"}, "log_dir", "cannot be created"),
}


def tree(folder: Path) -> set[Path]:
    """Return everything under a folder, but for what Cookiecutter keeps at home."""
    home = folder / "home"
    return {path for path in folder.rglob("*") if not path.is_relative_to(home)}


def arguments(answers: Answers) -> list[str]:
    """Write answers as the command line takes them."""
    return [f"{key}={literally(answer)}" for key, answer in answers.items()]


def printed_by_hook(result: subprocess.CompletedProcess[str]) -> list[str]:
    """Return the lines of the hook, without the report that Cookiecutter puts after them."""
    return result.stderr.partition("Stopping generation")[0].splitlines()


# By default the first answer of each reason.
FIRST = {refusal[1:]: name for name, refusal in reversed(REFUSALS.items())}


@pytest.mark.parametrize(
    ("answers", "key", "why"),
    [
        pytest.param(*refusal, id=name, marks=() if name in FIRST.values() else pytest.mark.long)
        for name, refusal in REFUSALS.items()
    ],
)
def test_a_refusal_names_the_answer_and_a_command_that_works(
    cookiecutter: Call, tmp_path: Path, answers: Answers, key: str, why: str
) -> None:
    before = tree(tmp_path)
    answers = {"verification": "quick", **answers}
    refused = cookiecutter(str(TEMPLATE), "--no-input", *arguments(answers))
    lines = printed_by_hook(refused)
    reasons = lines[: lines.index("")]

    assert refused.returncode == 1
    assert [line.split()[0] for line in reasons] == [key]
    assert why in reasons[0]
    assert not any("Traceback" in line for line in lines)
    assert tree(tmp_path) == before

    command = lines[lines.index("This would work:") + 1].strip()
    assert command.startswith("cookiecutter ")
    repeated = cookiecutter(command=command)
    assert repeated.returncode == 0, repeated.stderr
    (project,) = (tmp_path / "here").iterdir()
    assert (project / ".env").is_file()


def test_everything_wrong_is_said_at_once(cookiecutter: Call) -> None:
    wrong = {"project_name": "a\nb", "namespace": "os", "log_dir": "..", "project_slug": "../x"}
    refused = cookiecutter(str(TEMPLATE), "--no-input", *arguments(wrong))
    lines = printed_by_hook(refused)
    keys = [line.split()[0] for line in lines[: lines.index("")]]
    assert keys == ["project_name", "project_slug", "namespace", "log_dir"]


def test_the_corrected_command_keeps_the_other_answers(cookiecutter: Call, tmp_path: Path) -> None:
    kept = {
        "project_name": """O'Neil's "{{ 7*7 }}" \\ $HOME""",
        "project_slug": "kept",
        "description": "{% raw %} `id` é",
        "handlers": "console",
        "verification": "quick",
    }
    refused = cookiecutter(str(TEMPLATE), "--no-input", *arguments(kept), "namespace=class")
    command = printed_by_hook(refused)[-2].strip()
    assert cookiecutter(command=command).returncode == 0
    project = tmp_path / "here" / "kept"
    assert (project / "class_service").is_dir()
    assert kept["project_name"] in (project / "README.md").read_text(encoding="utf-8")


CANARY = "canary"
CRAFTED = {
    "double quotes": f'"; __import__("os").system("touch {CANARY}"); "',
    "single quotes": f"'; __import__('os').system('touch {CANARY}'); '",
    "triple quotes": f'"""\'\'\'; __import__("os").system("touch {CANARY}"); """\'\'\'',
    "backslash before the quote": f'\\"; __import__("os").system("touch {CANARY}") #',
    "f-string": f"{{__import__('os').system('touch {CANARY}')}}",
    "jinja": "{{ cycler.__init__.__globals__.os.system('touch " + CANARY + "') }}",
    "jinja statement": "{% set x = cycler.__init__.__globals__.os.system('touch canary') %}",
    "shell": f"$(touch {CANARY})`touch {CANARY}`; touch {CANARY} && touch {CANARY}",
}


@pytest.mark.parametrize("crafted", CRAFTED.values(), ids=CRAFTED.keys())
def test_no_crafted_answer_runs(cookiecutter: Call, tmp_path: Path, crafted: str) -> None:
    everywhere = dict.fromkeys(("project_name", "project_slug", "description"), crafted)
    everywhere |= {"namespace": crafted, "log_dir": crafted, "verification": "quick"}
    refused = cookiecutter(str(TEMPLATE), "--no-input", *arguments(everywhere))
    keys = [line.split()[0] for line in printed_by_hook(refused) if crafted[:1] in line]
    assert {"project_slug", "namespace", "log_dir"} <= set(keys)

    in_text = {"project_name": crafted, "description": crafted, "verification": "quick"}
    in_text |= {"project_slug": "crafted", "namespace": "crafted"}
    baked = cookiecutter(str(TEMPLATE), "--no-input", *arguments(in_text))
    assert baked.returncode == 0, baked.stderr
    assert not list(tmp_path.rglob(CANARY))
    assert not Path(CANARY).exists()


def test_what_is_typed_into_the_dialogue_stays_as_it_is(cookiecutter: Call, tmp_path: Path) -> None:
    context = json.loads((TEMPLATE / "cookiecutter.json").read_text(encoding="utf-8"))
    *others, _verification = [key for key in context if not key.startswith("_")]
    typed = ["{{ 7*7 }}", "typed", "{% raw %}", "typed"]
    typed += [""] * (len(others) - len(typed))
    baked = cookiecutter(str(TEMPLATE), text="\n".join([*typed, "2", ""]))
    assert baked.returncode == 0, baked.stderr
    assert "{{ 7*7 }}" in (tmp_path / "here" / "typed" / "README.md").read_text(encoding="utf-8")


def test_a_module_planted_beside_the_hook_is_not_imported(
    cookiecutter: Call, tmp_path: Path
) -> None:
    planted = [Path(os.environ["TMPDIR"], f"{name}.py") for name in ("re", "keyword", "runpy")]
    for module in planted:
        module.write_text(f"open({str(tmp_path / CANARY)!r}, 'w')\n", encoding="utf-8")
    try:
        baked = cookiecutter(str(TEMPLATE), "--no-input", "verification=quick")
    finally:
        for module in planted:
            module.unlink()
    assert baked.returncode == 0, baked.stderr
    assert not (tmp_path / CANARY).exists()


def test_an_existing_folder_is_not_touched_by_a_refusal(cookiecutter: Call, tmp_path: Path) -> None:
    mine = tmp_path / "here" / "mine"
    mine.mkdir()
    (mine / "precious").touch()
    for slug in ("mine", "../here/mine", str(mine)):
        cookiecutter(str(TEMPLATE), "--no-input", "-f", "namespace=os", f"project_slug={slug}")
        assert [path.name for path in mine.iterdir()] == ["precious"]
    shutil.rmtree(mine)


def test_an_existing_folder_is_said_and_kept(cookiecutter: Call, tmp_path: Path) -> None:
    mine = tmp_path / "here" / "ecommerce"
    mine.mkdir()
    refused = cookiecutter(str(TEMPLATE), "--no-input")
    assert refused.returncode == 1
    assert refused.stdout == 'Error: "ecommerce" directory already exists\n'
    assert list(mine.iterdir()) == []


def test_a_python_too_old_is_said_with_one_that_works(tmp_path: Path) -> None:
    find = (uv.find_uv_bin(), "python", "find", "--no-project", "--no-python-downloads", "<3.11")
    found = run(*find, cwd=tmp_path, check=False).stdout.splitlines()
    for minor in (8, 9, 10):
        found += map(str, Path.home().glob(f".pyenv/versions/3.{minor}.*/bin/python"))
    if not found:
        pytest.skip("no Python older than 3.11 was found")
    source = HOOK.read_text(encoding="utf-8").replace("{{dict(cookiecutter)}}", "{}")
    (tmp_path / "hook.py").write_text(source, encoding="utf-8")
    for python in found:
        refused = run(python, "hook.py", cwd=tmp_path, check=False)
        line = "Python 3.11 or newer is needed: uvx --python 3.13 cookiecutter TEMPLATE\n"
        assert (refused.returncode, refused.stderr) == (1, line), python


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """Return a function that makes a disk of so many megabytes; only root can."""
    folder = tmp_path / "disk"

    def make(megabytes: int) -> Path:
        folder.mkdir()
        mount = ("mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder))
        if not IS_ROOT or run(*mount, cwd=tmp_path, check=False).returncode:
            pytest.skip("a small disk cannot be mounted: it takes root, and the right to")
        return folder

    yield make
    if folder.is_mount():
        run("umount", str(folder), cwd=tmp_path)


def test_a_full_disk_is_said_before_anything_is_written(
    cookiecutter: Call, small_disk: Callable[[int], Path]
) -> None:
    disk = small_disk(2)
    refused = cookiecutter(str(TEMPLATE), "--no-input", "--output-dir", str(disk))
    assert refused.returncode == 1
    assert printed_by_hook(refused)[0] == (
        f"There is no space left in {disk}: the project needs 10 MB."
    )
    assert list(disk.iterdir()) == []


@pytest.mark.long
def test_a_disk_too_small_for_the_packages_holds_a_project_without_them(
    cookiecutter: Call, small_disk: Callable[[int], Path]
) -> None:
    disk = small_disk(20)
    baked = cookiecutter(str(TEMPLATE), "--no-input", "--output-dir", str(disk))
    assert baked.returncode == 0
    assert "No space left on device" in baked.stderr
    assert "As uv could not install the project, only the configuration was" in baked.stdout
    assert (disk / "ecommerce" / ".env").is_file()


NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--")


@pytest.fixture
def as_nobody() -> Iterator[Callable[..., subprocess.CompletedProcess[str]]]:
    """Return a function that bakes as a user who owns one folder, the current one, and no other."""
    folder = Path(tempfile.mkdtemp(dir="/tmp"))  # pytest's own folders are for their owner alone
    folder.chmod(0o755)
    mine = folder / "mine"
    mine.mkdir(mode=0o700)
    packages = sysconfig.get_path("purelib")
    env = {"HOME": str(mine), "TMPDIR": str(mine), "PYTHONPATH": packages}
    try:
        if not IS_ROOT or not shutil.which("setpriv"):
            pytest.skip("only root can be another user, by setpriv")
        os.chown(mine, 65534, 65534)
        # The Python of the tests may lie in root's home; the system's has the same packages then.
        for python in (sys.executable, f"/usr/bin/python3.{sys.version_info.minor}"):
            able = f'{shlex.quote(python)} -c "import cookiecutter.cli; open({str(HOOK)!r})"'
            if run(*NOBODY, "sh", "-c", able, cwd=mine, env=env, check=False).returncode == 0:
                break
        else:
            pytest.skip("another user can read no such Python, or not the template")
        cookies = (*NOBODY, python, "-m", "cookiecutter", str(TEMPLATE), "--no-input")
        yield lambda *arguments: run(*cookies, *arguments, cwd=mine, env=env, check=False)
    finally:
        shutil.rmtree(folder)


def test_another_user_bakes_and_owns_the_project(
    as_nobody: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    baked = as_nobody("verification=quick")
    assert baked.returncode == 0, baked.stderr
    (logs,) = re.findall(r"^Log files: (.*)$", baked.stdout, re.MULTILINE)
    logs_folder, env = Path(logs).stat(), Path(logs).with_name(".env").stat()
    assert (logs_folder.st_uid, stat.S_IMODE(logs_folder.st_mode)) == (65534, 0o750)
    assert (env.st_uid, stat.S_IMODE(env.st_mode)) == (65534, 0o600)


def test_a_log_folder_without_rights_is_said_with_a_command_that_works(
    as_nobody: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    refused = as_nobody("log_dir=/var/log/shop", "verification=quick")
    assert refused.returncode == 1
    assert printed_by_hook(refused)[0] == (
        "log_dir '/var/log/shop': it cannot be created:"
        " /var/log is no folder that you can write to."
    )
    assert "log_dir=var/log/shop" in printed_by_hook(refused)[3]


def test_a_folder_that_cannot_be_written_ends_in_one_line_and_nothing_made(
    as_nobody: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    refused = as_nobody("--output-dir", "/usr")
    assert refused.returncode == 1
    # No hook has run yet: the line is the last of Cookiecutter's own report.
    assert (
        refused.stderr.splitlines()[-1] == "OSError: Unable to create directory at /usr/ecommerce"
    )
    assert not Path("/usr/ecommerce").exists()


@pytest.mark.parametrize("inside_git", [False, True], ids=["plain", "inside a git repository"])
def test_a_path_with_spaces_and_umlauts_is_no_obstacle(
    cookiecutter: Call, tmp_path: Path, inside_git: bool
) -> None:
    folder = tmp_path / "Mein Ordner für 'Läden'"
    folder.mkdir()
    if inside_git:
        run("git", "init", "--quiet", cwd=folder)
    output = ("--output-dir", str(folder))
    baked = cookiecutter(str(TEMPLATE), "--no-input", *output, "verification=quick")
    assert baked.returncode == 0, baked.stderr
    project = folder / "ecommerce"
    assert f"  cd {shlex.quote(str(project))}\n" in baked.stdout
    assert f"Log files: {project / 'logs'}\n" in baked.stdout
    refused = cookiecutter(str(TEMPLATE), "--no-input", *output, "project_slug=a", "namespace=os")
    repeated = cookiecutter(command=printed_by_hook(refused)[-2].strip() + " verification=quick")
    assert repeated.returncode == 0, repeated.stderr
    assert (folder / "a" / ".env").is_file()


class Forbidden(BaseHTTPRequestHandler):
    """An index that refuses everybody."""

    def do_GET(self) -> None:
        """Answer with 403."""
        self.send_error(403)

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@pytest.fixture
def forbidden_index() -> Iterator[str]:
    """Return the address of an index that refuses everybody."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Forbidden) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/simple"
        server.shutdown()
        thread.join()


def test_an_index_that_refuses_is_named_and_the_project_is_whole(
    cookiecutter: Call, tmp_path: Path, forbidden_index: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_DEFAULT_INDEX", forbidden_index)
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    baked = cookiecutter(str(TEMPLATE), "--no-input")
    assert baked.returncode == 0
    assert "403 Forbidden" in baked.stderr
    assert "As uv could not install the project, only the configuration was" in baked.stdout
    assert "  uv run python manage.py verify_logging\n" in baked.stdout
    assert (tmp_path / "here" / "ecommerce" / ".env").is_file()


@pytest.fixture
def cruft_template(tmp_path: Path) -> Path:
    """Return a git repository that holds the template as it is now, for cruft to clone."""
    template = tmp_path / "home" / "template"
    ignore = shutil.ignore_patterns(".git", ".venv", "__pycache__", ".*_cache")
    shutil.copytree(TEMPLATE, template, ignore=ignore)
    identity = ("-c", "user.name=Tests", "-c", "user.email=tests@example.com")
    run("git", "init", "--quiet", cwd=template)
    run("git", "add", "--all", cwd=template)
    run("git", *identity, "commit", "--quiet", "--message=All", cwd=template)
    return template


def cruft_create(template: Path, answers: Answers) -> str:
    """Return the command that makes a project with cruft."""
    given = {key: literally(answer) for key, answer in answers.items()}
    words = ["cruft", "create", str(template), "--no-input", "--extra-context", json.dumps(given)]
    return shlex.join(words)


@pytest.mark.long
def test_cruft_makes_a_project_and_finds_it_up_to_date(
    cookiecutter: Call, tmp_path: Path, cruft_template: Path
) -> None:
    made = cookiecutter(command=cruft_create(cruft_template, {"verification": "quick"}))
    assert made.returncode == 0, made.stderr
    assert "  cd ecommerce\n" in made.stdout
    project = tmp_path / "here" / "ecommerce"
    assert (project / ".env").is_file()
    checked = cookiecutter(command=shlex.join(["cruft", "check", "--project-dir", str(project)]))
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.long
def test_a_refusal_under_cruft_names_a_command_of_cruft_that_works(
    cookiecutter: Call, tmp_path: Path, cruft_template: Path
) -> None:
    answers = {"verification": "quick", "namespace": "requests", "project_slug": "../x"}
    answers["project_name"] = """O'Neil's "{{ 7*7 }}" {% raw %}"""
    refused = cookiecutter(command=cruft_create(cruft_template, answers))
    lines = printed_by_hook(refused)
    assert refused.returncode == 1
    assert [line.split()[0] for line in lines[: lines.index("")]] == ["project_slug", "namespace"]
    assert not any("Traceback" in line for line in lines)
    made = cookiecutter(command=lines[lines.index("This would work:") + 1].strip())
    assert made.returncode == 0, made.stderr
    (project,) = (tmp_path / "here").iterdir()
    context = json.loads((project / ".cruft.json").read_text(encoding="utf-8"))["context"]
    assert context["cookiecutter"]["project_name"] == answers["project_name"]
    assert (project / "requests_service").is_dir()


@pytest.mark.long
def test_cruft_compares_without_a_word_and_touches_nothing(
    cookiecutter: Call, tmp_path: Path, cruft_template: Path
) -> None:
    outside = tmp_path / "var" / "log"
    answers = {"log_dir": str(outside)}
    made = cookiecutter(command=cruft_create(cruft_template, {**answers, "verification": "quick"}))
    assert made.returncode == 0, made.stderr
    project = tmp_path / "here" / "ecommerce"
    context = project / ".cruft.json"
    written = context.read_text(encoding="utf-8")
    # The answer of an owner who was asked to install.
    context.write_text(written.replace('"verification": "quick"', '"verification": "full"'))
    outside.rmdir()
    before = tree(tmp_path)
    compared = cookiecutter(command=shlex.join(["cruft", "diff", "--project-dir", str(project)]))
    assert (compared.returncode, compared.stdout, compared.stderr) == (0, "", "")
    assert tree(tmp_path) == before
