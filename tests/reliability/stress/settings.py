"""The project's settings, with the views of the stress tests and small limits for rotation."""

from config.env import env
from config.settings import *  # noqa: F403
from config.settings import LOG_NAMESPACE, LOGGING

ROOT_URLCONF = "stress.urls"
ALLOWED_HOSTS = ["127.0.0.1"]

for _handler in LOGGING["handlers"].values():
    if "max_bytes" in _handler:
        _handler["max_bytes"] = env.int("STRESS_MAX_FILE_BYTES", default=_handler["max_bytes"])
        _handler["backup_count"] = env.int("STRESS_FILES", default=_handler["backup_count"])

if env.bool("STRESS_ALONE", default=False):
    # Nothing is logged but what the stress views log: for tests that count every record.
    LOGGING["loggers"][f"{LOG_NAMESPACE}.observability"] = {"level": "CRITICAL"}
    LOGGING["root"]["level"] = "CRITICAL"
