"""Where every URL leads.

https://docs.djangoproject.com/en/stable/topics/http/urls/
"""

from django.contrib import admin
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from {{ cookiecutter.namespace }}.api.login import TokenLoginView

urlpatterns = [
    path("admin/", admin.site.urls),
    path("api/products/", include("{{ cookiecutter.namespace }}.products.urls")),
    path("api/auth/token/", TokenLoginView.as_view(), name="token-login"),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs/", SpectacularSwaggerView.as_view(url_name="schema"), name="docs"),
]

handler403 = "{{ cookiecutter.namespace }}.api.errors.permission_denied"
handler404 = "{{ cookiecutter.namespace }}.api.errors.not_found"
handler500 = "{{ cookiecutter.namespace }}.api.errors.server_error"
