"""Who asks: the launcher, this process itself, someone on this machine, or a stranger.

Behind a launcher (a session token is set) every request must show the token; the launcher is then
believed about the public host. Without a token only this machine may ask, under a host name that is
ours: a foreign page can neither post here (its Origin) nor read (its name pointed at us).

A reverse proxy on this machine that sends X-Forwarded-For makes the server name the visitor as the
client, with port 0; such a visitor may come in under one of the further host names only.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.datastructures import Headers

from node.errors import NodeError

OWN_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})
READING = frozenset({"GET", "HEAD", "OPTIONS"})
_HOST = re.compile(r"(\[[0-9a-f:.]{2,45}\]|[a-z0-9._-]{1,253})(?::\d{1,5})?")


class Refused(NodeError):
    """Not let in, or not to this place. An empty sentence: the usual one of the status."""

    def __init__(self, status: int, sentence: str = "") -> None:
        super().__init__(sentence)
        self.http_status = status


@dataclass(frozen=True, slots=True)
class Asked:
    """A request. `path` is without the proxy's prefix; `trusted`: the token, or this process's own
    secret, was shown; `client` and `server`: the two ends of the connection (address, port)."""

    method: str
    path: str
    headers: Headers
    trusted: bool
    client: tuple[str, int]
    server: str

    @property
    def host(self) -> str:
        """The host that the browser sees, lower case, with its port if it has one."""
        told = self.headers.get("x-forwarded-host", "").split(",")[0].strip() if self.trusted else ""
        return (told or self.headers.get("host", "")).lower()

    @property
    def is_local(self) -> bool:
        """From this machine: a loopback address, or the server's own."""
        return _is_loopback(self.client[0]) or (self.client[1] > 0 and self.client[0] == self.server)


def check(asked: Asked, has_token: bool, hosts: frozenset[str]) -> None:
    """Raises Refused (403) with what to do when this visitor may not come in."""
    if has_token:
        if not (asked.trusted or _needs_no_token(asked)):
            raise Refused(403, "This session is reached through its launcher only; open it there.")
    elif not asked.trusted:
        _check_neighbour(asked, hosts)
    if asked.method not in READING:
        _check_origin(asked)


def _needs_no_token(asked: Asked) -> bool:
    """A watcher's look, and the two calls that Gradio makes to itself while it starts."""
    if asked.path == "/healthz":
        return asked.method in ("GET", "HEAD")
    own_start = (asked.method, asked.path) in (("HEAD", "/"), ("GET", "/gradio_api/startup-events"))
    return own_start and asked.is_local


def _check_neighbour(asked: Asked, hosts: frozenset[str]) -> None:
    named = asked.headers.getlist("host")
    parsed = _HOST.fullmatch(named[0].lower()) if len(named) == 1 else None
    name = parsed[1].rstrip(".") if parsed else ""
    if name not in OWN_NAMES and name not in hosts:
        raise Refused(
            403,
            f"This page does not answer to the name {name[:80]!r}; open it as localhost, "
            "or add the name to PUBLIC_HOSTS.",
        )
    through_proxy = asked.client[1] == 0 and name in hosts
    if not (through_proxy or _is_loopback(asked.client[0])):
        raise Refused(
            403,
            "This page answers only to the machine it runs on; to open it to others, start it behind "
            "a launcher, with SESSION_TOKEN_SHA256.",
        )


def _check_origin(asked: Asked) -> None:
    for origin in asked.headers.getlist("origin"):
        if _netloc(origin) != asked.host:
            raise Refused(403, "Another site sent this; open the session's own page and do it there.")


def _netloc(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


def _is_loopback(address: str) -> bool:
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    return (mapped or ip).is_loopback
