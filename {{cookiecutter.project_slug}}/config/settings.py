"""Settings, driven by the environment: the answers given at scaffolding are the defaults.

https://docs.djangoproject.com/en/stable/ref/settings/
"""

import sys
from datetime import timedelta
from urllib.parse import quote

from .env import BASE_DIR, HOST, ORIGIN, POSITIVE, RATE, env
from .logging import *  # noqa: F403 - the settings of the log

# Security: closed unless opened; without DEBUG a SECRET_KEY must be given.
# https://docs.djangoproject.com/en/stable/howto/deployment/checklist/
DEBUG = env.bool("DEBUG", default=False)
SECRET_KEY = env.str("SECRET_KEY", default="") or ("django-insecure-debug" if DEBUG else "")
if not SECRET_KEY:
    sys.exit("SECRET_KEY is not set. Set it in the environment or in .env.")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", cast=HOST, default=[])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", cast=ORIGIN, default=[])
SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=False)
SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", default=0)
SECURE_HSTS_INCLUDE_SUBDOMAINS = env.bool("SECURE_HSTS_INCLUDE_SUBDOMAINS", default=False)
SECURE_HSTS_PRELOAD = env.bool("SECURE_HSTS_PRELOAD", default=False)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not DEBUG

# How many proxies stand in front of the service: with none, X-Forwarded-For, -Proto and -Host are
# not believed. The servers believe none of them by themselves (gunicorn.conf.py, observability/servers.py).
# https://docs.djangoproject.com/en/stable/ref/settings/#secure-proxy-ssl-header
TRUSTED_PROXIES = env.int("TRUSTED_PROXIES", default=0)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None
USE_X_FORWARDED_HOST = bool(TRUSTED_PROXIES)

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
    "rest_framework.authtoken",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "drf_standardized_errors",
    "observability",
    "{{ cookiecutter.namespace }}.accounts",
    "{{ cookiecutter.namespace }}.products",
    "auditlog",
    "axes",  # AXES_ENABLED = False switches it off
]

# The request's context comes first, so that every line of a request has its id.
# https://docs.djangoproject.com/en/stable/topics/http/middleware/
MIDDLEWARE = [
    "observability.access.RequestMiddleware",
    "{{ cookiecutter.namespace }}.api.health.HealthMiddleware",
    "{{ cookiecutter.namespace }}.api.errors.ProblemMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    {{ '"django.middleware.csp.ContentSecurityPolicyMiddleware"' if cookiecutter.django_version == "6.1" else '"csp.middleware.CSPMiddleware"' }},
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
]

# What a page may load, and who may frame it: no inline script, no other site. Swagger UI needs the
# images in its style sheet, and the one style element in its page, which is named by its hash.
# https://docs.djangoproject.com/en/stable/ref/csp/
SECURE_CSP = {
    "default-src": ["'self'"],
    "form-action": ["'self'"],
    "img-src": ["'self'", "data:"],
    "style-src": ["'self'", "'sha256-MMpT0iDxyjALd9PdfepImGX3DBfJPXZ4IlDWdPAgtn0='"],
    **{name: ["'none'"] for name in ("base-uri", "frame-ancestors", "object-src")},
}
{%- if cookiecutter.django_version == "5.2" %}
CONTENT_SECURITY_POLICY = {"DIRECTIVES": SECURE_CSP}  # https://django-csp.readthedocs.io/
{%- endif %}

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"

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
database = env.db("DATABASE_URL", default=f"sqlite:///{quote(str(BASE_DIR / 'db.sqlite3'))}")
DATABASES = {"default": database}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
if database["ENGINE"] == "django.db.backends.sqlite3":
    # Writers queue instead of failing. https://www.sqlite.org/wal.html
    database["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
elif database["ENGINE"] == "django.db.backends.postgresql":
    # Each process has a pool of connections, one for each of its threads, and uses none that is
    # dead. https://docs.djangoproject.com/en/stable/ref/databases/#connection-pool
    database |= {"CONN_MAX_AGE": 0, "CONN_HEALTH_CHECKS": True}
    pool = {"min_size": 1, "max_size": env("WEB_THREADS", cast=POSITIVE, default=8)}
    database["OPTIONS"] = {**database.get("OPTIONS", {}), "pool": pool}

# https://docs.djangoproject.com/en/stable/topics/auth/customizing/#substituting-a-custom-user-model
AUTH_USER_MODEL = "accounts.User"
# https://docs.djangoproject.com/en/stable/topics/auth/passwords/#password-validation
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}Validator"}
    for name in ("UserAttributeSimilarity", "MinimumLength", "CommonPassword", "NumericPassword")
]

# Who guesses passwords is locked out, by the name typed and the address together: one alone would
# lock out a user whom somebody else attacks, or everybody behind one address. All processes
# share the count through the database. https://django-axes.readthedocs.io/
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
AXES_FAILURE_LIMIT = env("LOGIN_FAILURE_LIMIT", cast=POSITIVE, default=5)
AXES_COOLOFF_TIME = timedelta(minutes=env.int("LOGIN_LOCKOUT_MINUTES", default=15))
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_USERNAME_CALLABLE = "observability.security.username_hash"
AXES_CLIENT_IP_CALLABLE = "observability.context.client_ip"
AXES_HANDLER = "{{ cookiecutter.namespace }}.api.login.LockoutHandler"
AXES_LOCKOUT_CALLABLE = "{{ cookiecutter.namespace }}.api.errors.locked_out"
AXES_RESET_ON_SUCCESS = True
# A lock-out ends when it should, however often its victim or the attacker tries meanwhile.
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
# What axes would print and keep of logins, the security events say without names.
AXES_VERBOSE = False
AXES_DISABLE_ACCESS_LOG = True

# Who changed what: a table to query, and audit events with the same request id (cid).
# https://django-auditlog.readthedocs.io/en/latest/usage.html
AUDITLOG_CID_GETTER = "observability.context.current_request_id"
AUDITLOG_INCLUDE_TRACKING_MODELS = (
    {
        "model": AUTH_USER_MODEL,
        "exclude_fields": ["last_login"],
        "mask_fields": ["password"],
        "mask_callable": "observability.audit.masked",
    },
    "auth.Group",
    "products.Product",
)

{% if cookiecutter.task_queue == "django-tasks" -%}
# The database is the queue; manage.py db_worker runs what is in it.
# https://docs.djangoproject.com/en/stable/topics/tasks/
INSTALLED_APPS += [{{ '"django_tasks", ' if cookiecutter.django_version == "5.2" }}"django_tasks_db"]
TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}

{% endif -%}
TIME_ZONE = "UTC"

# https://whitenoise.readthedocs.io/en/stable/django.html
STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"

# The throttles count here, in each process for itself: a shared cache, as Redis, makes them one
# count, but a write to the database for each anonymous request would cost more than it saves.
# https://docs.djangoproject.com/en/stable/topics/cache/
CACHES = {"default": env.cache("CACHE_URL", default="locmemcache://?max_entries=10000")}

# With DEBUG the API is open, to try it out; without, it is closed to anonymous callers.
# https://www.django-rest-framework.org/api-guide/settings/
REST_FRAMEWORK = {
    "DEFAULT_PERMISSION_CLASSES": [
        f"rest_framework.permissions.{'AllowAny' if DEBUG else 'IsAuthenticated'}",
    ],
    # The first one's name is in the WWW-Authenticate header of a 401.
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "rest_framework.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_THROTTLE_CLASSES": ["rest_framework.throttling.AnonRateThrottle"],
    "DEFAULT_THROTTLE_RATES": {
        "anon": env("THROTTLE_ANONYMOUS", cast=RATE, default="600/minute") or None,
        "login": env("THROTTLE_LOGIN", cast=RATE, default="30/minute") or None,
    },
    "NUM_PROXIES": TRUSTED_PROXIES,
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": [
        "{{ cookiecutter.namespace }}.api.limits.JSONParser",
        "rest_framework.parsers.FormParser",
        "rest_framework.parsers.MultiPartParser",
    ],
    "DEFAULT_PAGINATION_CLASS": "rest_framework.pagination.PageNumberPagination",
    "PAGE_SIZE": 100,
    "DEFAULT_FILTER_BACKENDS": [
        "{{ cookiecutter.namespace }}.api.limits.SearchFilter",
        "rest_framework.filters.OrderingFilter",
    ],
    "DEFAULT_SCHEMA_CLASS": "{{ cookiecutter.namespace }}.api.schema.ProblemSchema",
    # /api/schema/ would put any other ?version= into a header.
    "ALLOWED_VERSIONS": ["0.1.0"],
    "EXCEPTION_HANDLER": "drf_standardized_errors.handler.exception_handler",
}

# https://drf-standardized-errors.readthedocs.io/en/latest/settings.html
DRF_STANDARDIZED_ERRORS = {
    "EXCEPTION_HANDLER_CLASS": "{{ cookiecutter.namespace }}.api.errors.ProblemHandler",
    "EXCEPTION_FORMATTER_CLASS": "{{ cookiecutter.namespace }}.api.errors.ProblemFormatter",
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
    "COMPONENT_SPLIT_REQUEST": True,
    "SERVE_PERMISSIONS": REST_FRAMEWORK["DEFAULT_PERMISSION_CLASSES"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}
