"""Whether an address or a URL lies in the public internet. Pure: nothing here looks anything up.

An address is public when it is globally reachable by the IANA registries (RFC 6890), which
`ipaddress` knows, and carries no private IPv4 address inside an IPv6 one.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from pipeline.errors import Refused

LONGEST_URL = 4096
DEFAULT_PORTS = {"http": 80, "https": 443}

_GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_NEVER = tuple(
    ipaddress.ip_network(network)
    for network in (
        "2001::/23",  # IETF protocol assignments, Teredo among them
        "2002::/16",  # 6to4: an IPv4 address in disguise, retired by RFC 7526
        "3fff::/20",  # documentation, RFC 9637; younger than Python 3.11's table
        "192.88.99.0/24",  # 6to4 relays, retired by RFC 7526
        "192.31.196.0/24",  # AS112, answers for private zones
        "192.52.193.0/24",  # AMT relays
        "192.175.48.0/24",  # AS112
        "2620:4f:8000::/48",  # AS112
        "192.0.0.0/24",  # IETF protocol assignments
    )
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a URL leads: scheme http or https, host in lower case without brackets, port."""

    scheme: str
    host: str
    port: int


def is_public(text: str) -> bool:
    """Whether this IPv4 or IPv6 address is one of the public internet; False for anything else."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id is not None:
            return False
        if address.ipv4_mapped is not None:
            return is_public(str(address.ipv4_mapped))
        if address in _NAT64:
            return is_public(str(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)))
        if address not in _GLOBAL_UNICAST:
            return False
    if address.is_multicast or address.is_reserved or address.is_unspecified or not address.is_global:
        return False
    return not any(address.version == network.version and address in network for network in _NEVER)


def check_url(url: str, *, allow_private: bool = False) -> Place:
    """Where the URL leads, when it may be fetched at all. Raises Refused with what is wrong with it.

    Names are not looked up: the proxy judges what they resolve to.
    """
    if len(url) > LONGEST_URL or any(letter.isspace() or not letter.isprintable() for letter in url):
        raise Refused("The address holds spaces, control characters or is too long; copy the link again.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as exc:
        raise Refused("The address is not a valid link; copy it again.", str(exc)) from exc
    scheme = parts.scheme.lower()
    if scheme not in DEFAULT_PORTS:
        raise Refused(f"Addresses of the kind {scheme[:20]}: are not fetched; give an http or https link.")
    if "@" in parts.netloc or "\\" in url:
        raise Refused("The address holds a user name or a backslash; give a plain http or https link.")
    if not parts.hostname:
        raise Refused("The address names no site; give a link such as https://example.org/talk.mp4.")
    host = plain_host(parts.hostname)
    place = Place(scheme, host, DEFAULT_PORTS[scheme] if port is None else port)
    check_place(place, allow_private=allow_private)
    return place


def check_place(place: Place, *, allow_private: bool = False) -> None:
    """Refuse ports and hosts that no public video has, before any name is looked up. Raises Refused.

    Ports: 80, 443 and everything from 1024 up. Below that live mail, ssh and file servers, which
    must not be talked to on a stranger's behalf.
    """
    if place.port < 1024 and place.port not in DEFAULT_PORTS.values():
        raise Refused(f"Port {place.port} of {place.host} is no web server; give a plain web link.")
    if allow_private:
        return
    local = place.host == "localhost" or place.host.endswith(".localhost")
    if local or (looks_like_address(place.host) and not is_public(place.host)):
        raise Refused(f"{place.host} lies in a private network; only public addresses are fetched.")


def plain_host(host: str) -> str:
    """The host in ASCII and lower case, without the dot at its end.

    Raises Refused for addresses in unusual writing (2130706433, 0177.0.0.1, 0x7f.1), which
    different libraries read differently, and for names that cannot be looked up.
    """
    if ":" in host:
        try:
            return str(ipaddress.IPv6Address(host))
        except ValueError as exc:
            raise Refused(f"{host[:80]} is not a valid IPv6 address.") from exc
    try:
        name = host.encode("idna").decode("ascii").lower().removesuffix(".")
    except UnicodeError as exc:
        raise Refused(f"{host[:80]} is not a valid site name; copy the link again.") from exc
    if not re.fullmatch(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*", name):
        raise Refused(f"{name[:80]} is not a valid site name; copy the link again.")
    # A last label that is a number makes the whole host an IPv4 address (WHATWG URL, 3.5).
    if re.fullmatch(r"\d+|0x[0-9a-f]*", name.rpartition(".")[2]):
        try:
            return str(ipaddress.IPv4Address(name))
        except ValueError as exc:
            raise Refused(f"{name[:80]} writes an address in an unusual way; give the site's name.") from exc
    return name


def looks_like_address(host: str) -> bool:
    """Whether the host is a written IP address rather than a name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
