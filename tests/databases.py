"""Databases for baked projects: SQLite, and a PostgreSQL that is started when it is first needed.

PostgreSQL is the one that DATABASE_URL names, or Debian's, started here on a port of its own.
"""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.programs import program
from tests.reliability.harness import free_port, wait_until

NewDatabase = Callable[[str, Path], str]


@contextmanager
def postgresql() -> Iterator[str]:
    """Run a PostgreSQL in which databases can be created; yield its URL."""
    if given := os.environ.get("DATABASE_URL", ""):
        assert given.startswith("postgres"), "DATABASE_URL names no PostgreSQL"
        yield given
        return
    initdb, postgres = _program("initdb"), _program("postgres")
    # It refuses to run as root, and nobody else may look into pytest's folder.
    user: dict[str, Any] = {"user": "postgres", "group": "postgres", "extra_groups": []}
    user = user if os.geteuid() == 0 else {}
    cluster = Path(tempfile.mkdtemp(prefix="cluster-", dir="/tmp"))
    if user:
        shutil.chown(cluster, "postgres")
    port = free_port()
    options = ["--auth=trust", "--username=app", "--encoding=UTF8", "--locale=C", "--no-sync"]
    listens = ["-c", "listen_addresses=127.0.0.1", "-p", str(port), "-k", str(cluster)]
    listens += ["-c", "fsync=off", "-c", "max_connections=200"]
    try:
        initialise = [initdb, *options, str(cluster / "data")]
        subprocess.run(initialise, cwd=cluster, capture_output=True, check=True, **user)
        with (cluster / "output").open("wb") as output:
            server = subprocess.Popen(
                [postgres, "-D", str(cluster / "data"), *listens],
                cwd=cluster,
                stdout=output,
                stderr=output,
                **user,
            )
        try:
            ready = "database system is ready to accept connections"
            wait_until(lambda: ready in (cluster / "output").read_text(), what=ready)
            yield f"postgres://app@127.0.0.1:{port}/postgres"
        finally:
            server.send_signal(signal.SIGINT)  # at once, whoever is connected
            server.wait(timeout=30)
    finally:
        shutil.rmtree(cluster, ignore_errors=True)


def _program(name: str) -> str:
    return program(name, *sorted(Path("/usr/lib/postgresql").glob("*/bin")))


@pytest.fixture(scope="session")
def new_database() -> Iterator[NewDatabase]:
    """Return a function that gives the URL of a new database of a kind; SQLite's in a folder."""
    with ExitStack() as stack:

        @cache
        def server() -> str:
            return stack.enter_context(postgresql())

        def make(kind: str, folder: Path) -> str:
            if kind == "sqlite":
                return f"sqlite:///{folder / 'db.sqlite3'}"
            url, name = server(), f"shop_{uuid4().hex}"
            created = [_program("createdb"), f"--maintenance-db={url}", name]
            subprocess.run(created, check=True, capture_output=True)
            return f"{url.rpartition('/')[0]}/{name}"

        yield make
