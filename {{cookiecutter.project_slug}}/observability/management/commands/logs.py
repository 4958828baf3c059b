"""manage.py logs: shows, filters and follows the log files, rotated and compressed ones too."""

import os
import re
import sys
from argparse import ArgumentParser, ArgumentTypeError, BooleanOptionalAction
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ...logging_config import LEVELS
from ...pretty import console_on, harmless, pretty
from ...reading import Query, log_paths, read_lines
from ...settings import setting

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_FOLLOWED_FROM = 10  # lines that --follow shows of the past


class Command(BaseCommand):
    """Prints the lines asked for, the oldest first."""

    help = __doc__ or ""
    requires_system_checks: list[str] = []  # logs are read where something is broken

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the conditions, all of which must hold for a line, and how to print it."""
        add = parser.add_argument
        add("--request-id", type=glob_of_id, metavar="ID", help="one request, or a glob: '1f2e*'")
        add("--event", nargs=1, help="the name of an event, or a glob: 'login_*'")
        add("--level", type=level, help=f"this level and those above it: {', '.join(LEVELS)}")
        add("--logger", type=lambda x: [x, f"{x}.*"], help="this logger and those below it")
        add("--user", nargs=1, dest="user_id", metavar="ID", help="the lines of this user")
        add("--since", type=moment, metavar="TIME", help="2026-11-22T16:00:00Z, or 15m, 2h, 3d ago")
        add("--until", type=moment, metavar="TIME", help="the same; without an offset it is UTC")
        add("-n", "--lines", type=number, metavar="N", help="the last N of these lines, not all")
        add("-f", "--follow", action="store_true", help="go on; shows the last 10 lines before")
        add("--json", action=BooleanOptionalAction, help="JSON lines; the default off a terminal")

    def handle(self, **options: Any) -> None:
        """Print the lines; a closed pipe and Ctrl-C end it quietly."""
        folder, follow, last = setting("LOG_DIR"), options["follow"], options["lines"]
        if not log_paths(folder):
            handlers = ",".join(setting("LOG_HANDLERS"))
            raise CommandError(f"no log files in {folder} (LOG_HANDLERS={handlers})")
        if last is None and follow and not options["since"]:
            last = _FOLLOWED_FROM
        keys = ("request_id", "event", "level", "logger", "user_id")
        globs = {key: options[key] for key in keys if options[key]}
        query = Query(globs, options["since"] or b"", options["until"] or b"~")
        show, line = self._printer(options), None
        try:
            for line in read_lines(folder, query, self._report, last=last, follow=follow):
                show(line)
                if follow:
                    self.stdout.flush()
            if line is None:
                self.stderr.write("No line is as asked.")
            self.stdout.flush()
        except BrokenPipeError:
            # Python flushes again when it ends; see "Note on SIGPIPE" in its documentation.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        except KeyboardInterrupt:
            sys.exit(130)

    def _printer(self, options: dict[str, Any]) -> Callable[[bytes], object]:
        """Return what prints one line: as it stands in the file, or as text for people."""
        terminal, buffer = self.stdout.isatty(), getattr(self.stdout, "buffer", None)
        if options["json"] is False or (terminal and not options["json"]):
            wanted = {"force_terminal": options["force_color"], "no_color": options["no_color"]}
            console = console_on(self.stdout, **{name: on or None for name, on in wanted.items()})
            return lambda line: console.print(pretty(line))
        if terminal or not buffer:
            return lambda line: self.stdout.write(harmless(line))
        return lambda line: buffer.write(line + b"\n")

    def _report(self, problem: str) -> None:
        self.stderr.write(harmless(problem))


def glob_of_id(text: str) -> list[str]:
    """Return the glob of an id, which readable lines shorten: 1f2e3d4c…."""
    return [text.replace("…", "*")]


def level(text: str) -> tuple[str, ...]:
    """Return a level and those above it."""
    return LEVELS[LEVELS.index(text.upper()) :]


def number(text: str) -> int:
    """Return a number of lines."""
    if not text.isdecimal():
        raise ArgumentTypeError(f"{text!r} is no number of lines")
    return min(int(text), sys.maxsize)


def moment(text: str) -> bytes:
    """Return a time as lines have it, from RFC 3339 (UTC without an offset) or so long ago."""
    try:
        if ago := re.fullmatch(r"(\d+)([smhdw])", text):
            time = datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        else:
            time = datetime.fromisoformat(text)
            time = time.replace(tzinfo=time.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ArgumentTypeError(f"{text!r} is no time: 2026-11-22T16:00:00Z, or 15m") from error
    return time.isoformat(timespec="microseconds").replace("+00:00", "Z").encode()
