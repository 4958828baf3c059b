"""Gunicorn's settings, which it finds by itself: gunicorn config.wsgi

https://docs.gunicorn.org/en/stable/settings.html
"""

import os
from pathlib import Path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from config.env import POSITIVE, env
from config.settings import LOGGING

wsgi_app = "config.wsgi"
bind = os.environ.get("BIND", "127.0.0.1:8000")
worker_class = "gthread"
workers = env("WEB_CONCURRENCY", cast=POSITIVE, default=2)
threads = env("WEB_THREADS", cast=POSITIVE, default=8)
graceful_timeout = 30
# Workers write their heartbeat to memory: on a slow disk it would stop them.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108
control_socket_disable = True
# No header of a client is believed here, where TRUSTED_PROXIES is not known: neither one that says
# https nor one that sets SCRIPT_NAME, which would lead around a proxy's rules for paths.
secure_scheme_headers: dict[str, str] = {}
forwarder_headers = ""
# Gunicorn's own lines, the master's too, are the same lines in the same files.
logconfig_dict = LOGGING
