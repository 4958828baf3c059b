"""The files a project has, and what its answers change in that."""

from tests.combinations import Answers

# All that is rendered, and the .env that the hook writes.
FILES = """
.dockerignore
.env
.env.example
.github/workflows/ci.yml
.gitignore
<namespace>/__init__.py
<namespace>/api/__init__.py
<namespace>/api/errors.py
<namespace>/api/health.py
<namespace>/api/login.py
<namespace>/logging_helper.py
<namespace>/products/__init__.py
<namespace>/products/admin.py
<namespace>/products/apps.py
<namespace>/products/migrations/0001_initial.py
<namespace>/products/migrations/__init__.py
<namespace>/products/models.py
<namespace>/products/serializers.py
<namespace>/products/urls.py
<namespace>/products/views.py
Dockerfile
README.md
config/__init__.py
config/asgi.py
config/env.py
config/logging.py
config/settings.py
config/urls.py
config/wsgi.py
deploy/lnav/json_lines.json
deploy/logrotate.conf
docs/logging.md
docs/reading-logs.md
gunicorn.conf.py
manage.py
observability/README.md
observability/__init__.py
observability/access.py
observability/apps.py
observability/audit.py
observability/checks.py
observability/context.py
observability/events.py
observability/line/exceptions.py
observability/line/files.py
observability/line/formatter.py
observability/line/handlers.py
observability/line/known_types.py
observability/line/ordinary.py
observability/line/record.py
observability/line/redact.py
observability/line/shorten.py
observability/line/strict_json.py
observability/line/values.py
observability/log_line.schema.json
observability/logging_config.py
observability/management/commands/logs.py
observability/management/commands/verify_logging.py
observability/pretty.py
observability/queries.py
observability/reading.py
observability/security.py
observability/servers.py
observability/settings.py
observability/testing.py
observability/uncaught.py
observability/verification.py
pyproject.toml
tests/__init__.py
tests/conftest.py
tests/lines.py
tests/settings.py
tests/test_log.py
tests/test_products.py
tests/test_servers.py
tests/test_service.py
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
