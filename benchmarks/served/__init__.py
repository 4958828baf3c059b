"""The rendered project's API behind each peer's logging: a settings module each."""

PEERS = {
    "without_logging": "all logging removed",
    "floor": "the floor: `orjson.dumps` and two writes an event",
    "project_silent": "**this project**, `LOG_LEVEL=CRITICAL` (audit is still written)",
    "project": "**this project**",
    "cookiecutter_django": "cookiecutter-django's configuration (text)",
    "wemake": "wemake's configuration (structlog, key=value)",
    "django_structlog_json": "django-structlog, JSON to the console and one file",
    "django_structlog": "django-structlog, as documented: console, two files",
}
