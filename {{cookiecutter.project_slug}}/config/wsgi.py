"""The WSGI application: gunicorn config.wsgi

https://docs.djangoproject.com/en/stable/howto/deployment/wsgi/
"""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django_application = get_wsgi_application()

from observability.servers import wsgi  # noqa: E402 - needs the settings

application = wsgi(django_application)
