"""The files a project has, and what its answers change in that."""

from tests.combinations import Answers

# All that is rendered, and the .env that the hook writes.
FILES = """
.env
.env.example
.gitignore
<namespace>/__init__.py
<namespace>/logging_helper.py
<namespace>/observability/__init__.py
<namespace>/observability/apps.py
<namespace>/observability/checks.py
<namespace>/observability/errors.py
<namespace>/observability/exceptions.py
<namespace>/observability/formatter.py
<namespace>/observability/handlers.py
<namespace>/observability/health.py
<namespace>/observability/log_line.schema.json
<namespace>/observability/management/__init__.py
<namespace>/observability/management/commands/__init__.py
<namespace>/observability/management/commands/verify_logging.py
<namespace>/observability/redact.py
<namespace>/observability/request_id.py
<namespace>/observability/shorten.py
<namespace>/observability/strict_json.py
<namespace>/observability/values.py
<namespace>/observability/verification.py
<namespace>/products/__init__.py
<namespace>/products/admin.py
<namespace>/products/apps.py
<namespace>/products/migrations/0001_initial.py
<namespace>/products/migrations/__init__.py
<namespace>/products/models.py
<namespace>/products/serializers.py
<namespace>/products/urls.py
<namespace>/products/views.py
config/__init__.py
config/asgi.py
config/gunicorn.py
config/logging.py
config/settings.py
config/urls.py
config/wsgi.py
manage.py
pyproject.toml
tests/__init__.py
""".split()

# What an answer takes away.
LEFT_OUT = {("log_rotation", "size"): {"deploy/logrotate.conf"}}


def rendered_files(answers: Answers) -> set[str]:
    """Return the files of a project with these answers."""
    files = {name.replace("<namespace>", answers["namespace"]) for name in FILES}
    for (key, value), names in LEFT_OUT.items():
        if answers[key] == value:
            files -= names
    return files
