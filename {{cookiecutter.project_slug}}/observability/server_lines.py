"""The lines that servers log themselves: without what they quote of a request."""

import logging
import sys


class ServerLogFilter(logging.Filter):
    """Takes out of a server's lines what they quote of a request."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Cut each path at its question mark, and name a request that is none by its fault only."""
        if isinstance(record.args, tuple):
            record.args = tuple(map(_without_query, record.args))
        error = sys.exc_info()[1]
        if type(error).__module__ == "gunicorn.http.errors":
            # "Invalid request from ip=…: …"; the error's own text is what the client has sent.
            record.msg, _, _ = record.getMessage().partition(": ")
            record.msg, record.args = f"{record.msg}: {type(error).__name__}", ()
        return True


def _without_query(value: object) -> object:
    return value.partition("?")[0] if isinstance(value, str) and value.startswith("/") else value
