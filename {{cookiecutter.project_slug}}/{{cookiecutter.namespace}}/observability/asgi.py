"""Logs the ends of requests that Django does not see: it closes no response there."""

from collections.abc import Awaitable, Callable
from typing import Any

from .access import ENDS, End

Application = Callable[[dict[str, Any], Any, Any], Awaitable[None]]


def log_every_end(application: Application) -> Application:
    """Wrap an ASGI application: a client may leave before the response, and a body may fail."""

    async def serve(scope: dict[str, Any], receive: Any, send: Any) -> None:
        ends: list[End] = []
        scope[ENDS] = ends
        try:
            await application(scope, receive, send)
        except BaseException:
            for end in ends:
                end.bind()
            raise
        finally:
            for end in ends:
                end.log()

    return serve
