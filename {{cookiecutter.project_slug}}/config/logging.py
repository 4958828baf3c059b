"""The settings of the log: the answers given at scaffolding are the defaults.

docs/logging.md lists the events, observability/README.md says what each setting switches.
https://docs.djangoproject.com/en/stable/topics/logging/
"""

from observability.logging_config import logging_config
from observability.settings import DEFAULTS

from .env import BASE_DIR, env


def number(text: str) -> int | str:
    """Return a number; what is none stays as it is, for the log to say that it is wrong."""
    return int(text) if text.isdecimal() else text


LOG_NAMESPACE = "{{ cookiecutter.namespace }}"
LOG_LEVEL = env.str("LOG_LEVEL", default="{{ cookiecutter.log_level }}").upper()
LOG_ERROR_LEVEL = env.str("LOG_ERROR_LEVEL", default="{{ cookiecutter.error_log_level }}").upper()
LOG_HANDLERS = [name.strip() for name in env.list("LOG_HANDLERS", default={{ cookiecutter.handlers.split("+") | tojson }})]  # fmt: skip
LOG_DIR = BASE_DIR / env.str("LOG_DIR", default={{ cookiecutter.__log_dir_quoted }})  # fmt: skip
LOG_ROTATION = env.str("LOG_ROTATION", default="{{ cookiecutter.log_rotation }}")
LOG_CONSOLE_FORMAT = env.str("LOG_CONSOLE_FORMAT", default="json")
LOG_CONSOLE_STREAM = env.str("LOG_CONSOLE_STREAM", default="stdout")
LOG_SENSITIVE_KEYS = [
    *env.list("LOG_SENSITIVE_KEYS", default=DEFAULTS["LOG_SENSITIVE_KEYS"]),
    *env.list("LOG_MORE_SENSITIVE_KEYS", default=[]),
]
LOG_HARMLESS_KEYS = [
    *DEFAULTS["LOG_HARMLESS_KEYS"],
    *env.list("LOG_MORE_HARMLESS_KEYS", default=[]),
]
LOG_MAX_LINE_BYTES = env("LOG_MAX_LINE_BYTES", cast=number, default=262_144)
LOG_MAX_PIPE_LINE_BYTES = env("LOG_MAX_PIPE_LINE_BYTES", cast=number, default=4096)
# Keys of every line, where they are set: which service, which version of it.
LOG_SERVICE = env.str("LOG_SERVICE", default="")
LOG_VERSION = env.str("LOG_VERSION", default="")
# What is logged without being asked: take out what you do not need.
LOG_WATCHERS = {{ cookiecutter.__watchers.split() | tojson }}
SLOW_REQUEST_MS = env("SLOW_REQUEST_MS", cast=number, default=1_000)
SLOW_QUERY_MS = env("SLOW_QUERY_MS", cast=number, default=200)
MAX_QUERIES_PER_REQUEST = env("MAX_QUERIES_PER_REQUEST", cast=number, default=50)

LOGGING = logging_config(
    namespace=LOG_NAMESPACE,
    level=LOG_LEVEL,
    error_level=LOG_ERROR_LEVEL,
    handlers=LOG_HANDLERS,
    log_dir=LOG_DIR,
    rotation=LOG_ROTATION,
    console_format=LOG_CONSOLE_FORMAT,
    console_stream=LOG_CONSOLE_STREAM,
)
