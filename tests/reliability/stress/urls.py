"""Where the stress views lead, before the project's own URLs."""

from config.urls import handler500
from django.urls import include, path

from . import views

__all__ = ["handler500", "urlpatterns"]

urlpatterns = [
    path("stress/events", views.events),
    path("stress/large", views.large),
    path("stress/sync", views.sync_view),
    path("stress/async", views.async_view),
    path("stress/upload", views.upload),
    path("stress/stream", views.stream),
    path("stress/async-stream", views.async_stream),
    path("stress/broken-stream", views.broken_stream),
    path("stress/failing", views.failing),
    path("stress/async-failing", views.async_failing),
    path("", include("config.urls")),
]
