"""Security events: logins, lock-outs, refused requests, and what Django finds suspicious."""

import logging
from collections.abc import Mapping
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db.models import Model
from django.http import HttpRequest
from rest_framework import exceptions

from ..logging_helper import NAMESPACE, Event, log_event
from .client import client_ip, username_hash
from .serving import now_serving

# Who came and went belongs to who did what.
_AUDIT = logging.getLogger(f"{NAMESPACE}.audit")
_CSRF = "CSRF Failed: "  # how DRF begins, whose exception has no code of its own
_SCHEMES = ("basic", "bearer", "token")


def connect() -> None:
    """Tell what Django's and axes' signals say.

    https://docs.djangoproject.com/en/stable/ref/contrib/auth/#login-and-logout-signals
    """
    user_logged_in.connect(_logged_in, dispatch_uid="security_logged_in")
    user_login_failed.connect(_login_failed, dispatch_uid="security_login_failed")
    user_logged_out.connect(_logged_out, dispatch_uid="security_logged_out")
    if apps.is_installed("axes"):
        from axes.signals import user_locked_out

        user_locked_out.connect(_locked_out, dispatch_uid="security_locked_out")


def log_refusal(exception: Exception, request: HttpRequest | None) -> None:
    """Log why a request is refused, if it is a matter of security; by code, never by text."""
    where = _where(request)
    if isinstance(exception, exceptions.Throttled):
        wait = getattr(exception, "wait", None)  # a whole number; None where nobody can say
        log_event("throttled", {"wait_seconds": wait, **where}, "WARNING")
    elif isinstance(exception, (exceptions.NotAuthenticated, exceptions.AuthenticationFailed)):
        facts = {"code": exception.get_codes(), "scheme": _scheme(request)}
        log_event("authentication_failed", {**facts, **where}, "WARNING")
    elif str(getattr(exception, "detail", "")).startswith(_CSRF):
        reason = str(exception).removeprefix(_CSRF)
        log_event("csrf_failed", {"reason": _without_echo(reason), **where}, "WARNING")
    elif isinstance(exception, exceptions.PermissionDenied):
        log_event("permission_denied", {"code": exception.get_codes(), **where}, "WARNING")


class DjangoSecurityHandler(logging.Handler):
    """Tells as events what Django's security loggers say, whose texts echo the input.

    https://docs.djangoproject.com/en/stable/ref/logging/#django-security
    """

    def emit(self, record: logging.LogRecord) -> None:
        """Log the event in place of the record."""
        where = _where(getattr(record, "request", None))
        kind = record.name.rpartition(".")[2]
        if kind == "csrf":
            reason = str(record.args[0]) if isinstance(record.args, tuple) and record.args else ""
            log_event("csrf_failed", {"reason": _without_echo(reason), **where}, "WARNING")
        else:
            host = getattr(getattr(record, "request", None), "META", {}).get("HTTP_HOST", "")
            facts = {"kind": kind, "host": host[:200]}
            log_event("suspicious_operation", {**facts, **where}, "WARNING")


def _logged_in(user: Model, request: HttpRequest | None = None, **_signal: Any) -> None:
    _AUDIT.info(Event("login_succeeded", {"user_id": user.pk, **_where(request)}))


def _logged_out(user: Model | None, request: HttpRequest | None = None, **_signal: Any) -> None:
    if user is not None:
        _AUDIT.info(Event("logout", {"user_id": user.pk, **_where(request)}))


def _login_failed(
    credentials: Mapping[str, Any], request: HttpRequest | None = None, **_signal: Any
) -> None:
    facts = {
        "username_hash": username_hash(request, credentials),
        "locked_out": getattr(request, "axes_locked_out", False),
    }
    log_event("login_failed", {**facts, **_where(request)}, "WARNING")


def _locked_out(request: HttpRequest, username: str, **_signal: Any) -> None:
    """Log a lock-out when it begins; axes sends the signal at every attempt until it ends."""
    failures = request.axes_failures_since_start  # type: ignore[attr-defined]
    if failures is None:  # so axes did not count this attempt, which was locked out already
        return
    facts = {
        "username_hash": username,
        "failures": failures,
        "seconds": int(settings.AXES_COOLOFF_TIME.total_seconds()),
    }
    log_event("account_locked", {**facts, **_where(request)}, "WARNING")


def _where(request: HttpRequest | None) -> dict[str, str | None]:
    """Return the address of the client, and the path without its query string."""
    if request is None and (serving := now_serving()):
        request = serving.request
    if request is None:
        return {"ip": None, "path": None}
    return {"ip": client_ip(request), "path": request.path}


def _scheme(request: HttpRequest | None) -> str | None:
    """Return how the client tried to prove who it is, if it did."""
    if request is None:
        return None
    if sent := request.headers.get("Authorization"):
        scheme = sent.partition(" ")[0].lower()
        return scheme if scheme in _SCHEMES else "other"
    return "session" if settings.SESSION_COOKIE_NAME in request.COOKIES else None


def _without_echo(reason: str) -> str:
    """Return Django's reason for a CSRF failure without the header that it quotes."""
    return reason.partition(" - ")[0].rstrip(".")
