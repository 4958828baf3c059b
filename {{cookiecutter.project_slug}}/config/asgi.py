"""The ASGI application, for uvicorn.

https://docs.djangoproject.com/en/stable/howto/deployment/asgi/
"""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django_application = get_asgi_application()

from {{ cookiecutter.namespace }}.observability.asgi import (  # noqa: E402 - needs the settings
    log_every_end,
)

application = log_every_end(django_application)
