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
<namespace>/logging_helper.py
<namespace>/observability/__init__.py
<namespace>/observability/access.py
<namespace>/observability/apps.py
<namespace>/observability/asgi.py
<namespace>/observability/audit.py
<namespace>/observability/checks.py
<namespace>/observability/client.py
<namespace>/observability/errors.py
<namespace>/observability/health.py
<namespace>/observability/line/__init__.py
<namespace>/observability/line/exceptions.py
<namespace>/observability/line/formatter.py
<namespace>/observability/line/handlers.py
<namespace>/observability/line/known_types.py
<namespace>/observability/line/redact.py
<namespace>/observability/line/shorten.py
<namespace>/observability/line/streams.py
<namespace>/observability/line/strict_json.py
<namespace>/observability/line/values.py
<namespace>/observability/log_line.schema.json
<namespace>/observability/login.py
<namespace>/observability/management/__init__.py
<namespace>/observability/management/commands/__init__.py
<namespace>/observability/management/commands/logs.py
<namespace>/observability/management/commands/verify_logging.py
<namespace>/observability/middleware.py
<namespace>/observability/queries.py
<namespace>/observability/reading/__init__.py
<namespace>/observability/reading/blocks.py
<namespace>/observability/reading/files.py
<namespace>/observability/reading/pretty.py
<namespace>/observability/reading/query.py
<namespace>/observability/reading/reader.py
<namespace>/observability/request_id.py
<namespace>/observability/security.py
<namespace>/observability/serving.py
<namespace>/observability/uncaught.py
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
Dockerfile
README.md
config/__init__.py
config/asgi.py
config/gunicorn.py
config/logging.py
config/settings.py
config/urls.py
config/uvicorn.py
config/wsgi.py
deploy/lnav/json_lines.json
deploy/logrotate.conf
docs/logging.md
docs/reading-logs.md
manage.py
pyproject.toml
tests/__init__.py
tests/conftest.py
tests/odd_values.py
tests/server_settings.py
tests/service.py
tests/support.py
tests/test_access.py
tests/test_api.py
tests/test_audit.py
tests/test_catalogue.py
tests/test_checks.py
tests/test_config.py
tests/test_forgery.py
tests/test_helper.py
tests/test_line.py
tests/test_logs_command.py
tests/test_odd_payloads.py
tests/test_pretty.py
tests/test_request_id.py
tests/test_rights.py
tests/test_secrets.py
tests/test_security.py
tests/test_server.py
tests/test_shortening.py
tests/test_story.py
tests/test_verify_logging.py
tests/urls.py
tests/views.py
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
