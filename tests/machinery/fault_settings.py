"""The project's settings with the views of test_servers.py, for servers that run as processes."""

from config.settings import *  # noqa: F403

ROOT_URLCONF = "machinery.fault_urls"
