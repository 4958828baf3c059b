"""Hold lines on standard input against the project's schema, and print what is wrong with them."""

import json
import sys

from observability.verification import schema_problems

for text in sys.stdin.read().splitlines():
    try:
        problems = schema_problems(json.loads(text))
    except ValueError as error:
        problems = [f"no JSON: {error}"]
    if problems:
        print(text[:500], *problems, sep="\n  ")
