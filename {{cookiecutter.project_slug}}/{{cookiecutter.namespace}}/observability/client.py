"""The address of the client, which nobody can make up."""

from ipaddress import ip_address

from django.conf import settings
from django.http import HttpRequest


def client_ip(request: HttpRequest) -> str | None:
    """Return the client's address, or None where it is not an IP address.

    Behind TRUSTED_PROXIES proxies it is the entry of X-Forwarded-For that the outermost of them
    wrote, counted from the right; what stands before it may come from the client. With no
    proxy the header is not looked at.
    """
    address = request.META.get("REMOTE_ADDR", "")
    if settings.TRUSTED_PROXIES > 0:
        hops = [hop.strip() for hop in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")]
        address = hops[-settings.TRUSTED_PROXIES :][0] or address
    try:
        return str(ip_address(address))
    except ValueError:
        return None
