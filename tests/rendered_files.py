"""The files a project has, and what its answers change in that."""

from tests.combinations import Answers

# All that is rendered, and the .env that the hook writes.
FILES = """
.dockerignore
.editorconfig
.env
.env.example
.github/dependabot.yml
.github/workflows/ci.yml
.gitignore
.pre-commit-config.yaml
<namespace>/__init__.py
<namespace>/accounts/__init__.py
<namespace>/accounts/admin.py
<namespace>/accounts/apps.py
<namespace>/accounts/migrations/0001_initial.py
<namespace>/accounts/migrations/__init__.py
<namespace>/accounts/models.py
<namespace>/api/__init__.py
<namespace>/api/errors.py
<namespace>/api/health.py
<namespace>/api/limits.py
<namespace>/api/login.py
<namespace>/api/schema.py
<namespace>/logging_helper.py
<namespace>/products/__init__.py
<namespace>/products/admin.py
<namespace>/products/apps.py
<namespace>/products/migrations/0001_initial.py
<namespace>/products/migrations/__init__.py
<namespace>/products/models.py
<namespace>/products/serializers.py
<namespace>/products/tasks.py
<namespace>/products/urls.py
<namespace>/products/views.py
Dockerfile
README.md
compose.yaml
config/__init__.py
config/asgi.py
config/celery.py
config/env.py
config/logging.py
config/settings.py
config/urls.py
config/wsgi.py
deploy/compose.shipping.yaml
deploy/elasticsearch-template.json
deploy/fluent-bit.yaml
deploy/grafana-alerts.yaml
deploy/grafana-dashboard.json
deploy/lnav/json_lines.json
deploy/logrotate.conf
deploy/rsyslog.conf
docs/logging.md
docs/reading-logs.md
docs/shipping.md
docs/tasks.md
docs/telemetry.md
gates
gunicorn.conf.py
manage.py
observability/CHANGELOG.md
observability/README.md
observability/__init__.py
observability/access.py
observability/apps.py
observability/audit.py
observability/celery_tasks.py
observability/checks.py
observability/context.py
observability/django_tasks.py
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
observability/problem.py
observability/queries.py
observability/otlp.py
observability/reading.py
observability/security.py
observability/server_lines.py
observability/servers.py
observability/settings.py
observability/tasks.py
observability/telemetry.py
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
tests/test_refusals.py
tests/test_servers.py
tests/test_service.py
tests/test_tasks.py
""".split()

# What comes with one collector alone, and with each.
ELASTIC = "deploy/elasticsearch-template.json"
GRAFANA = {"deploy/grafana-alerts.yaml", "deploy/grafana-dashboard.json"}
SHIPPING = {
    *("deploy/compose.shipping.yaml", "deploy/fluent-bit.yaml", "deploy/rsyslog.conf"),
    "docs/shipping.md",
}
TASKS = {
    *("<namespace>/products/tasks.py", "docs/tasks.md", "tests/test_tasks.py"),
    "observability/tasks.py",
}
CELERY = {"config/celery.py", "observability/celery_tasks.py"}
DJANGO_TASKS = {"observability/django_tasks.py"}
TELEMETRY = {"observability/otlp.py", "observability/telemetry.py", "docs/telemetry.md"}

# What an answer takes away.
LEFT_OUT = {
    ("log_rotation", "size"): {"deploy/logrotate.conf"},
    ("handlers", "console"): {"deploy/logrotate.conf"},
    ("task_queue", "none"): TASKS | CELERY | DJANGO_TASKS,
    ("task_queue", "django-tasks"): CELERY,
    ("task_queue", "celery"): DJANGO_TASKS,
    ("telemetry", "none"): TELEMETRY,
    ("log_shipper", "none"): {*SHIPPING, *GRAFANA, ELASTIC},
    ("log_shipper", "loki"): {ELASTIC},
    ("log_shipper", "elasticsearch"): GRAFANA,
    **{("log_shipper", sink): {*GRAFANA, ELASTIC} for sink in ("datadog", "splunk", "otlp")},
}


def rendered_files(answers: Answers) -> set[str]:
    """Return the files of a project with these answers."""
    files = {name.replace("<namespace>", answers["namespace"]) for name in FILES}
    for (key, value), names in LEFT_OUT.items():
        if answers[key] == value:
            files -= {name.replace("<namespace>", answers["namespace"]) for name in names}
    return files
