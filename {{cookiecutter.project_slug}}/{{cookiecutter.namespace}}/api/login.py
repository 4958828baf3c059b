"""Tokens for the API, and django-axes wherever somebody may guess passwords.

https://django-axes.readthedocs.io/
"""

from typing import Any

from axes.handlers.database import AxesDatabaseHandler
from axes.handlers.proxy import AxesProxyHandler
from django.contrib.auth.signals import user_logged_in
from django.http import HttpRequest
from rest_framework.authtoken.models import Token
from rest_framework.authtoken.views import ObtainAuthToken
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import ScopedRateThrottle
from rest_framework.views import APIView


class TokenLoginView(ObtainAuthToken):
    """Give a token for a name and a password; it is logged like any other login.

    https://www.django-rest-framework.org/api-guide/authentication/#tokenauthentication
    """

    authentication_classes = ()
    parser_classes = APIView.parser_classes
    throttle_classes = (ScopedRateThrottle,)
    throttle_scope = "login"

    def post(self, request: Request, *_args: Any, **_kwargs: Any) -> Response:
        """Check the credentials, and return the user's token."""
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        user = request.user = serializer.validated_data["user"]
        token, _ = Token.objects.get_or_create(user=user)
        user_logged_in.send(sender=type(user), request=request._request, user=user)
        return Response({"token": token.key})


class LockoutHandler(AxesDatabaseHandler):  # type: ignore[misc]  # axes has no types
    """Counts a failed login by the request's address and path alone, and nothing of its content.

    Axes' own handler reads the body too, to keep it. A body that DRF cannot parse would end the
    count with an error, and with Basic authentication whoever sends one could guess for ever.
    """

    def user_login_failed(
        self, sender: Any, credentials: Any, request: Any = None, **kwargs: Any
    ) -> None:
        """Count the failure, and mark Django's own request, too, for axes' middleware."""
        if request is None:  # not from a client, so there is nobody to lock out
            return
        bare: Any = HttpRequest()
        bare.META, bare.method, bare.path = request.META, request.method, request.path
        bare.axes_locked_out = getattr(request, "axes_locked_out", False)
        AxesProxyHandler.update_request(bare)
        super().user_login_failed(sender, credentials, bare, **kwargs)
        http: Any = getattr(request, "_request", request)
        http.axes_locked_out = request.axes_locked_out = bare.axes_locked_out
