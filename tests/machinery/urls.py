"""The project's URLs, and those of the views that only tests need."""

from django.urls import path

from config.urls import handler400, handler403, handler500, urlpatterns

from . import views

__all__ = ["handler400", "handler403", "handler500", "urlpatterns"]

urlpatterns = [
    *urlpatterns,
    path("test/sync", views.sync),
    path("test/async", views.asynchronous),
    path("test/stream", views.stream),
    path("test/async-stream", views.async_stream),
    path("test/crash", views.crash),
    path("api/test/crash", views.crash),
    path("api/test/drf-crash", views.DRFCrash.as_view()),
    path("test/async-crash", views.async_crash),
    path("test/ids", views.ids),
    path("test/sql", views.failing_sql),
    path("test/slow-query", views.slow_query),
    path("test/n-plus-one", views.n_plus_one),
    path("test/endless", views.endless),
    path("test/waiting", views.waiting),
    path("test/broken-stream", views.broken_stream),
    path("test/exit", views.ending),
    path("api/test/refused", views.Refusing.as_view()),
    path("api/test/guarded", views.Guarded.as_view()),
]
