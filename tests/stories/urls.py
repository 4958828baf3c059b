"""/story/ queues a task for the user that a header names."""

from django.contrib.auth import get_user_model
from django.http import HttpRequest, HttpResponse
from django.urls import path
from observability.events import log_event
from stories.tasks import outer, queue


def story(request: HttpRequest) -> HttpResponse:
    """Queue a task whose argument must not be logged, and say when to kill its process."""
    request.user = get_user_model()(pk=int(request.headers["X-User"]))
    log_event("in_request")
    queue(outer, "argument-canary", request.headers.get("X-Die-Once", ""))
    return HttpResponse("queued\n")


urlpatterns = [path("story/", story)]
