"""Says which lines of standard input the project's own schema refuses."""

import json
import os
import sys
from importlib import import_module

import django

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "stress.settings")
    os.environ["LOG_HANDLERS"] = "console"
    django.setup()
    module = import_module("observability.verification")
    refused = 0
    for line in sys.stdin:
        if problems := module.schema_problems(json.loads(line)):
            print(problems, line[:300])
            refused += 1
    sys.exit(1 if refused else 0)
