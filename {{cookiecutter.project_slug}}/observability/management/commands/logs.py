"""manage.py logs: shows, filters and follows the log files, rotated and compressed ones too."""

import os
import re
import sys
from argparse import ArgumentParser, ArgumentTypeError, BooleanOptionalAction
from datetime import UTC, datetime, timedelta
from fnmatch import translate
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ...logging_config import LEVELS
from ...pretty import console_on, harmless, pretty
from ...reading import Query, log_paths, read_lines
from ...settings import setting

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


class Command(BaseCommand):
    """Prints the lines asked for, the oldest first."""

    help = __doc__ or ""
    requires_system_checks: list[str] = []  # logs are read where something is broken

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the conditions, all of which must hold for a line, and how to print it."""
        add = parser.add_argument
        add("--request-id", type=glob, metavar="ID", help="one request, or a glob: '1f2e*'")
        add("--event", type=glob, help="the name of an event, or a glob: 'login_*'")
        add("--level", type=level, help=f"this level and those above it: {', '.join(LEVELS)}")
        add("--logger", type=lambda x: glob(x, f"{x}.*"), help="this logger and those below it")
        add("--user", type=glob, dest="user_id", metavar="ID", help="the lines of this user")
        add("--since", type=moment, metavar="TIME", help="2026-11-22T16:00:00Z, or 15m, 2h, 3d ago")
        add("--until", type=moment, metavar="TIME", help="the same; without an offset it is UTC")
        add("-n", "--lines", type=number, metavar="N", help="the last N of these lines, not all")
        add("-f", "--follow", action="store_true", help="go on; shows the last 10 lines before")
        add("--json", action=BooleanOptionalAction, help="JSON lines; the default off a terminal")

    def handle(self, **options: Any) -> None:
        """Print the lines; a closed pipe and Ctrl-C end it quietly."""
        folder, follow, last = Path(setting("LOG_DIR")), options["follow"], options["lines"]
        if not log_paths(folder):
            raise CommandError(f"no log files in {folder}: is a file among LOG_HANDLERS?")
        if last is None and follow and not options["since"]:
            last = 10
        patterns = {key: value for key, value in options.items() if isinstance(value, re.Pattern)}
        query = Query(patterns, options["since"] or b"", options["until"] or b"~", last, follow)
        colour = {"force_terminal": options["force_color"], "no_color": options["no_color"]}
        console = console_on(self.stdout, **{name: on or None for name, on in colour.items()})
        terminal, as_json = self.stdout.isatty(), options["json"]
        # A line leaves byte for byte, but for a terminal, and a stream that takes only text.
        buffer = None if terminal else getattr(self.stdout, "buffer", None)
        try:
            for line in read_lines(folder, query, lambda text: self.stderr.write(harmless(text))):
                if as_json is False or (terminal and not as_json):
                    console.print(pretty(line))
                elif buffer:
                    buffer.write(line + b"\n")
                else:
                    self.stdout.write(harmless(line.decode(errors="backslashreplace")))
                if follow:
                    self.stdout.flush()
            self.stdout.flush()
        except BrokenPipeError:
            # Python flushes again when it ends; see "Note on SIGPIPE" in its documentation.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        except KeyboardInterrupt:
            sys.exit(130)


def glob(*globs: str) -> re.Pattern[str]:
    """Return the pattern of these globs; "…" is where a readable line ends an id."""
    return re.compile("|".join(translate(one.replace("…", "*")) for one in globs))


def level(name: str) -> re.Pattern[str]:
    """Return the pattern of a level and those above it."""
    return glob(*LEVELS[LEVELS.index(name.upper()) :])


def number(text: str) -> int:
    """Return a number of lines; a minus is taken for a dash, as tail does."""
    return min(abs(int(text)), sys.maxsize)


def moment(text: str) -> bytes:
    """Return a time as lines have it, from RFC 3339 (UTC without an offset) or so long ago."""
    if ago := re.fullmatch(r"(\d{1,5})([smhdw])", text):
        time = datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    else:
        time = datetime.fromisoformat(text)
    try:
        time = time.replace(tzinfo=time.tzinfo or UTC).astimezone(UTC)
    except OverflowError as error:  # of the first and the last day that there is
        raise ArgumentTypeError(f"{text!r} is out of range") from error
    return time.isoformat(timespec="microseconds").replace("+00:00", "Z").encode()
