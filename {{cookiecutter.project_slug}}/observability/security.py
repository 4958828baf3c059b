"""Security events: logins, tokens, lock-outs, refused requests, what Django finds suspicious.

Each has its name in OWASP's Logging Vocabulary, as `owasp`.
https://cheatsheetseries.owasp.org/cheatsheets/Logging_Vocabulary_Cheat_Sheet.html
"""

import logging
import unicodedata
from functools import partial
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db import transaction
from django.db.models.signals import post_save
from django.http import HttpRequest
from django.utils.crypto import salted_hmac
from rest_framework import exceptions

from .context import client_ip, current_request
from .events import log_event

# Who logged in and out is part of the audit trail.
AUDIT = "audit"


def connect() -> None:
    """Log what Django's and axes' signals say.

    https://docs.djangoproject.com/en/stable/ref/contrib/auth/#login-and-logout-signals
    """
    if apps.is_installed("axes"):
        # Its own receivers come first by this import: they decide whether a failure locks out.
        from axes.signals import user_locked_out

        user_locked_out.connect(_locked_out)
    user_logged_in.connect(_logged_in)
    user_login_failed.connect(_login_failed)
    user_logged_out.connect(_logged_out)
    if apps.is_installed("rest_framework.authtoken"):
        for model in ("Token", "TokenProxy"):  # the admin's
            post_save.connect(_token_saved, sender=f"authtoken.{model}")


def username_hash(_request: HttpRequest | None, credentials: dict[str, Any] | None) -> str:
    """Return a keyed hash of the name that was typed, since people type passwords there.

    The same name gives the same hash, in any case and any form of Unicode. The arguments are
    those of AXES_USERNAME_CALLABLE: axes counts by the hash.
    """
    typed = credentials or {}
    name = str(typed.get(get_user_model().USERNAME_FIELD) or typed.get("username") or "")
    normal = unicodedata.normalize("NFKC", name[:255]).strip().casefold()
    digest = salted_hmac("username_hash", normal.encode(errors="replace"), algorithm="sha256")
    return digest.hexdigest()[:16]


def log_refusal(exception: Exception, request: HttpRequest | None) -> None:
    """Log why a request is refused, if it is a matter of security; by code, never by text."""
    if getattr(request, "axes_locked_out", False):
        return  # login_failed has said so
    if isinstance(exception, exceptions.Throttled):
        # A whole number of seconds; None where it is not known.
        wait = getattr(exception, "wait", None)
        _warn("throttled", "excess_rate_limit_exceeded", request, wait_seconds=wait)
    elif isinstance(exception, (exceptions.NotAuthenticated, exceptions.AuthenticationFailed)):
        facts = {"code": _code(exception), "scheme": _scheme(request)}
        _warn("authentication_failed", "authn_login_fail", request, **facts)
    elif str(getattr(exception, "detail", "")).startswith("CSRF Failed: "):
        # DRF's exception has no code of its own.
        _log_csrf(request, str(exception).removeprefix("CSRF Failed: "))
    elif isinstance(exception, exceptions.PermissionDenied):
        _warn("permission_denied", "authz_fail", request, code=_code(exception))


def _code(exception: exceptions.APIException) -> str:
    """Return one code, also where the detail has many parts."""
    return str(getattr(exception.detail, "code", exception.default_code))


class DjangoSecurityHandler(logging.Handler):
    """Logs an event in place of each record of Django's security loggers, which echo the input.

    https://docs.djangoproject.com/en/stable/ref/logging/#django-security
    """

    def emit(self, record: logging.LogRecord) -> None:
        """Log the event in place of the record."""
        request = getattr(record, "request", None)
        kind = record.name.rpartition(".")[2]
        if kind == "csrf":
            _log_csrf(request, str(next(iter(record.args or ()), "")))
        else:
            facts = {"kind": kind, "host": getattr(request, "META", {}).get("HTTP_HOST", "")[:200]}
            _warn("suspicious_operation", "malicious_extraneous", request, **facts)


def _logged_in(user: Any, request: HttpRequest | None = None, **_signal: Any) -> None:
    _audit("login_succeeded", "authn_login_success", user.pk, request)


def _logged_out(user: Any, request: HttpRequest | None = None, **_signal: Any) -> None:
    if user:
        _audit("logout", "session_expired", user.pk, request)


def _token_saved(instance: Any, created: bool, using: str, **_signal: Any) -> None:
    if created:
        log = partial(_audit, "token_created", "authn_token_created", instance.user_id)
        transaction.on_commit(log, using=using)


def _login_failed(credentials: Any, request: HttpRequest | None = None, **_signal: Any) -> None:
    locked_out = bool(getattr(request, "axes_locked_out", False))
    facts = {"username_hash": username_hash(request, credentials), "locked_out": locked_out}
    _warn("login_failed", "authn_login_fail", request, **facts)


def _locked_out(request: Any, username: str, **_signal: Any) -> None:
    """Log a lock-out when it begins; axes sends the signal at every attempt until it ends."""
    # Axes counted this attempt, so it was not locked out before.
    if (failures := request.axes_failures_since_start) is not None:
        seconds = int(settings.AXES_COOLOFF_TIME.total_seconds())
        facts = {"username_hash": username, "failures": failures, "seconds": seconds}
        _warn("account_locked", "authn_login_lock", request, **facts)


def _warn(event: str, owasp: str, request: HttpRequest | None, **facts: Any) -> None:
    log_event(event, {**facts, **_where(request), "owasp": owasp}, "WARNING")


def _audit(event: str, owasp: str, user_id: Any, request: HttpRequest | None = None) -> None:
    log_event(event, {"user_id": user_id, **_where(request), "owasp": owasp}, logger=AUDIT)


def _log_csrf(request: HttpRequest | None, reason: str) -> None:
    """Log Django's reason for a CSRF failure, without the header that it quotes."""
    _warn("csrf_failed", "authz_fail", request, reason=reason.partition(" - ")[0].rstrip("."))


def _where(request: HttpRequest | None) -> dict[str, str | None]:
    """Return the address of the client, and the path without its query string."""
    it = request or getattr(current_request(), "request", None)
    return {"ip": client_ip(it) if it else None, "path": it.path if it else None}


def _scheme(request: HttpRequest | None) -> str | None:
    """Return how the client tried to authenticate, if it did."""
    sent = request.headers.get("Authorization") if request else None
    if sent:
        scheme = sent.partition(" ")[0].lower()
        return scheme if scheme in ("basic", "bearer", "token") else "other"
    return "session" if request and settings.SESSION_COOKIE_NAME in request.COOKIES else None
