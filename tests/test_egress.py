"""The guarded proxy and the judgement of addresses: nothing of a private network can be reached."""

from __future__ import annotations

import base64
import http.client
import ipaddress
import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import Refused
from pipeline.net.address import Place, check_url, is_public
from pipeline.net.egress import GuardedProxy
from tests.websites import SmallInternet, Website

PUBLIC = "93.184.215.14"

PRIVATE_ADDRESSES = (
    "127.0.0.1 127.255.0.1 10.0.0.1 172.16.0.1 172.31.255.255 192.168.1.1 169.254.169.254 100.64.0.1 0.0.0.0 "
    "0.1.2.3 192.0.0.1 192.0.2.7 198.18.0.1 198.51.100.1 203.0.113.9 224.0.0.1 240.0.0.1 255.255.255.255 "
    ":: ::1 ::ffff:127.0.0.1 ::ffff:169.254.169.254 ::7f00:1 64:ff9b::7f00:1 64:ff9b::a00:1 64:ff9b:1::1 "
    "2002:7f00:1:: 2002:c0a8:101::1 2001:0:4136:e378:8000:63bf:3fff:fdd2 fe80::1 "
    "fe80::1%eth0 fc00::1 fd00::1 fec0::1 ff02::1 2001:db8::1 3fff::1 100::1"
)
PUBLIC_ADDRESSES = "8.8.8.8 93.184.215.14 2606:4700:4700::1111 ::ffff:8.8.8.8 64:ff9b::808:808"


@pytest.mark.parametrize("address", PRIVATE_ADDRESSES.split())
def test_private_addresses_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC_ADDRESSES.split())
def test_public_addresses_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("text", ["", "localhost", "2130706433", "0x7f.1", "127.1", "1.2.3.4.5", "8.8.8.8 "])
def test_what_is_no_plain_address_is_not_public(text: str) -> None:
    assert not is_public(text)


@settings(max_examples=200, deadline=None)
@given(st.ip_addresses(v=4))
def test_an_ipv4_address_is_as_private_inside_ipv6(address: ipaddress.IPv4Address) -> None:
    packed = int(address)
    inside = (f"::ffff:{address}", str(ipaddress.IPv6Address((0x64FF9B << 96) | packed)))
    assert [is_public(text) for text in inside] == [is_public(str(address))] * 2
    assert not is_public(str(ipaddress.IPv6Address((0x2002 << 112) | (packed << 80))))


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("file:///etc/passwd", "kind file:"),
        ("ftp://example.org/a.mp4", "kind ftp:"),
        ("gopher://example.org/", "kind gopher:"),
        ("data:video/mp4;base64,AAAA", "kind data:"),
        ("ytsearch:cats", "kind ytsearch:"),
        ("http://2130706433/", "unusual way"),
        ("http://0177.0.0.1/", "unusual way"),
        ("http://0x7f.1/", "unusual way"),
        ("http://0x7f000001/", "unusual way"),
        ("http://127.1/", "unusual way"),
        ("http://1.2.3.4.5/", "unusual way"),
        ("http://127.0.0.1/", "private network"),
        ("http://127.0.0.1./", "private network"),
        ("http://①②⑦.0.0.1/", "private network"),
        ("http://[::1]/", "private network"),
        ("http://[::ffff:10.0.0.1]:8080/", "private network"),
        ("http://[fe80::1%25eth0]/", "private network"),
        ("http://169.254.169.254/latest/meta-data/", "private network"),
        ("http://localhost/", "private network"),
        ("http://LOCALHOST.:8080/", "private network"),
        ("http://a.localhost/", "private network"),
        ("http://user:word@example.org/", "user name"),
        ("http://example.org\\@127.0.0.1/", "user name"),
        ("http://example.org:25/", "Port 25"),
        ("http://example.org:0/", "Port 0"),
        ("http://example.org:99999/", "not a valid link"),
        ("http://a..b/", "not a valid site name"),
        ("http:///x", "names no site"),
        ("http://exa mple.org/", "spaces"),
        ("http://example.org/\r\nHost: x", "spaces"),
        ("http://example.org/" + "a" * 5000, "too long"),
    ],
)
def test_addresses_that_are_refused(url: str, words: str) -> None:
    with pytest.raises(Refused, match=words):
        check_url(url)


def test_addresses_that_are_taken() -> None:
    assert check_url("HTTPS://Example.ORG./a?b#c") == Place("https", "example.org", 443)
    assert check_url("http://münchen.de:8080/") == Place("http", "xn--mnchen-3ya.de", 8080)
    assert check_url("http://[2606:4700::1111]/") == Place("http", "2606:4700::1111", 80)
    assert check_url("http://127.0.0.1:8000/", allow_private=True) == Place("http", "127.0.0.1", 8000)


# -- the proxy over real sockets ------------------------------------------------------------------


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Website]:
    (tmp_path / "talk.mp4").write_bytes(b"talk" * 1000)
    with Website(tmp_path) as running:
        yield running


def token_of(proxy: GuardedProxy) -> str:
    parts = urlsplit(proxy.url)
    return base64.b64encode(f"{parts.username}:{parts.password}".encode()).decode()


def raw(proxy: GuardedProxy, request: str, *, token: str | None = None) -> tuple[int, str]:
    """Status and everything after it for a request written by hand; {token} in it is filled in."""
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=10) as wire:
        wire.sendall(request.replace("{token}", token or token_of(proxy)).encode("latin-1"))
        answer = b""
        while piece := wire.recv(65536):
            answer += piece
    head, _, _ = answer.partition(b"\r\n")
    return int(head.split()[1]), answer.decode("latin-1")


def get(proxy: GuardedProxy, url: str, host: str = "", extra: str = "") -> tuple[int, str]:
    host = host or urlsplit(url).netloc
    return raw(
        proxy, f"GET {url} HTTP/1.1\r\nHost: {host}\r\nProxy-Authorization: Basic {{token}}\r\n{extra}\r\n"
    )


def test_get_and_post_pass(site: Website) -> None:
    with GuardedProxy(allow_private=True) as proxy:
        status, text = get(proxy, f"{site.url}/talk.mp4")
        assert status == 200 and text.endswith("talk" * 1000)
        assert proxy.received_bytes >= 4000
        host = urlsplit(site.url).netloc
        status, text = raw(
            proxy,
            f"POST {site.url}/echo HTTP/1.1\r\nHost: {host}\r\nContent-Length: 5\r\n"
            "Proxy-Authorization: Basic {token}\r\n\r\nhello",
        )
        assert status == 200 and text.endswith("hello")


def test_hop_by_hop_fields_and_the_token_stay_here(site: Website) -> None:
    extra = "Connection: X-Secret\r\nX-Secret: 1\r\nUpgrade: h2c\r\nKeep-Alive: 5\r\nX-Kept: 2\r\n"
    with GuardedProxy(allow_private=True) as proxy:
        _, text = get(proxy, f"{site.url}/headers", extra=extra)
    seen = {name.lower(): value for name, value in json.loads(text.partition("\r\n\r\n")[2])}
    assert seen == {"host": urlsplit(site.url).netloc, "x-kept": "2", "connection": "close"}
    assert "connection: close" in text.lower()


def test_connect_carries_bytes_both_ways(site: Website) -> None:
    with GuardedProxy(allow_private=True) as proxy:
        wire = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=10)
        wire.set_tunnel(
            "127.0.0.1", site.server_port, headers={"Proxy-Authorization": f"Basic {token_of(proxy)}"}
        )
        try:
            wire.request("GET", "/talk.mp4")
            assert wire.getresponse().read() == b"talk" * 1000
        finally:
            wire.close()


@pytest.mark.parametrize("token", ["", "d3Jvbmc6d3Jvbmc="])
def test_strangers_are_turned_away(site: Website, token: str) -> None:
    field = f"Proxy-Authorization: Basic {token}\r\n" if token else ""
    with GuardedProxy(allow_private=True) as proxy:
        status, _ = raw(proxy, f"GET {site.url}/talk.mp4 HTTP/1.1\r\nHost: x\r\n{field}\r\n")
    assert status == 407
    assert site.asked == []


@pytest.mark.parametrize(
    ("request_text", "status"),
    [
        ("GET {url}/ HTTP/1.1\r\nHost: other.example\r\n{auth}\r\n", 400),
        ("GET {url}/ HTTP/1.1\r\nHost: {host}\r\nHost: other.example\r\n{auth}\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: {host}\r\n{auth}\r\n", 403),
        ("GET ftp://{host}/ HTTP/1.1\r\nHost: {host}\r\n{auth}\r\n", 403),
        ("GET https://{host}/ HTTP/1.1\r\nHost: {host}\r\n{auth}\r\n", 400),
        ("GET {url}/ HTTP/1.1\r\nHost: {host}\r\n{auth}X-Long: " + "a" * 70_000 + "\r\n\r\n", 431),
        ("GET {url}/ HTTP/1.1\r\nHost: {host}\r\n{auth}broken line\r\n\r\n", 400),
        ("POST {url}/ HTTP/1.1\r\nHost: {host}\r\n{auth}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411),
        ("CONNECT {host}:x HTTP/1.1\r\n{auth}\r\n", 400),
        ("CONNECT 127.0.0.1:22 HTTP/1.1\r\n{auth}\r\n", 403),
        ("SSH-2.0-x\r\n\r\n", 400),
    ],
)
def test_malformed_requests_reach_nobody(site: Website, request_text: str, status: int) -> None:
    text = request_text.replace("{url}", site.url).replace("{host}", urlsplit(site.url).netloc)
    with GuardedProxy(allow_private=True) as proxy:
        found, _ = raw(proxy, text.replace("{auth}", "Proxy-Authorization: Basic {token}\r\n"))
    assert found == status
    assert site.asked == []


@pytest.mark.parametrize(
    "target",
    ["http://127.0.0.1:{port}/", "http://[::1]:{port}/", "http://localhost:{port}/", "http://0x7f.1:{port}/"],
)
def test_private_places_are_refused_in_writing(site: Website, target: str) -> None:
    url = target.replace("{port}", str(site.server_port))
    with GuardedProxy() as proxy:
        assert get(proxy, url)[0] == 403
        place = url.removeprefix("http://").rstrip("/")
        auth = "Proxy-Authorization: Basic {token}"
        assert raw(proxy, f"CONNECT {place} HTTP/1.1\r\n{auth}\r\n\r\n")[0] == 403
        assert [trouble.kind for trouble in proxy.troubles] == ["refused", "refused"]
    assert site.asked == []


@pytest.mark.parametrize(
    "addresses", [["10.0.0.5"], [PUBLIC, "127.0.0.1"], ["::ffff:169.254.169.254"], ["not an address"]]
)
def test_a_name_with_any_private_address_is_refused(site: Website, addresses: list[str]) -> None:
    net = SmallInternet(site, {"inside.example": [addresses]})
    with GuardedProxy(resolve=net.resolve, connect=net.connect) as proxy:
        status, text = get(proxy, "http://inside.example/talk.mp4")
    assert status == 403 and "private network" in text
    assert net.connections == []


def test_a_name_is_looked_up_once_and_the_checked_address_is_used(site: Website) -> None:
    net = SmallInternet(site, {"rebinding.example": [[PUBLIC], ["127.0.0.1"]]})
    with GuardedProxy(resolve=net.resolve, connect=net.connect) as proxy:
        first, _ = get(proxy, "http://rebinding.example/talk.mp4")
        second, _ = get(proxy, "http://rebinding.example/talk.mp4")
    assert (first, second) == (200, 403)
    assert net.lookups == ["rebinding.example"] * 2
    assert net.connections == [PUBLIC]


def test_unknown_names_and_silent_hosts_are_named(site: Website) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        net = SmallInternet(site, {})
        with GuardedProxy(allow_private=True, resolve=net.resolve) as proxy:
            assert get(proxy, "http://nowhere.example/")[0] == 502
            assert get(proxy, f"http://127.0.0.1:{port}/")[0] == 504
            assert [trouble.kind for trouble in proxy.troubles] == ["unresolved", "unreachable"]


def test_past_the_byte_limit_everything_is_cut_off(site: Website) -> None:
    with GuardedProxy(allow_private=True, max_bytes=1_000_000) as proxy:
        get(proxy, f"{site.url}/endless")
        assert proxy.received_bytes < 2_000_000
        assert proxy.troubles[-1].kind == "too_big"


def test_a_silent_site_is_given_up(site: Website) -> None:
    with GuardedProxy(allow_private=True, idle_timeout_s=0.5) as proxy:
        status, text = get(proxy, f"{site.url}/stalled")
    assert status == 200 and "ftyp" in text


def test_too_many_connections_are_turned_away(site: Website) -> None:
    with GuardedProxy(allow_private=True, max_connections=1) as proxy:
        with socket.create_connection(("127.0.0.1", proxy.port)) as waiting:
            waiting.sendall(b"GET ")
            status, _ = get(proxy, f"{site.url}/talk.mp4")
        assert status == 503
    assert site.asked == []


CHILD = """
import os, socket, subprocess, sys
from pipeline.net.ytdlp import close_other_ways
proxy, other = map(int, sys.argv[1:])
close_other_ways(f"http://kangklip:word@127.0.0.1:{proxy}", "")
socket.create_connection(("127.0.0.1", proxy)).close()
for attempt in (
    lambda: socket.create_connection(("127.0.0.1", other)),
    lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", other)),
    lambda: subprocess.run(["true"]),
    lambda: os.system("true"),
    lambda: os.execv("/bin/true", ["true"]),
):
    try:
        attempt()
    except PermissionError:
        print("held", end=" ")
"""


def test_the_download_child_has_no_other_way_out(site: Website) -> None:
    """Even an extractor that ignores the proxy settings, or calls a program, gets nowhere."""
    with GuardedProxy() as proxy:
        child = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", CHILD, str(proxy.port), str(site.server_port)],
            cwd=Path(__file__).resolve().parent.parent,
            capture_output=True,
            timeout=30,
            check=True,
        )
    assert child.stdout.split() == [b"held"] * 5
    assert site.asked == []


def test_the_token_is_in_no_repr(site: Website) -> None:
    with GuardedProxy() as proxy:
        assert urlsplit(proxy.url).password not in repr(proxy)
