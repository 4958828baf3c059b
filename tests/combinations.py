"""The supported combinations of answers, each under a name that says what is special in it.

Every value of every question stands here at least once, and so do the values that meet: handlers
with rotation and levels, hostile text with the formats it lands in, names with the import order.
"""

Answers = dict[str, str]

# The combinations that are proven as a service in production.
STACKS = ("default", "django-6.1", "postgresql", "postgresql-on-django-6.1")

# The combinations whose files are looked into by default; all of them are, with the long matrix.
BY_DEFAULT = {
    *("default", "postgresql", "celery", "telemetry", "console-only", "nested-log-dir"),
    *("ships-by-otlp", "hostile-text", "folder-in-snake-case"),
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
    "rotation-by-size": {"log_rotation": "size"},
    "console-only": {"handlers": "console"},
    "console-only-with-size": {"handlers": "console", "log_rotation": "size"},
    "console-and-file": {"handlers": "console+file"},
    "console-and-file-with-size": {
        "handlers": "console+file",
        "log_rotation": "size",
        "log_level": "DEBUG",
    },
    "files-only": {"handlers": "file+error_file"},
    "files-only-with-size-on-django-6.1": {
        "handlers": "file+error_file",
        "log_rotation": "size",
        "django_version": "6.1",
    },
    "everything-logged": {"log_level": "DEBUG", "error_log_level": "WARNING"},
    "warnings-in-both-files": {"log_level": "WARNING", "error_log_level": "WARNING"},
    "errors-only": {"log_level": "ERROR", "error_log_level": "ERROR", "log_rotation": "size"},
    "critical-only": {"log_level": "CRITICAL", "error_log_level": "CRITICAL"},
    "error-file-takes-less": {"log_level": "DEBUG", "error_log_level": "CRITICAL"},
    "error-file-takes-more": {"log_level": "CRITICAL", "error_log_level": "WARNING"},
    "nested-log-dir": {"log_dir": "var/log files/Läden"},
    "absolute-log-dir": {"log_dir": f"{OUTSIDE}/var/log/shop"},
    "absolute-log-dir-with-size": {
        "log_dir": f"{OUTSIDE}/var/log/shop",
        "log_rotation": "size",
        "handlers": "file+error_file",
    },
    "telemetry": {"telemetry": "otlp"},
    "ships-to-loki": {"log_shipper": "loki"},
    "ships-to-elasticsearch": {"log_shipper": "elasticsearch", "namespace": "ShopLogs"},
    "ships-to-datadog": {"log_shipper": "datadog", "handlers": "console"},
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
    "empty-description": {"description": ""},
    "long-text": {"project_name": "A very long name " * 8, "description": "On and on, " * 30},
    "longest-namespace": {"namespace": "the_longest_namespace_that_is_accepted_x"},
    "short-namespace": {"namespace": "a"},
    "namespace-between-config-and-django": {"namespace": "core"},
    "namespace-last-of-all": {"namespace": "zoo"},
    "namespace-in-capitals": {"namespace": "ShopAPI"},
    "folder-in-snake-case": {"project_slug": "My_Shop.v2"},
}
