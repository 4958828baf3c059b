"""Security events: logins, lock-outs, refused requests, and what Django finds suspicious."""

import logging
import unicodedata
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
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
    user_logged_in.connect(_logged_in)
    user_login_failed.connect(_login_failed)
    user_logged_out.connect(_logged_out)
    if apps.is_installed("axes"):
        from axes.signals import user_locked_out

        user_locked_out.connect(_locked_out)


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
    if isinstance(exception, exceptions.Throttled):
        # A whole number of seconds; None where it is not known.
        _warn("throttled", request, wait_seconds=getattr(exception, "wait", None))
    elif isinstance(exception, (exceptions.NotAuthenticated, exceptions.AuthenticationFailed)):
        _warn("authentication_failed", request, code=exception.get_codes(), scheme=_scheme(request))
    elif str(getattr(exception, "detail", "")).startswith("CSRF Failed: "):
        # DRF's exception has no code of its own.
        _log_csrf(request, str(exception).removeprefix("CSRF Failed: "))
    elif isinstance(exception, exceptions.PermissionDenied):
        _warn("permission_denied", request, code=exception.get_codes())


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
            host = getattr(request, "META", {}).get("HTTP_HOST", "")
            _warn("suspicious_operation", request, kind=kind, host=host[:200])


def _logged_in(user: Any, request: HttpRequest | None = None, **_signal: Any) -> None:
    log_event("login_succeeded", {"user_id": user.pk, **_where(request)}, logger=AUDIT)


def _logged_out(user: Any, request: HttpRequest | None = None, **_signal: Any) -> None:
    if user:
        log_event("logout", {"user_id": user.pk, **_where(request)}, logger=AUDIT)


def _login_failed(credentials: Any, request: HttpRequest | None = None, **_signal: Any) -> None:
    locked_out = bool(getattr(request, "axes_locked_out", False))
    name = username_hash(request, credentials)
    _warn("login_failed", request, username_hash=name, locked_out=locked_out)


def _locked_out(request: Any, username: str, **_signal: Any) -> None:
    """Log a lock-out when it begins; axes sends the signal at every attempt until it ends."""
    failures = request.axes_failures_since_start
    if failures is not None:  # axes counted this attempt, so it was not locked out before
        seconds = int(settings.AXES_COOLOFF_TIME.total_seconds())
        _warn("account_locked", request, username_hash=username, failures=failures, seconds=seconds)


def _warn(event: str, request: HttpRequest | None, **facts: Any) -> None:
    log_event(event, {**facts, **_where(request)}, "WARNING")


def _log_csrf(request: HttpRequest | None, reason: str) -> None:
    """Log Django's reason for a CSRF failure, without the header that it quotes."""
    _warn("csrf_failed", request, reason=reason.partition(" - ")[0].rstrip("."))


def _where(request: HttpRequest | None) -> dict[str, str | None]:
    """Return the address of the client, and the path without its query string."""
    if request is None and (context := current_request()):
        request = context.request
    ip = client_ip(request) if request else None
    return {"ip": ip, "path": request.path if request else None}


def _scheme(request: HttpRequest | None) -> str | None:
    """Return how the client tried to authenticate, if it did."""
    sent = request.headers.get("Authorization") if request else None
    if sent:
        scheme = sent.partition(" ")[0].lower()
        return scheme if scheme in ("basic", "bearer", "token") else "other"
    return "session" if request and settings.SESSION_COOKIE_NAME in request.COOKIES else None
