"""Who calls: an address that nobody can make up, a typed name that nobody can read."""

import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.http import HttpRequest
from django.utils.crypto import salted_hmac


def client_ip(request: HttpRequest) -> str | None:
    """Return the client's address, or None where there is none, as on a Unix socket.

    Behind TRUSTED_PROXIES proxies it is the entry of X-Forwarded-For that the outermost of them
    wrote, counted from the right; what stands before it may come from the client. With no
    proxy the header is not looked at.
    """
    nearest = _address(request.META.get("REMOTE_ADDR", ""))
    if settings.TRUSTED_PROXIES < 1:
        return nearest
    hops = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
    return _address(hops[-settings.TRUSTED_PROXIES :][0]) or nearest


def username_hash(_request: HttpRequest | None, credentials: Mapping[str, Any] | None) -> str:
    """Return a keyed hash of the name that was typed, since people type passwords there.

    The same name gives the same hash, in any case and any form of Unicode. The arguments are
    those of AXES_USERNAME_CALLABLE: axes counts, and is asked to forget, by the hash.
    """
    typed = credentials or {}
    name = str(typed.get(get_user_model().USERNAME_FIELD) or typed.get("username") or "")
    normal = unicodedata.normalize("NFKC", name[:255]).strip().casefold()
    digest = salted_hmac("username_hash", normal.encode(errors="replace"), algorithm="sha256")
    return digest.hexdigest()[:16]


@lru_cache(maxsize=1_000)
def _address(text: str) -> str | None:
    """Return an address as it is always written: without port or zone, IPv4 as IPv4."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)
