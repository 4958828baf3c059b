"""The settings of the machinery and their defaults."""

from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from .logging_config import logging_config

# Values under keys with one of these in their name are masked, in any case, with any
# separators, at any depth. A term of up to four letters must be a word of its own.
SENSITIVE_KEYS = """password passwd pwd pw pass passphrase passcode pin pincode otp totp cookie
session sid csrf secret token jwt signature api_key access_key private_key encryption_key auth
authorization credential card_number credit_card pan cvv cvc iban ssn""".split()  # noqa: SIM905
# Words that are taken out of a name before it is searched for those: the value under
# "max_tokens" is shown, the one under "max_tokens_password" is not.
HARMLESS_KEYS = """token_count tokens_count token_counts token_limit token_budget token_usage
token_type token_ttl token_lifetime token_expires token_expires_in token_expires_at token_expiry
token_age token_valid token_length max_tokens max_new_tokens max_output_tokens max_completion_tokens
min_tokens num_tokens total_tokens prompt_tokens completion_tokens input_tokens output_tokens
cached_tokens reasoning_tokens tokens_used tokens_per_second tokens_per_minute tokens_left
tokens_remaining tokens_total tokenizer tokenized tokenization session_count sessions_count
session_duration session_length session_ttl session_age session_timeout session_engine
session_started_at session_ended_at active_sessions max_sessions total_sessions cookie_consent
cookie_policy cookie_banner cookie_notice cookie_settings cookie_age cookie_count cookie_domain
cookies_enabled cookies_accepted cookiecutter csrf_exempt csrf_failures pass_rate pass_count
pass_ratio pass_mark pass_through pass_fail first_pass second_pass boarding_pass_count passenger
passengers password_changed password_changed_at password_age password_length password_strength
password_expired password_expires_at password_min_length password_policy password_required
auth_method auth_type auth_backend auth_provider auth_scheme auth_required auth_status auth_failures
signature_algorithm signature_version signature_valid signature_count pin_count pin_length secretary
secret_santa pan_and_zoom credential_type credentials_count otp_enabled otp_required iban_country
author authored_by""".split()  # noqa: SIM905

_ARGUMENTS = logging_config.__kwdefaults__ or {}
DEFAULTS: dict[str, Any] = {
    "LOG_NAMESPACE": "app",
    # What logging_config() was called with: LOG_LEVEL, LOG_HANDLERS, LOG_DIR and so on.
    **{f"LOG_{name.removeprefix('log_').upper()}": value for name, value in _ARGUMENTS.items()},
    # What a line holds.
    "LOG_SENSITIVE_KEYS": SENSITIVE_KEYS,
    "LOG_HARMLESS_KEYS": HARMLESS_KEYS,
    "LOG_MAX_LINE_BYTES": 262_144,
    # Where workers share a pipe, it keeps their lines apart up to PIPE_BUF bytes (POSIX write()).
    "LOG_MAX_PIPE_LINE_BYTES": 4096,
    **dict.fromkeys(("LOG_SERVICE", "LOG_VERSION"), ""),
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

    A text in the place of a number is not used. Raises KeyError for a name that has no default.
    """
    default = DEFAULTS[name]
    try:
        value = getattr(settings, name, default)
    except ImproperlyConfigured:  # a script, or a server's master process
        return default
    return default if isinstance(default, int) and isinstance(value, str) else value
