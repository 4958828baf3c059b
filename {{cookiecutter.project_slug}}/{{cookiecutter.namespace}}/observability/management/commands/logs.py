"""manage.py logs: follows and filters the log files, rotated and compressed ones too."""

import os
import re
import sys
import time
from argparse import ArgumentParser, ArgumentTypeError, BooleanOptionalAction
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from config.logging import LEVELS

from ...reading.pretty import console_on, harmless, pretty
from ...reading.query import Query
from ...reading.reader import LogReader

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_SECONDS_BETWEEN_LOOKS = 0.2
_FOLLOWED_FROM = 10  # lines that --follow shows of the past


class Command(BaseCommand):
    """Prints the lines asked for, the oldest first."""

    help = __doc__ or ""
    # Logs are read where something is broken.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add what can be asked for; all of it must hold for a line to be shown."""
        add = parser.add_argument
        add("--request-id", default="", metavar="ID", help="one request; its beginning as 'ID*'")
        add("--event", default="", help="the name of an event, or a glob: 'login_*'")
        add("--level", default="", type=str.upper, choices=LEVELS, help="this level and above")
        add("--logger", default="", help="this logger and those below it: shop.products")
        add("--user", default="", metavar="ID", help="what this user (user_id) did")
        add("--since", type=moment, metavar="TIME", help="2026-11-22T16:00:00Z, or 15m, 2h, 3d ago")
        add("--until", type=moment, metavar="TIME", help="the same; without an offset it is UTC")
        add("-n", "--lines", type=number, metavar="N", help="the last N of these lines, not all")
        add("-f", "--follow", action="store_true", help="go on; shows the last 10 lines before")
        add(
            "--json",
            action=BooleanOptionalAction,
            help="lines as they stand; the default where standard output is no terminal",
        )

    def handle(self, **options: Any) -> None:
        """Print the lines; a closed pipe and Ctrl-C end it without a word."""
        asked = ("request_id", "event", "level", "logger", "user", "since", "until")
        # As the readable form shows a shortened id, so it may be asked for.
        options["request_id"] = options["request_id"].replace("…", "*")
        query = Query(**{name: options[name] for name in asked})
        with closing(LogReader(settings.LOG_DIR, query, self._complain)) as reader:
            if not reader:
                handlers = ",".join(settings.LOG_HANDLERS)
                raise CommandError(f"no log files in {settings.LOG_DIR} (LOG_HANDLERS={handlers})")
            try:
                self._print(self._lines(reader, options), self._shower(options))
            except BrokenPipeError:
                # The interpreter flushes once more at its end.
                # https://docs.python.org/3/library/signal.html#note-on-sigpipe
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            except KeyboardInterrupt:
                sys.exit(130)

    def _print(self, lines: Iterable[bytes], show: Callable[[bytes], object]) -> None:
        nothing = True
        for line in lines:
            nothing = False
            show(line)
        if nothing:
            self.stderr.write("No line is as asked.")
        self.stdout.flush()

    def _lines(self, reader: LogReader, options: dict[str, Any]) -> Iterator[bytes]:
        lines, follow = options["lines"], options["follow"]
        if lines is None and follow and not options["since"]:
            lines = _FOLLOWED_FROM
        past = reader.read() if lines is None else reader.last(lines)
        if not follow:
            return iter(past)
        return chain(past, reader.follow(lambda: time.sleep(_SECONDS_BETWEEN_LOOKS)))

    def _shower(self, options: dict[str, Any]) -> Callable[[bytes], object]:
        """Return what prints a line: as it stands, or as text for people."""
        terminal, buffer = self.stdout.isatty(), getattr(self.stdout, "buffer", None)
        if not (options["json"] if options["json"] is not None else not terminal):
            console = console_on(
                self.stdout,
                force_terminal=options["force_color"] or None,
                no_color=options["no_color"] or None,
            )
            return lambda line: console.print(pretty(line))
        if terminal or buffer is None:
            return lambda line: self.stdout.write(harmless(line))

        def write(line: bytes) -> None:
            buffer.write(line + b"\n")
            if options["follow"]:
                buffer.flush()

        return write

    def _complain(self, problem: str) -> None:
        self.stderr.write(harmless(problem))


def moment(text: str) -> datetime:
    """Return the time that a text means: RFC 3339, UTC where it does not say, or so long ago."""
    try:
        if ago := re.fullmatch(r"(\d+)([smhdw])", text):
            return datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        given = datetime.fromisoformat(text)
        return (given if given.tzinfo else given.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ArgumentTypeError(f"{text!r} is no time: 2026-11-22T16:00:00Z, or 15m") from error


def number(text: str) -> int:
    """Return a number of lines."""
    if not text.isdecimal():
        raise ArgumentTypeError(f"{text!r} is no number of lines")
    return int(text)
