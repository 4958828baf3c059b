"""The place where everything is measured: a virtual environment, a baked project, the peers."""

import os
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

TEMPLATE = Path(__file__).parents[1]
PEERS = (
    "django-structlog>=11,<12",
    "ecs-logging>=2.3,<3",
    "loguru>=0.7.3,<0.8",
    "structlog>=26,<27",
)
TOOLS = ("cookiecutter>=2.7.1,<3", "pyperf>=2.10,<3", "uv>=0.13")


@dataclass(frozen=True)
class Workshop:
    """A folder with `venv`, `project` and what the measurements write."""

    folder: Path

    @property
    def python(self) -> str:
        """The interpreter that has the project's packages and the peers."""
        return str(self.folder / "venv" / "bin" / "python")

    @property
    def project(self) -> Path:
        """The project that was baked with the template's default answers."""
        return self.folder / "ecommerce"

    def bare_environment(self, **settings: str) -> dict[str, str]:
        """Return an environment that has these settings and none of the caller's own."""
        kept = [
            *("HOME", "LANG", "UV_PYTHON_DOWNLOADS", "UV_DEFAULT_INDEX", "UV_INDEX_URL"),
            *("PIP_INDEX_URL", "SSL_CERT_FILE", "HTTPS_PROXY", "https_proxy"),
        ]
        path = f"{os.environ['PATH']}:{Path(self.python).parent}"  # has uv where nobody else has
        inherited = {name: os.environ[name] for name in kept if name in os.environ}
        return inherited | {"PATH": path} | settings

    def environment(self, **settings: str) -> dict[str, str]:
        """Return an environment in which the rendered project and the benchmarks run."""
        paths = os.pathsep.join([str(self.project), str(TEMPLATE)])
        python = {"PYTHONPATH": paths, "PYTHONPYCACHEPREFIX": str(self.folder / "pycache")}
        project = {"SECRET_KEY": "only-for-benchmarks-" * 3, "ALLOWED_HOSTS": "*"}
        return self.bare_environment(PYTHONHASHSEED="0") | python | project | settings

    def new_folder(self, name: str) -> Path:
        """Return an empty folder of this name."""
        folder = self.folder / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return folder

    def set_up(self) -> None:
        """Install what a run before has not, and bake."""
        print(f"Installing into {self.folder}", flush=True)
        self._install([*TOOLS, *PEERS])
        shutil.rmtree(self.project, ignore_errors=True)
        cookiecutter = [self.python, "-m", "cookiecutter", str(TEMPLATE), "--no-input"]
        cookiecutter += ["--output-dir", str(self.folder), "--accept-hooks", "no"]
        subprocess.run(cookiecutter, check=True)
        pyproject = tomllib.loads((self.project / "pyproject.toml").read_text(encoding="utf-8"))
        self._install(pyproject["project"]["dependencies"])

    def _install(self, requirements: list[str]) -> None:
        venv = self.folder / "venv"
        if uv := shutil.which("uv"):
            if not venv.exists():
                subprocess.run([uv, "venv", "-q", "--python", sys.executable, venv], check=True)
            command = [uv, "pip", "install", "-q", "--python", self.python]
        else:
            if not venv.exists():
                subprocess.run([sys.executable, "-m", "venv", venv], check=True)
            command = [self.python, "-m", "pip", "install", "-q"]
        subprocess.run([*command, *requirements], check=True)
