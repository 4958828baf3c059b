"""The machinery of the log: how lines are made, and what is logged without being asked.

README.md is the map.
"""

__version__ = "1.0.0"
