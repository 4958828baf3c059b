"""Where every URL leads.

https://docs.djangoproject.com/en/stable/topics/http/urls/
"""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from {{ cookiecutter.namespace }}.api.login import TokenLoginView

urlpatterns = [
    *([path("", RedirectView.as_view(pattern_name="docs"))] if settings.DEBUG else []),
    path("admin/", admin.site.urls),
    path("api/products/", include("{{ cookiecutter.namespace }}.products.urls")),
    path("api/auth/token/", TokenLoginView.as_view(), name="token-login"),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs/", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="docs"),
]

handler400 = "{{ cookiecutter.namespace }}.api.errors.bad_request"
handler403 = "{{ cookiecutter.namespace }}.api.errors.permission_denied"
handler500 = "{{ cookiecutter.namespace }}.api.errors.server_error"
