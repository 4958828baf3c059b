"""The supported combinations of answers, each under a name that says what is special in it.

Every value of every question stands here at least once, and so do the values that meet: handlers
with rotation and levels, hostile text with the formats it lands in, names with the import order.
"""

Answers = dict[str, str]

# The combinations that are proven as a service in production.
STACKS = ("default", "django-6.1", "postgresql", "postgresql-on-django-6.1")

# The combinations whose files are looked into by default; all of them are, with the long matrix.
BY_DEFAULT = {
    *("default", "postgresql", "celery", "telemetry", "console-only-with-size"),
    *("console-and-file-in-a-nested-log-dir", "ships-to-loki-from-a-folder-in-snake-case"),
    *("ships-by-otlp", "hostile-text"),
}

# Stands for a temporary folder outside the project, which each test makes for itself.
OUTSIDE = "<outside>"

HOSTILE_NAME = """Rosie's "Shop" \\ 100% $HOME {{ 7*7 }} {% raw %} {# x #} `id` $(id) 🛒 магазин"""
HOSTILE_DESCRIPTION = (
    r"""It's "quoted" \"twice\", C:\new\table, %(x)s %s {x} # ; & <b> '''x''' 中文 é"""
)

COMBINATIONS: dict[str, Answers] = {
    "default": {},
    "django-6.1": {"django_version": "6.1"},
    "postgresql": {"database": "postgresql"},
    "postgresql-on-django-6.1": {"database": "postgresql", "django_version": "6.1"},
    "django-tasks": {"task_queue": "django-tasks"},
    "django-tasks-on-django-6.1": {"task_queue": "django-tasks", "django_version": "6.1"},
    "celery": {"task_queue": "celery"},
    "celery-on-django-6.1": {
        "task_queue": "celery",
        "django_version": "6.1",
        "database": "postgresql",
    },
    "console-only-with-size": {"handlers": "console", "log_rotation": "size"},
    "console-and-file-with-size": {
        "handlers": "console+file",
        "log_rotation": "size",
        "log_level": "DEBUG",
    },
    "files-only-with-size-on-django-6.1": {
        "handlers": "file+error_file",
        "log_rotation": "size",
        "django_version": "6.1",
    },
    "everything-logged-without-a-description": {
        "log_level": "DEBUG",
        "error_log_level": "WARNING",
        "description": "",
    },
    "warnings-in-both-files-and-long-text": {
        "log_level": "WARNING",
        "error_log_level": "WARNING",
        "project_name": "A very long name " * 8,
        "description": "On and on, " * 30,
    },
    "errors-only-in-the-longest-namespace": {
        "log_level": "ERROR",
        "error_log_level": "ERROR",
        "log_rotation": "size",
        "namespace": "the_longest_namespace_that_is_accepted_x",
    },
    "critical-only-in-the-shortest-namespace": {
        "log_level": "CRITICAL",
        "error_log_level": "CRITICAL",
        "namespace": "a",
    },
    "error-file-takes-less-and-namespace-between-config-and-django": {
        "log_level": "DEBUG",
        "error_log_level": "CRITICAL",
        "namespace": "core",
    },
    "error-file-takes-more-and-namespace-last-of-all": {
        "log_level": "CRITICAL",
        "error_log_level": "WARNING",
        "namespace": "zoo",
    },
    "console-and-file-in-a-nested-log-dir": {
        "handlers": "console+file",
        "log_dir": "var/log files/Läden",
    },
    "files-only-in-an-absolute-log-dir": {
        "handlers": "file+error_file",
        "log_dir": f"{OUTSIDE}/var/log/shop",
    },
    "absolute-log-dir-with-size": {"log_dir": f"{OUTSIDE}/var/log/shop", "log_rotation": "size"},
    "telemetry": {"telemetry": "otlp"},
    "ships-to-loki-from-a-folder-in-snake-case": {
        "log_shipper": "loki",
        "project_slug": "My_Shop.v2",
    },
    "ships-to-elasticsearch-from-a-namespace-in-capitals": {
        "log_shipper": "elasticsearch",
        "namespace": "ShopLogs",
    },
    "ships-to-datadog-console-only": {"log_shipper": "datadog", "handlers": "console"},
    "ships-to-splunk": {"log_shipper": "splunk", "log_rotation": "size"},
    "ships-by-otlp": {
        "log_shipper": "otlp",
        "project_name": HOSTILE_NAME,
        "project_slug": "rosies-ships",
        "namespace": "rosies_ships",
    },
    "hostile-text": {
        "project_name": HOSTILE_NAME,
        "project_slug": "rosies-shop",
        "description": HOSTILE_DESCRIPTION,
        "namespace": "rosies_shop",
    },
}
