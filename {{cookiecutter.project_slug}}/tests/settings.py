"""The project's settings for its tests: they need nothing of this machine, and leave nothing.

The service's own log files are not touched: the lines of the tests go to a temporary folder.
"""

import os
from tempfile import TemporaryDirectory

folder = TemporaryDirectory(prefix="logs-", ignore_cleanup_errors=True)  # until pytest ends
os.environ |= {
    "SECRET_KEY": "only-for-the-tests-of-this-project",
    "ALLOWED_HOSTS": "127.0.0.1",
    "SECURE_SSL_REDIRECT": "False",
    "CACHE_URL": "locmemcache://",
    "THROTTLE_LOGIN": "1000/minute",
    "LOG_DIR": folder.name,
    "LOG_LEVEL": "DEBUG",
    "LOG_ERROR_LEVEL": "ERROR",
    "LOG_HANDLERS": "file,error_file",
    "LOG_CONSOLE_FORMAT": "json",
}

from config.settings import *  # noqa: E402, F403 - reads the environment

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # the ordinary ones are slow
{%- if cookiecutter.task_queue == "celery" %}

from config.celery import app  # noqa: E402

# Tasks run where they are queued.
os.environ["CELERY_BROKER_URL"] = "memory://"
app.conf.task_always_eager = True
{%- elif cookiecutter.task_queue == "django-tasks" %}

# Tasks run where they are queued.
TASKS = {"default": {"BACKEND": "{{ "django.tasks" if cookiecutter.django_version == "6.1" else "django_tasks" }}.backends.immediate.ImmediateBackend"}}
{%- endif %}
