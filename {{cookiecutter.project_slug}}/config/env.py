"""The environment, and the .env file of this machine, which it goes before.

A wrong value ends the process with one line that says what is allowed, whatever has started it.
Only the settings of the log do not: a service that cannot log as told must still start.
https://django-environ.readthedocs.io/
"""

import re
import sys
from collections.abc import Callable, Container
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any
from warnings import catch_warnings

import environ
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent

# What the URL of a database or of a cache needs, and how it is installed.
DRIVERS = {
    "django.db.backends.postgresql": ("psycopg_pool", "Run: uv add 'psycopg[binary,pool]'"),
    "django.db.backends.mysql": ("MySQLdb", "Run: uv add mysqlclient"),
    "django.core.cache.backends.redis.RedisCache": ("redis", "Run: uv add redis"),
}


def form(pattern: str, allowed: str, make: Callable[[str], Any] = str) -> Callable[[Any], Any]:
    """Return a cast for values of this form; it raises ValueError for any other."""

    def cast(value: Any) -> Any:
        text = str(value).strip().lower()
        if not re.fullmatch(pattern, text):
            raise ValueError(f"{value!r} is not allowed. Use {allowed}.")
        return make(text)

    return cast


def url(parse: Callable[[str], Any], schemes: Container[str], allowed: str) -> Callable[[str], Any]:
    """Return a cast for URLs whose driver is installed; it quotes none, as they hold passwords."""

    def cast(text: str) -> Any:
        config: dict[str, Any] = {}
        with suppress(ValueError, UserWarning), catch_warnings(action="error"):
            config = parse(text) if text.partition("://")[0] in schemes else {}
        if not (config.get("NAME") or config.get("OPTIONS") or "LOCATION" in config):
            raise ValueError(f"this URL cannot be used. Use {allowed}.")
        backend = config.get("ENGINE") or config["BACKEND"]
        module, fix = DRIVERS.get(backend, (backend.partition(".")[0], "Install it."))
        try:
            import_module(module)
        except ImportError:
            raise ValueError(f"{module} is not installed. {fix}") from None
        return config

    return cast


class Env(environ.Env):  # type: ignore[misc]  # it has no types
    """django-environ, stricter: a switch that is neither on nor off is wrong, and so is -1."""

    def get_value(self, var: str, *args: Any, **kwargs: Any) -> Any:
        """Return a variable; end the process if it is wrong, or needed and not there."""
        try:
            return super().get_value(var, *args, **kwargs)
        except (ValueError, ImproperlyConfigured) as error:
            sys.exit(f"{var}: {error}")

    def db(self, var: str, default: str) -> Any:
        """Return the settings of the database that a URL names."""
        allowed = "sqlite:///PATH or postgres://USER:PASSWORD@HOST/NAME"
        read = url(self.db_url_config, self.DB_SCHEMES, allowed)
        return self.get_value(var, cast=read, default=default, parse_default=True)

    def cache(self, var: str, default: str) -> Any:
        """Return the settings of the cache that a URL names."""
        read = url(self.cache_url_config, self.CACHE_SCHEMES, "locmemcache:// or redis://HOST:PORT")
        return self.get_value(var, cast=read, default=default, parse_default=True)

    @classmethod
    def parse_value(cls, value: Any, cast: Any) -> Any:
        """Make of a variable's text what it stands for."""
        strict = SWITCH if cast is bool else WHOLE if cast is int else cast
        return super().parse_value(value, strict)


SWITCH = form(
    "true|yes|on|1|false|no|off|0", "True or False", ("true", "yes", "on", "1").__contains__
)
WHOLE = form("[0-9]{1,9}", "a whole number, 0 or more", int)
POSITIVE = form("0*[1-9][0-9]{0,8}", "a whole number, 1 or more", int)
RATE = form("([0-9]+/(second|minute|hour|day))?", "a rate as 600/minute, or nothing for no limit")
HOST = form(r"[\w.*:[\]-]+", "names as shop.example.com, and commas between them")
ORIGIN = form(r"https?://[\w.*:[\]-]+", "URLs as https://shop.example.com, and commas between them")

env = Env()
if (BASE_DIR / ".env").is_file():
    env.read_env(BASE_DIR / ".env")
