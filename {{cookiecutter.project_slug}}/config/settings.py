"""Settings, driven by the environment: the answers given at scaffolding are the defaults.

https://docs.djangoproject.com/en/stable/ref/settings/
"""

from pathlib import Path

import environ
from django.core.management.utils import get_random_secret_key

from .logging import (
    MAX_LINE_BYTES,
    MAX_PIPE_LINE_BYTES,
    SENSITIVE_KEYS,
    logging_config,
)

BASE_DIR = Path(__file__).resolve().parent.parent

# https://django-environ.readthedocs.io/
env = environ.Env()
if (BASE_DIR / ".env").is_file():
    env.read_env(BASE_DIR / ".env")

# Security: closed unless opened; without DEBUG a SECRET_KEY must be given.
# https://docs.djangoproject.com/en/stable/howto/deployment/checklist/
DEBUG = env.bool("DEBUG", default=False)
SECRET_KEY = env.str("SECRET_KEY", default="") or (get_random_secret_key() if DEBUG else "")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=[])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=False)
SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", default=0)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not DEBUG

# Logging. https://docs.djangoproject.com/en/stable/topics/logging/
LOG_NAMESPACE = "{{ cookiecutter.namespace }}"
LOG_LEVEL = env.str("LOG_LEVEL", default="{{ cookiecutter.log_level }}").upper()
LOG_ERROR_LEVEL = env.str("LOG_ERROR_LEVEL", default="{{ cookiecutter.error_log_level }}").upper()
LOG_HANDLERS = env.list("LOG_HANDLERS", default=[{% for handler in cookiecutter.handlers.split("+") %}{{ '"' ~ handler ~ '"' }}{{ "" if loop.last else ", " }}{% endfor %}])
LOG_DIR = BASE_DIR / env.str("LOG_DIR", default={{ cookiecutter.__log_dir_quoted }})  # fmt: skip
LOG_ROTATION = env.str("LOG_ROTATION", default="{{ cookiecutter.log_rotation }}")
LOG_SENSITIVE_KEYS = env.list("LOG_SENSITIVE_KEYS", default=SENSITIVE_KEYS)
LOG_MAX_LINE_BYTES = env.int("LOG_MAX_LINE_BYTES", default=MAX_LINE_BYTES)
LOG_MAX_PIPE_LINE_BYTES = env.int("LOG_MAX_PIPE_LINE_BYTES", default=MAX_PIPE_LINE_BYTES)
SLOW_REQUEST_MS = env.int("SLOW_REQUEST_MS", default=1_000)
SLOW_QUERY_MS = env.int("SLOW_QUERY_MS", default=200)
MAX_QUERIES_PER_REQUEST = env.int("MAX_QUERIES_PER_REQUEST", default=50)
# How many proxies of ours write X-Forwarded-For; with none it is never believed.
TRUSTED_PROXIES = env.int("TRUSTED_PROXIES", default=0)
LOGGING = logging_config(
    namespace=LOG_NAMESPACE,
    level=LOG_LEVEL,
    error_level=LOG_ERROR_LEVEL,
    handlers=LOG_HANDLERS,
    log_dir=LOG_DIR,
    rotation=LOG_ROTATION,
    sensitive_keys=LOG_SENSITIVE_KEYS,
    max_line_bytes=LOG_MAX_LINE_BYTES,
    max_pipe_line_bytes=LOG_MAX_PIPE_LINE_BYTES,
)

# https://docs.djangoproject.com/en/stable/ref/applications/
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "request_id",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "drf_standardized_errors",
    "{{ cookiecutter.namespace }}.observability",
    "{{ cookiecutter.namespace }}.products",
]

# The request id comes first: every line of a request has it. Then the access event.
# https://docs.djangoproject.com/en/stable/topics/http/middleware/
MIDDLEWARE = [
    "{{ cookiecutter.namespace }}.observability.request_id.RequestIDMiddleware",
    "{{ cookiecutter.namespace }}.observability.access.AccessMiddleware",
    "{{ cookiecutter.namespace }}.observability.health.HealthMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
ASGI_APPLICATION = "config.asgi.application"

# https://docs.djangoproject.com/en/stable/ref/settings/#templates
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# https://docs.djangoproject.com/en/stable/ref/databases/
DATABASES = {"default": env.db("DATABASE_URL", default=f"sqlite:///{BASE_DIR / 'db.sqlite3'}")}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # Writers queue instead of failing. https://www.sqlite.org/wal.html
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }

# https://docs.djangoproject.com/en/stable/topics/auth/passwords/#password-validation
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True

# https://whitenoise.readthedocs.io/en/stable/django.html
STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"

# With DEBUG the API is open, to try it out; without, it is closed to anonymous callers.
# https://www.django-rest-framework.org/api-guide/settings/
REST_FRAMEWORK = {
    "DEFAULT_PERMISSION_CLASSES": [
        f"rest_framework.permissions.{'AllowAny' if DEBUG else 'IsAuthenticated'}",
    ],
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PAGINATION_CLASS": "rest_framework.pagination.PageNumberPagination",
    "PAGE_SIZE": 100,
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "drf_standardized_errors.handler.exception_handler",
}

# https://drf-standardized-errors.readthedocs.io/en/latest/settings.html
DRF_STANDARDIZED_ERRORS = {
    "EXCEPTION_HANDLER_CLASS": "{{ cookiecutter.namespace }}.observability.errors.ProblemHandler",
    "EXCEPTION_FORMATTER_CLASS": "{{ cookiecutter.namespace }}.observability.errors.ProblemFormatter",
    "ENABLE_IN_DEBUG_FOR_UNHANDLED_EXCEPTIONS": True,
}

# https://drf-spectacular.readthedocs.io/en/latest/settings.html
TITLE = {{ cookiecutter.__project_name_quoted }}  # fmt: skip
DESCRIPTION = {{ cookiecutter.__description_quoted }}  # fmt: skip
SPECTACULAR_SETTINGS = {
    "TITLE": TITLE,
    "DESCRIPTION": DESCRIPTION,
    "VERSION": "0.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}
