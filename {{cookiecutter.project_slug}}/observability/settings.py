"""The settings of the machinery and their defaults."""

from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from .logging_config import logging_config

# Values under keys with one of these in their name are masked, in any case, with any
# separators, at any depth. A term of up to four letters must be a word of its own.
SENSITIVE_KEYS = (
    *("password", "passwd", "pwd", "passphrase", "pin", "otp", "cookie", "session", "csrf"),
    *("secret", "token", "api_key", "access_key", "private_key", "authorization", "credential"),
    *("card_number", "credit_card", "pan", "cvv", "cvc", "iban", "ssn"),
)

_ARGUMENTS = logging_config.__kwdefaults__ or {}
DEFAULTS: dict[str, Any] = {
    "LOG_NAMESPACE": "app",
    # What logging_config() was called with: LOG_LEVEL, LOG_HANDLERS, LOG_DIR and so on.
    **{f"LOG_{name.removeprefix('log_').upper()}": value for name, value in _ARGUMENTS.items()},
    # What a line holds.
    "LOG_SENSITIVE_KEYS": SENSITIVE_KEYS,
    "LOG_MAX_LINE_BYTES": 262_144,
    # Where workers share a pipe, it keeps their lines apart up to PIPE_BUF bytes (POSIX write()).
    "LOG_MAX_PIPE_LINE_BYTES": 4096,
    "LOG_SERVICE": "",
    "LOG_VERSION": "",
    # What is logged without being asked: a module of observability each.
    "LOG_WATCHERS": ("queries", "security", "uncaught"),
    "SLOW_REQUEST_MS": 1_000,
    "SLOW_QUERY_MS": 200,
    "MAX_QUERIES_PER_REQUEST": 50,
    # How many proxies in front of the service write X-Forwarded-For.
    "TRUSTED_PROXIES": 0,
}


def setting(name: str) -> Any:
    """Return a Django setting, or its default where the project has none or Django has no settings.

    Raises KeyError for a name that has no default.
    """
    try:
        return getattr(settings, name, DEFAULTS[name])
    except ImproperlyConfigured:  # a script, or a server's master process
        return DEFAULTS[name]
