"""django-structlog with as few lines written as this project has: JSON, console and one file."""

from .django_structlog import *  # noqa: F403
from .django_structlog import LOGGING

LOGGING["handlers"]["console"]["formatter"] = "json"
for _logger_settings in LOGGING["loggers"].values():
    _logger_settings["handlers"] = ["console", "json_file"]
del LOGGING["handlers"]["flat_line_file"]
