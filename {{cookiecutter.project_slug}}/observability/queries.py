"""Counts and times the queries of a request, and logs slow ones: SQL without its parameters.

https://docs.djangoproject.com/en/stable/topics/db/instrumentation/
"""

from time import perf_counter
from typing import Any

from django.db.backends.signals import connection_created
from django.dispatch import Signal

from .context import current_request
from .events import log_event
from .settings import setting

# A query has ended: the sender is its connection. It has `sql`, `seconds`, and `error`: a class.
query_ended = Signal()
_SQL = 1_000  # characters of a statement
_STATEMENTS = 1_000  # different ones that are counted in one request


def connect() -> None:
    """Watch every connection to a database from its first query on."""
    connection_created.connect(_watch)


def _watch(connection: Any, **_signal: Any) -> None:
    if _timed not in connection.execute_wrappers:
        connection.execute_wrappers.append(_timed)


def _timed(execute: Any, sql: Any, params: Any, many: bool, context: dict[str, Any]) -> Any:
    started, error = perf_counter(), None
    try:
        return execute(sql, params, many, context)
    except BaseException as raised:
        error = type(raised)
        raise
    finally:
        seconds = perf_counter() - started
        sql = str(sql)[:_SQL]
        if request := current_request():
            request.queries += 1
            request.db_seconds += seconds
            if sql in request.statements or len(request.statements) < _STATEMENTS:
                request.statements[sql] += 1
        ms = round(seconds * 1000, 3)
        if ms > setting("SLOW_QUERY_MS"):
            payload = {"sql": sql, "duration_ms": ms, "database": context["connection"].alias}
            log_event("slow_query", payload, "WARNING")
        query_ended.send_robust(context["connection"], sql=sql, seconds=seconds, error=error)
