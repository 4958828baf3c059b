#!/usr/bin/env python
"""Django's command line: `python manage.py help` lists its commands."""

import os
import sys


def main() -> None:
    """Run the command that the arguments name."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    # What a command prints may be data: its log lines go beside it, a server's are its output.
    if {{ 'not {"runserver", "db_worker"} & {*sys.argv}' if cookiecutter.task_queue == "django-tasks" else '"runserver" not in sys.argv' }}:
        os.environ.setdefault("LOG_CONSOLE_STREAM", "stderr")
    try:
        from django.core.management import execute_from_command_line
    except ImportError:
        sys.exit("Django is not installed here. Run: uv run python manage.py …")
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
