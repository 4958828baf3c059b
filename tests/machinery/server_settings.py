"""The project's settings with the URLs of the tests, for a server that runs as a process."""

from config.settings import *  # noqa: F403

ROOT_URLCONF = "machinery.urls"
# A login with the ordinary ones takes half a second.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
