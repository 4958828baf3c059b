"""The least that logs as much: one `orjson.dumps` and two `write`s an event, and nothing else."""

import os
from collections.abc import Mapping
from typing import Any

import orjson

from .base import LOG_DIR, replace_logging
from .middleware import Access
from .without_logging import *  # noqa: F403
from .without_logging import MIDDLEWARE as _MIDDLEWARE

LOG_DIR.mkdir(parents=True, exist_ok=True)
MIDDLEWARE = [f"{__name__}.FloorAccess", *_MIDDLEWARE]
_flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
_files = [os.open(LOG_DIR / name, _flags, 0o640) for name in ("console.log", "app.json.log")]


def _write(event: str, payload: Mapping[str, Any]) -> None:
    line = {
        "timestamp": "2026-11-22T16:47:37.584123Z",
        "level": "INFO",
        "logger": "ecommerce.products.views",
        "request_id": "d3b7e8f4-2f4a-4e3b-a123-9c8d7f1c5678",
        "event": event,
        "payload": payload,
    }
    data = orjson.dumps(line) + b"\n"
    for file in _files:
        os.write(file, data)


class FloorAccess(Access):
    """One line a request."""

    def log(self, method: str, path: str, status: int, milliseconds: float) -> None:
        """Write it."""
        payload = {"method": method, "path": path, "status": status, "duration_ms": milliseconds}
        _write("request_finished", payload)


replace_logging(_write)
