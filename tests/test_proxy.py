"""The project behind a proxy and without one: whom it believes, and that both servers agree.

The settings and the server block of nginx are those of the rendered README, as they stand there.
"""

import json
import os
import re
import secrets
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from http.client import HTTPResponse
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.combinations import COMBINATIONS, STACKS
from tests.conftest import BakedProject, Install, run
from tests.databases import NewDatabase
from tests.programs import program
from tests.reliability.harness import free_port, is_live, wait_until

pytestmark = pytest.mark.long

HOST = "shop.example.com"
SERVERS = ["gunicorn", "uvicorn"]
CLIENT = "127.0.0.2"  # which nginx sees; itself it is 127.0.0.1
Headers = Sequence[tuple[str, str]]


# The project, and what its README says


@dataclass(frozen=True)
class Shop:
    """An installed project with a migrated database, and its README's section on TLS."""

    project: BakedProject
    folder: Path
    database: str

    def block(self, language: str) -> str:
        """Return the one block of a language in the section."""
        section = self.project.read("README.md").split("## Serve it behind TLS\n")[1]
        (block,) = re.findall(rf"```{language}\n(.*?)```", section.split("\n## ")[0], re.DOTALL)
        return str(block)

    def variables(self) -> dict[str, str]:
        """Return the documented settings, with a key of its own."""
        lines = self.block("ini").splitlines()
        return dict(line.split("=", 1) for line in lines) | {
            "SECRET_KEY": secrets.token_urlsafe(50)
        }

    def environment(self, **changes: str) -> dict[str, str]:
        """Return the environment of production: the documented settings, and where to log."""
        here = {
            "DATABASE_URL": self.database,
            "LOG_HANDLERS": "console",
            "LOG_LEVEL": "INFO",
            "LOG_ERROR_LEVEL": "ERROR",
        }
        return self.variables() | here | changes


@pytest.fixture(scope="module")
def shops(installed: Install, new_database: NewDatabase) -> Callable[[str], Shop]:
    """Return a function that gives the project of a stack, made once."""
    return cache(lambda stack: shop_of(installed, stack, new_database))


@pytest.fixture(scope="module")
def shop(shops: Callable[[str], Shop]) -> Shop:
    """Return the default project."""
    return shops("default")


def shop_of(installed: Install, stack: str, new_database: NewDatabase) -> Shop:
    """Make a project, which has no .env: its settings are those of the README alone."""
    project = installed("--no-dev", **COMBINATIONS[stack])
    (project.path / ".env").unlink()
    folder = project.path.parent
    shop = Shop(project, folder, new_database(project.answers["database"], folder))
    admin = {"DJANGO_SUPERUSER_PASSWORD": "right-password", **shop.environment()}
    project.run(".venv/bin/python", "manage.py", "migrate", env=admin)
    project.run(
        *(".venv/bin/python", "manage.py", "createsuperuser", "--noinput"),
        *("--username", "boss", "--email", "boss@example.com"),
        env=admin,
    )
    return shop


# Servers and clients


@dataclass(frozen=True)
class Answer:
    """What came back, and what the service's log says of it."""

    status: int
    headers: dict[str, str]
    body: str
    cookies: dict[str, str]


@dataclass(frozen=True)
class Service:
    """A running server of the project."""

    where: tuple[str, int] | str  # or the path of a socket
    console: Path

    def ask(self, path: str, headers: Headers = (), body: str = "") -> Answer:
        """Send a request to the server itself."""
        return ask(self.where, path, headers, body=body)

    def ip(self, answer: Answer) -> str | None:
        """Return the client's address as the one request_finished of an answer has it."""
        request_id = answer.headers["x-request-id"]

        def ended() -> list[dict[str, str | None]]:
            whole = [line for line in self.console.read_text("utf-8").split("\n")[:-1] if line]
            lines = [json.loads(line) for line in whole]
            own = [line for line in lines if line["request_id"] == request_id]
            return [line["payload"] for line in own if line["event"] == "request_finished"]

        wait_until(ended)
        (payload,) = ended()
        return payload["ip"]


def connect(where: tuple[str, int] | str, source: str) -> socket.socket:
    """Connect to a port or to a Unix socket."""
    if isinstance(where, tuple):
        return socket.create_connection(where, timeout=20, source_address=(source, 0))
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(20)
    connection.connect(where)
    return connection


def ask(  # noqa: PLR0913 - what a request has
    where: tuple[str, int] | str,
    path: str,
    headers: Headers = (),
    *,
    body: str = "",
    source: str = "127.0.0.1",
    tls: ssl.SSLContext | None = None,
) -> Answer:
    """Send a request with exactly these headers, however odd they are."""
    all_headers = [("Host", HOST), ("Connection", "close"), *headers]
    if body:
        all_headers += [("Content-Length", str(len(body)))]
        all_headers += [("Content-Type", "application/x-www-form-urlencoded")]
    text = "".join(f"{name}: {value}\r\n" for name, value in all_headers)
    request = f"{'POST' if body else 'GET'} {path} HTTP/1.1\r\n{text}\r\n{body}"
    with connect(where, source) as plain:
        connection = tls.wrap_socket(plain, server_hostname=HOST) if tls else plain
        with connection:
            connection.sendall(request.encode("latin-1"))
            response = HTTPResponse(connection)
            response.begin()
            cookies = dict(
                line.split(";")[0].split("=", 1)
                for line in response.headers.get_all("Set-Cookie") or ()
            )
            names = {name.lower(): value for name, value in response.headers.items()}
            return Answer(response.status, names, response.read().decode(), cookies)


@contextmanager
def process(command: Sequence[str], cwd: Path, console: Path, **env: str) -> Iterator[None]:
    """Run a server until the block ends; what it prints goes to a file."""
    variables = {**os.environ, "PWD": str(cwd), **env}
    with (
        console.open("wb") as output,
        subprocess.Popen(command, cwd=cwd, env=variables, stdout=output, stderr=output) as server,
    ):
        try:
            yield
            assert server.poll() is None, console.read_text("utf-8")
        finally:
            server.terminate()
            server.wait(timeout=40)


@contextmanager
def service(shop: Shop, kind: str, folder: Path, at: str = "", **changes: str) -> Iterator[Service]:
    """Start a server by its plain command, on a free port or on a Unix socket."""
    port = free_port()
    unix = ["--uds", at] if at else ["--port", str(port)]
    command = {
        "gunicorn": ["gunicorn"],
        "uvicorn": ["uvicorn", "config.asgi:application", *unix],
    }[kind]
    command[0] = str(shop.project.path / ".venv" / "bin" / command[0])
    bind = f"unix:{at}" if at else f"127.0.0.1:{port}"
    # WEB_CONCURRENCY is uvicorn's own variable, too.
    environment = shop.environment(BIND=bind, WEB_CONCURRENCY="1", **changes)
    running = Service(at or ("127.0.0.1", port), folder / f"{kind}-{port}.log")

    with process(command, shop.project.path, running.console, **environment):
        wait_until(lambda: is_live(running.ask))
        yield running


@pytest.fixture(scope="module")
def services(shop: Shop) -> Iterator[Callable[[str, int], Service]]:
    """Return a function that starts a server with a number of proxies, once for the module."""
    with ExitStack() as stack:

        @cache
        def started(kind: str, proxies: int) -> Service:
            proxied = {"TRUSTED_PROXIES": str(proxies), "THROTTLE_LOGIN": "1000/minute"}
            return stack.enter_context(service(shop, kind, shop.folder, **proxied))

        yield started


# Without a proxy, and with a number of them, asked directly


FORWARDED_FOR: list[Headers] = [
    [],
    [("X-Forwarded-For", "198.51.100.7")],
    [("X-Forwarded-For", "6.6.6.6, 198.51.100.7, 198.51.100.8")],
    [("X-Forwarded-For", "6.6.6.6"), ("X-Forwarded-For", "198.51.100.7")],
    [("X-Forwarded-For", "198.51.100.7:4711")],
    [("X-Forwarded-For", "[2001:db8::7]:4711")],
    [("X-Forwarded-For", "2001:DB8:0::7")],
    [("X-Forwarded-For", "::ffff:198.51.100.7")],
    [("X-Forwarded-For", "127.0.0.1")],
    [("X-Forwarded-For", "")],
    [("X-Forwarded-For", ",")],
    [("X-Forwarded-For", "198.51.100.7,")],
    [("X-Forwarded-For", "\t198.51.100.7\t")],
    [("X-Forwarded-For", "unknown")],
    [("X-Forwarded-For", "1.2.3")],
    [("X-Forwarded-For", "\xff\xfe")],
    [("X-Forwarded-For", "<script>, \xb2.2.2.2")],
    [("X-Forwarded-For", "6.6.6.6, " * 500)],
    [("X_Forwarded_For", "198.51.100.7")],
    [("X-Real-IP", "198.51.100.7"), ("Forwarded", "for=198.51.100.7;proto=https")],
]
FORWARDED_PROTO: list[Headers] = [
    [("X-Forwarded-Proto", "https")],
    [("X-Forwarded-Proto", "http")],
    [("X-Forwarded-Proto", "HTTPS")],
    [("X-Forwarded-Proto", "https, http")],
    [("X-Forwarded-Proto", "http, https")],
    [("X-Forwarded-Proto", "https"), ("X-Forwarded-Proto", "http")],
    [("X-Forwarded-Proto", " https ")],
    [("X-Forwarded-Proto", "wss")],
    [("X-Forwarded-Proto", "\xff")],
    [("X-Forwarded-Proto", "http"), ("X-Forwarded-Ssl", "on")],
    [("X-Forwarded-Ssl", "on")],
    [("X-Forwarded-Protocol", "ssl")],
    [("X_Forwarded_Proto", "https")],
]
FORWARDED_HOST: list[Headers] = [
    [("X-Forwarded-Host", HOST)],
    [("X-Forwarded-Host", f"{HOST}:8443")],
    [("X-Forwarded-Host", "evil.example")],
    [("X-Forwarded-Host", f"{HOST}, evil.example")],
    [("X-Forwarded-Host", f"{HOST}"), ("X-Forwarded-Host", "evil.example")],
    [("X-Forwarded-Host", "\xff")],
    [("X-Forwarded-Host", "")],
    [("X_Forwarded_Host", "evil.example")],
]
ODD = [*FORWARDED_FOR, *FORWARDED_PROTO, *FORWARDED_HOST]


def observed(service: Service, headers: Headers) -> tuple[int, str | None, str | None]:
    """Return the status, where a redirect leads, and the client's address."""
    answer = service.ask("/nowhere?a=1", headers)
    return answer.status, answer.headers.get("location"), service.ip(answer)


@pytest.mark.parametrize("proxies", [0, 1, 2])
def test_both_servers_say_the_same_of_every_request(
    services: Callable[[str, int], Service], proxies: int
) -> None:
    gunicorn, uvicorn = (services(kind, proxies) for kind in SERVERS)
    for headers in ODD:
        assert observed(gunicorn, headers) == observed(uvicorn, headers), headers


@pytest.mark.parametrize("kind", SERVERS)
def test_without_a_proxy_nothing_that_a_client_sends_is_believed(
    services: Callable[[str, int], Service], kind: str
) -> None:
    plain = 301, f"https://{HOST}/nowhere?a=1", "127.0.0.1"
    assert [(each, observed(services(kind, 0), each)) for each in ODD] == [
        (each, plain) for each in ODD
    ]


@pytest.mark.parametrize("kind", SERVERS)
@pytest.mark.parametrize(
    ("proxies", "headers", "expected"),
    [
        (1, [("X-Forwarded-For", "6.6.6.6, 198.51.100.7")], "198.51.100.7"),
        (2, [("X-Forwarded-For", "6.6.6.6, 198.51.100.7, 10.0.0.1")], "198.51.100.7"),
        (2, [("X-Forwarded-For", "198.51.100.7"), ("X-Forwarded-For", "10.0.0.1")], "198.51.100.7"),
        (1, [("X-Forwarded-For", "127.0.0.1, [2001:DB8::7]:4711")], "2001:db8::7"),
        (1, [("X-Forwarded-For", "198.51.100.7, unknown")], "127.0.0.1"),
        (1, [("X_Forwarded_For", "198.51.100.7")], "127.0.0.1"),
    ],
)
def test_the_address_is_the_one_that_the_outermost_proxy_saw(
    services: Callable[[str, int], Service],
    kind: str,
    proxies: int,
    headers: Headers,
    expected: str,
) -> None:
    assert observed(services(kind, proxies), headers)[2] == expected


@pytest.mark.parametrize("kind", SERVERS)
@pytest.mark.parametrize(
    ("headers", "status", "location"),
    [
        ([("X-Forwarded-Proto", "https")], 404, None),
        ([("X-Forwarded-Proto", "https, http")], 404, None),
        ([("X-Forwarded-Proto", "http, https")], 301, f"https://{HOST}/nowhere?a=1"),
        ([("X-Forwarded-Proto", "http"), ("X-Forwarded-Ssl", "on")], 301, None),
        ([("X-Forwarded-Ssl", "on")], 301, None),
        ([("X-Forwarded-Host", f"{HOST}:8443")], 301, f"https://{HOST}:8443/nowhere?a=1"),
        ([("X-Forwarded-Host", "evil.example")], 400, None),
    ],
)
def test_with_a_proxy_its_scheme_and_host_are_believed(
    services: Callable[[str, int], Service],
    kind: str,
    headers: Headers,
    status: int,
    location: str | None,
) -> None:
    got, leads_to, _ = observed(services(kind, 1), headers)
    assert got == status
    assert location in (None, leads_to)


@pytest.mark.parametrize("kind", SERVERS)
@pytest.mark.parametrize("proxies", [0, 1])
def test_no_header_moves_the_path(
    services: Callable[[str, int], Service], kind: str, proxies: int
) -> None:
    """A proxy that keeps /admin/ from strangers must not be led around by /x/admin/."""
    believed = [("X-Forwarded-Proto", "https")]
    running = services(kind, 1)
    assert running.ask("/admin/login/", believed).status == 200
    running, https = services(kind, proxies), believed if proxies else []
    for name in ("SCRIPT_NAME", "Script-Name", "PATH_INFO", "X-Script-Name", "X-Forwarded-Prefix"):
        for value in ("/x", "/nowhere", "/admin/login/"):
            answer = running.ask("/x/admin/login/", [*https, (name, value)])
            assert answer.status == (404 if proxies else 301), (name, value)
            assert answer.headers.get("location", "").endswith("/x/admin/login/") or proxies


@pytest.mark.parametrize("kind", SERVERS)
def test_on_a_unix_socket_nothing_is_believed_either(
    shop: Shop, kind: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """There gunicorn would trust whoever connects, whatever its forwarded_allow_ips say."""
    folder = tmp_path_factory.mktemp("s")  # a socket's path must be short
    with service(shop, kind, folder, at=str(folder / "s"), TRUSTED_PROXIES="0") as running:
        forged = [("X-Forwarded-For", "6.6.6.6"), ("X-Forwarded-Proto", "https")]
        assert observed(running, forged) == (301, f"https://{HOST}/nowhere?a=1", None)
        answer = running.ask("/x/admin/login/", [("SCRIPT_NAME", "/x")])
        assert answer.headers["location"] == f"https://{HOST}/x/admin/login/"


@pytest.mark.parametrize("kind", SERVERS)
def test_forged_addresses_do_not_beat_the_lock_out(shop: Shop, kind: str, tmp_path: Path) -> None:
    changes = {"TRUSTED_PROXIES": "0", "SECURE_SSL_REDIRECT": "False"}
    with service(shop, kind, tmp_path, **changes) as running:
        typed = urlencode({"username": f"victim-of-{kind}", "password": "wrong"})
        statuses = [
            running.ask(
                "/api/auth/token/", [("X-Forwarded-For", f"198.51.100.{number}")], body=typed
            ).status
            for number in range(9)
        ]
    assert statuses == [400] * 4 + [429] * 5


# Behind a real nginx that ends TLS, with the README's server block


@dataclass(frozen=True)
class Site:
    """A service behind nginx, as a browser finds it."""

    service: Service
    http: int
    https: int
    tls: ssl.SSLContext

    def ask(self, path: str, headers: Headers = (), body: str = "", source: str = CLIENT) -> Answer:
        """Ask by HTTPS."""
        where = ("127.0.0.1", self.https)
        return ask(where, path, headers, body=body, source=source, tls=self.tls)

    def ask_plainly(self, path: str, headers: Headers = ()) -> Answer:
        """Ask by plain HTTP."""
        return ask(("127.0.0.1", self.http), path, headers, source=CLIENT)


def certificate(folder: Path) -> tuple[Path, Path]:
    """Make a certificate for the host, signed by itself, and its key."""
    pem, key = folder / "shop.pem", folder / "shop.key"
    run(
        *(program("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
        *("-subj", f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST}"),
        *("-out", str(pem), "-keyout", str(key)),
        cwd=folder,
    )
    return pem, key


def nginx_configuration(folder: Path, block: str, places: dict[str, str]) -> str:
    """Put a server block, at other places than it names, into a configuration of its own."""
    for documented, here in places.items():
        assert block.count(documented) == 1, f"the README's block has no {documented}"
        block = block.replace(documented, here)
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "".join(f"{kind}_temp_path {folder / kind};\n" for kind in kinds)
    user = "user root;\n" if os.geteuid() == 0 else ""
    return (
        f"{user}daemon off;\nworker_processes 1;\npid {folder / 'pid'};\n"
        f"error_log {folder / 'error.log'};\nevents {{}}\n"
        f"http {{\naccess_log off;\n{temporary}{block}}}\n"
    )


@pytest.fixture(scope="module", params=[f"{kind} {stack}" for stack in STACKS for kind in SERVERS])
def site(
    request: pytest.FixtureRequest,
    shops: Callable[[str], Shop],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Site]:
    """Serve the project of a stack with the README's settings, behind its nginx."""
    nginx = program("nginx")
    kind, _, stack = request.param.partition(" ")
    shop, folder = shops(stack), tmp_path_factory.mktemp("nginx")
    pem, key = certificate(folder)
    http, https = free_port(), free_port()
    with service(shop, kind, folder) as running:
        places = {
            "listen 80;": f"listen 127.0.0.1:{http};",
            "listen 443 ssl;": f"listen 127.0.0.1:{https} ssl;",
            f"/etc/ssl/{HOST}.pem": str(pem),
            f"/etc/ssl/{HOST}.key": str(key),
            "http://127.0.0.1:8000": f"http://127.0.0.1:{running.where[1]}",
        }
        (folder / "nginx.conf").write_text(
            nginx_configuration(folder, shop.block("nginx"), places), encoding="utf-8"
        )
        command = [nginx, "-c", str(folder / "nginx.conf"), "-p", str(folder)]
        with process(command, folder, folder / "nginx.log"):
            site = Site(running, http, https, ssl.create_default_context(cafile=str(pem)))
            wait_until(lambda: is_live(site.ask))
            yield site


def test_https_is_served_and_promised(site: Site) -> None:
    answer = site.ask("/admin/login/")
    assert answer.status == 200
    promise = "max-age=31536000; includeSubDomains; preload"
    assert answer.headers["strict-transport-security"] == promise
    assert site.service.ip(answer) == CLIENT


def test_http_is_redirected(site: Site) -> None:
    answer = site.ask_plainly("/admin/login/?a=1")
    assert answer.status == 301
    assert answer.headers["location"] == f"https://{HOST}/admin/login/?a=1"
    assert "strict-transport-security" not in answer.headers


@pytest.mark.parametrize("path", ["/health/live", "/health/ready"])
def test_probes_need_no_tls_and_no_name(site: Site, path: str) -> None:
    assert site.ask_plainly(path).status == 200
    assert site.service.ask(path, [("X-Forwarded-Host", "10.0.0.1")]).status == 200


def test_what_a_client_forges_changes_nothing(site: Site) -> None:
    for headers in ODD:
        secure, plain = site.ask("/nowhere", headers), site.ask_plainly("/nowhere", headers)
        assert (secure.status, plain.status) == (404, 301), headers
        assert plain.headers["location"] == f"https://{HOST}/nowhere", headers
        assert {site.service.ip(secure), site.service.ip(plain)} == {CLIENT}, headers
        script = [("SCRIPT_NAME", "/x"), ("Script-Name", "/x")]
        assert site.ask("/x/admin/login/", [*headers, *script]).status == 404, headers


def test_the_admin_takes_a_login_of_its_own_site_only(site: Site) -> None:
    form = site.ask("/admin/login/")
    token = form.cookies["csrftoken"]
    assert "Secure" in form.headers["set-cookie"]
    typed = {"username": "boss", "password": "right-password", "csrfmiddlewaretoken": token}
    cookie = ("Cookie", f"csrftoken={token}")
    for origin, status in ((f"https://{HOST}", 302), ("https://evil.example", 403)):
        answer = site.ask("/admin/login/", [cookie, ("Origin", origin)], urlencode(typed))
        assert answer.status == status, origin


def test_who_guesses_behind_the_proxy_is_locked_out_alone(site: Site) -> None:
    typed = urlencode({"username": f"victim-{site.https}", "password": "wrong"})

    def guess(number: int, source: str) -> int:
        forged = [("X-Forwarded-For", f"198.51.100.{number}")]
        return site.ask("/api/auth/token/", forged, typed, source).status

    assert [guess(number, CLIENT) for number in range(6)] == [400] * 4 + [429] * 2
    assert guess(6, "127.0.0.3") == 400


# What the README names is all that is needed


def check_deploy(shop: Shop, variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run Django's checks for production with these variables alone."""
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME")}
    python = str(shop.project.path / ".venv" / "bin" / "python")
    return subprocess.run(
        [python, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=shop.project.path,
        env=kept | variables,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("stack", STACKS)
def test_the_documented_settings_pass_the_checks_for_production(
    shops: Callable[[str], Shop], stack: str
) -> None:
    done = check_deploy(shops(stack), shops(stack).variables())
    assert done.returncode == 0, done.stdout + done.stderr
    assert "no issues (0 silenced)" in done.stdout + done.stderr


def test_none_of_the_documented_settings_is_in_vain(shop: Shop) -> None:
    """DEBUG is off without .env, too; without TRUSTED_PROXIES, HTTPS is redirected for ever."""
    variables = shop.variables()
    for name in variables.keys() - {"DEBUG", "TRUSTED_PROXIES"}:
        less = {key: value for key, value in variables.items() if key != name}
        assert check_deploy(shop, less).returncode != 0, name
    assert check_deploy(shop, variables | {"DEBUG": "True"}).returncode != 0
