"""The project's settings with the URLs of the tests, for a server that runs as a process."""

from config.settings import *  # noqa: F403

ROOT_URLCONF = "machinery.urls"
