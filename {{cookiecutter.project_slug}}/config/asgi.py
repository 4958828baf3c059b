"""The ASGI application: uvicorn config.asgi:application

https://docs.djangoproject.com/en/stable/howto/deployment/asgi/
"""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django_application = get_asgi_application()

from observability.servers import asgi  # noqa: E402 - needs the settings

application = asgi(django_application)
