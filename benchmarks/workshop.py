"""The place where everything is measured: a virtual environment, a baked project, the peers."""

import os
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import distributions
from pathlib import Path

from .project import SLUG

TEMPLATE = Path(__file__).parents[1]
_PACKAGES = """cookiecutter>=2.7.1,<3 uv>=0.13 django-structlog>=11,<12 ecs-logging>=2.3,<3
loguru>=0.7.3,<0.8 orjson>=3.13 python-json-logger>=4.2,<5 structlog>=26,<27
opentelemetry-distro>=0.66b1,<1 opentelemetry-exporter-otlp-proto-http>=1.45,<2
opentelemetry-instrumentation-django>=0.66b1,<1 opentelemetry-instrumentation-logging>=0.66b1,<1
opentelemetry-instrumentation-sqlite3>=0.66b1,<1""".split()
_NAMED = """cookiecutter django djangorestframework gunicorn orjson structlog django-structlog
python-json-logger loguru ecs-logging opentelemetry-sdk opentelemetry-distro""".split()
_KEPT = """HOME LANG UV_PYTHON_DOWNLOADS UV_DEFAULT_INDEX UV_INDEX_URL PIP_INDEX_URL SSL_CERT_FILE
HTTPS_PROXY https_proxy""".split()


class Workshop:
    """A folder with a virtual environment, the project and what the measurements write."""

    def __init__(self, folder: Path) -> None:
        """Name the interpreter with all packages, and the project with the default answers."""
        self.folder, self.project = folder, folder / SLUG
        self.python = str(folder / "venv" / "bin" / "python")

    def versions(self) -> dict[str, str]:
        """Return the versions of Python and of what is compared."""
        site = str(next((self.folder / "venv" / "lib").glob("python*")) / "site-packages")
        found = {item.name.lower(): item.version for item in distributions(path=[site])}
        python = ".".join(map(str, sys.version_info[:3]))
        return {"Python": python} | {name: found[name] for name in _NAMED}

    def bare_environment(self, **settings: str) -> dict[str, str]:
        """Return an environment that has these settings and none of the caller's own."""
        path = f"{os.environ['PATH']}:{Path(self.python).parent}"  # has uv where nobody else has
        inherited = {name: os.environ[name] for name in _KEPT if name in os.environ}
        return inherited | {"PATH": path} | settings

    def environment(self, **settings: str) -> dict[str, str]:
        """Return an environment in which the rendered project and the benchmarks run."""
        paths = os.pathsep.join([str(self.project), str(TEMPLATE)])
        python = {"PYTHONPATH": paths, "PYTHONPYCACHEPREFIX": str(self.folder / "pycache")}
        answers = {"SECRET_KEY": "only-for-benchmarks-" * 3, "ALLOWED_HOSTS": "*"}
        return self.bare_environment(PYTHONHASHSEED="0") | python | answers | settings

    def new_folder(self, name: str) -> Path:
        """Return an empty folder of this name."""
        folder = self.folder / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return folder

    def set_up(self) -> None:
        """Install what a run before has not, and bake."""
        if not (venv := self.folder / "venv").exists():
            subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
            subprocess.run([self.python, "-m", "pip", "install", "-q", "uv"], check=True)
        install = [str(venv / "bin" / "uv"), "pip", "install", "-q", "--python", self.python]
        subprocess.run([*install, *_PACKAGES], check=True)
        shutil.rmtree(self.project, ignore_errors=True)
        bake = [self.python, "-m", "cookiecutter", str(TEMPLATE), "--output-dir", str(self.folder)]
        subprocess.run([*bake, "--no-input", "--accept-hooks", "no"], check=True)
        source = TEMPLATE / "{{cookiecutter.project_slug}}" / "observability"
        shutil.copytree(source, self.project / "observability", dirs_exist_ok=True)
        pyproject = tomllib.loads((self.project / "pyproject.toml").read_text(encoding="utf-8"))
        subprocess.run([*install, *pyproject["project"]["dependencies"]], check=True)
