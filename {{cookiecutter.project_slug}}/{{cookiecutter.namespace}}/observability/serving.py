"""The request being served: who asks, since when, and what it has asked of the database."""

import sys
from collections import Counter
from contextvars import ContextVar
from time import perf_counter
from typing import Any

from django.http import HttpRequest

from .request_id import bind_request_id

_UNTOUCHED = object  # the type of what a lazy user holds until somebody looks at it


class Serving:
    """What is known of one request while it is served."""

    __slots__ = ("db_seconds", "queries", "request", "started", "statements", "told")

    def __init__(self, request: HttpRequest) -> None:
        self.request = request
        self.started = perf_counter()
        self.queries = 0
        self.db_seconds = 0.0
        self.statements: Counter[str] = Counter()
        # Exceptions whose traceback was logged, by their id, and at which level.
        self.told: dict[int, tuple[BaseException | None, int]] = {}

    def milliseconds(self) -> float:
        """Return the time since the request arrived."""
        return round((perf_counter() - self.started) * 1000, 3)


_current: ContextVar[Serving | None] = ContextVar("serving", default=None)


def begin_serving(request: HttpRequest) -> Serving:
    """Make this the request being served in this context, whatever was before."""
    serving = Serving(request)
    _current.set(serving)
    return serving


def end_request(**_signal: Any) -> None:
    """Forget the request and its id: a receiver of Django's `request_finished`.

    Not the middleware's work: Django logs 4xx and 5xx, and servers stream bodies, after the
    middleware has returned. And not yet where the body has failed: the server closes the
    response first, and reports the failure then.
    """
    if sys.exc_info()[0] is None:
        _current.set(None)
        bind_request_id(None)


def now_serving() -> Serving | None:
    """Return what is known of the request being served, or None outside one."""
    return _current.get()


def current_user_id() -> int | str | None:
    """Return the primary key of the authenticated user of this request, if already known.

    The lazy user is never forced: that would read the session, and add `Vary: Cookie`.
    """
    serving = _current.get()
    if serving is None or (user := serving.request.__dict__.get("user")) is None:
        return None
    try:
        user = getattr(user, "__dict__", {}).get("_wrapped", user)
        if type(user) is not _UNTOUCHED and user.is_authenticated:
            return user.pk if isinstance(user.pk, int) else str(user.pk)
    except Exception:
        return None  # a user can be any object that an authentication class returned
    return None
