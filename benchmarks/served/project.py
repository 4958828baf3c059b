"""The rendered project as it is: every event of its own, console and file."""

from .base import *  # noqa: F403
