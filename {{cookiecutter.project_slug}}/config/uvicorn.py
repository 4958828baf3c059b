"""Runs uvicorn with the project's logging: uv run python -m config.uvicorn

https://www.uvicorn.org/settings/
"""

import os

import uvicorn

from config.settings import LOGGING

if __name__ == "__main__":
    host, _, port = os.environ.get("BIND", "127.0.0.1:8000").rpartition(":")
    host = host.strip("[]")  # of an IPv6 address
    uvicorn.run(
        "config.asgi:application",
        host=host,
        port=int(port),
        workers=int(os.environ.get("WEB_CONCURRENCY", "1")),
        timeout_graceful_shutdown=30,
        # Uvicorn's own lines go the way of all lines; `request_finished` is the access log.
        log_config=LOGGING,
        access_log=False,
        lifespan="off",  # which Django does not know
    )
