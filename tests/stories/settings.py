"""The project's settings, with the view and the tasks of the stories."""

from config.settings import *  # noqa: F403
from config.settings import INSTALLED_APPS

INSTALLED_APPS += ["stories"]
ROOT_URLCONF = "stories.urls"
ALLOWED_HOSTS = ["127.0.0.1"]
