"""The rendered project with its events switched off: what it does for them all the same."""

import os

os.environ["LOG_LEVEL"] = os.environ["LOG_ERROR_LEVEL"] = "CRITICAL"

from .base import *  # noqa: F403
