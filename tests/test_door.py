"""The door before a real Gradio app: who comes in, what can be asked, what leaves."""

import asyncio
import json
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from node.web.routes import TABLE, find, is_normal
from tests.nodes import TOKEN, Node, running
from tests.token_proxy import proxied

PREFIX = "/s/abc"


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Node, Node]]:
    """Both nodes below, started side by side."""
    with ExitStack() as stack, ThreadPoolExecutor(2) as pool:
        one = running(tmp_path_factory.mktemp("laptop"), "", "", "--host", "KK.example")
        other = running(tmp_path_factory.mktemp("rented"), TOKEN, PREFIX)
        laptop, rented = pool.map(stack.enter_context, (one, other))
        yield laptop, rented


@pytest.fixture(scope="module")
def laptop(nodes: tuple[Node, Node]) -> Node:
    """A node without a token, that also answers to the name kk.example."""
    return nodes[0]


@pytest.fixture(scope="module")
def rented(nodes: tuple[Node, Node]) -> Node:
    """A node behind a launcher, started with a prefix."""
    return nodes[1]


def result(client: httpx.Client, name: str, data: list[object], version: str = "") -> str:
    body: object = {"text": data[0]} if version else {"data": data}
    event = client.post(f"/gradio_api/call/{version}{name}", json=body)
    assert event.status_code == 200, event.text
    return client.get(f"/gradio_api/call/{name}/{event.json()['event_id']}").text


def event_of(client: httpx.Client, label: str) -> int:
    """The number of the page's event that a button of this label starts."""
    config = client.get("/config").json()
    button = next(c["id"] for c in config["components"] if c["props"].get("value") == label)
    return next(d["id"] for d in config["dependencies"] if [button, "click"] in d["targets"])


def press(client: httpx.Client, label: str, session: str) -> object:
    """What an event of the page gives: started and read as the page does it."""
    body = {"data": [], "fn_index": event_of(client, label), "session_hash": session}
    assert client.post("/gradio_api/queue/join", json=body).status_code == 200
    with client.stream("GET", "/gradio_api/queue/data", params={"session_hash": session}) as stream:
        for line in stream.iter_lines():
            message = json.loads(line[6:]) if line.startswith("data: ") else {}
            if message.get("msg") == "process_completed":
                assert message["success"], message
                return message["output"]["data"][0]
    raise AssertionError("the event did not end")


# -- who comes in ------------------------------------------------------------------------------------


def test_without_the_token_a_rented_node_says_nothing(rented):
    inner = {"x-kangklip-inner": "guess"}
    for headers in ({}, {"x-kangklip-token": "wrong"}, inner, {"x-kangklip-token": TOKEN.upper()}):
        for path in (
            "/",
            "/config",
            "/gradio_api/info",
            "/gradio_api/mcp/schema",
            "/assets/x.js",
            "/nothing",
        ):
            answer = httpx.get(rented.base + path, headers=headers)
            assert answer.status_code == 403 and set(answer.json()) == {"detail"}
    assert httpx.get(f"{rented.base}/healthz").status_code == 200
    assert httpx.post(f"{rented.base}/healthz").status_code == 403


def test_two_tokens_are_none(rented):
    answer = httpx.get(rented.base + "/", headers=[("x-kangklip-token", TOKEN), ("x-kangklip-token", TOKEN)])
    assert answer.status_code == 403


def test_with_the_token_page_and_endpoints_work_with_and_without_the_prefix(rented):
    for base in (rented.base, f"http://127.0.0.1:{rented.port}"):
        with httpx.Client(base_url=base, headers=rented.headers, timeout=20) as client:
            page = client.get("/")
            assert page.status_code == 200 and "<gradio-app" in page.text
            assert client.get("/config").json()["root"].endswith(PREFIX)
            assert "HELLO" in result(client, "shout", ["hello"])
            assert "HELLO" in result(client, "shout", ["hello"], "v2/")
            assert client.get("/gradio_api/mcp/schema").json()[0]["name"] == "shout"


def test_what_is_behind_never_sees_the_token(rented):
    with rented.client() as client:
        seen = result(client, "shout", ["x"])
    assert "'host'" in seen and "kangklip" not in seen


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "127.0.0.1.nip.io", "", "localhost@evil",
    "kk.example.evil", "[::2]",
             "0.0.0.0", "127.0.0.1:1:2", "localhost/x"]
)  # fmt: skip
def test_an_open_page_answers_to_its_own_names_only(laptop, host):
    answer = httpx.get(f"{laptop.base}/config", headers={"Host": host})
    assert answer.status_code == 403 and "PUBLIC_HOSTS" in answer.json()["detail"]


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:7860", "127.0.0.1:80", "[::1]:7860", "kk.example"])
def test_an_open_page_answers_to_its_own_names(laptop, host):
    assert httpx.get(f"{laptop.base}/config", headers={"Host": host}).status_code == 200


def test_a_request_with_two_hosts_or_none_is_refused(laptop):
    two = laptop.raw(b"GET /config HTTP/1.1\r\nHost: localhost\r\nHost: evil\r\nConnection: close\r\n\r\n")
    none = laptop.raw(b"GET /config HTTP/1.0\r\n\r\n")
    assert int(two[9:12]) in (400, 403) and int(none[9:12]) in (400, 403)


def test_a_visitor_through_a_proxy_needs_a_name_that_was_opened(laptop):
    told = {"X-Forwarded-For": "203.0.113.9"}
    assert httpx.get(f"{laptop.base}/config", headers=told).status_code == 403
    assert httpx.get(f"{laptop.base}/config", headers=told | {"Host": "kk.example"}).status_code == 200


def test_an_open_page_takes_no_word_for_where_it_is_shown(laptop):
    told = {"X-Forwarded-Host": "evil.example", "X-Gradio-Server": "https://evil.example",
    "Forwarded": "host=evil.example"}  # fmt: skip
    answer = httpx.get(f"{laptop.base}/config", headers=told)
    assert answer.status_code == 200 and "evil" not in answer.text


def test_a_launcher_is_believed_about_the_public_host(rented):
    with rented.client() as client:
        told = {"X-Forwarded-Host": "kk.example", "X-Forwarded-Proto": "https"}
        assert client.get("/config", headers=told).json()["root"] == f"https://kk.example{PREFIX}"


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://localhost:1", "http://[", "http://127.0.0.1"]
)
def test_another_sites_page_can_post_nothing(laptop, rented, origin):
    for node in (laptop, rented):
        with node.client() as client:
            post = client.post("/gradio_api/call/shout", json={"data": ["x"]}, headers={"Origin": origin})
            assert post.status_code == 403 and "Another site" in post.json()["detail"]
            preflight = client.options(
                "/gradio_api/call/shout", headers={"Origin": origin, "Access-Control-Request-Method": "POST"}
            )
            assert preflight.status_code == 405
            read = client.get("/config", headers={"Origin": origin})
            for answer in (post, preflight, read):
                assert not [name for name in answer.headers if name.startswith("access-control-")]


def test_the_own_page_can_post(laptop, rented):
    with laptop.client() as client:
        own = {"Origin": laptop.base}
        assert client.post("/gradio_api/call/shout", json={"data": ["x"]}, headers=own).status_code == 200
    with rented.client() as client:
        own = {"Origin": "https://kk.example", "X-Forwarded-Host": "KK.example"}
        assert client.post("/gradio_api/call/shout", json={"data": ["x"]}, headers=own).status_code == 200


# -- what can be asked -------------------------------------------------------------------------------


def filled(path: str) -> str:
    return re.sub(r"\{[^}]*\}", "x", path)


OPEN = {
    "GET /", "HEAD /", "GET /config", "GET /config/", "GET /theme.css", "GET /favicon.ico", "GET /robots.txt",
    "GET /assets/{path:path}", "GET /static/{path:path}", "GET /svelte/{path:path}",
    "GET /gradio_api/info", "GET /gradio_api/info/", "GET /gradio_api/openapi.json",
    "GET /gradio_api/app_id", "GET /gradio_api/app_id/", "GET /gradio_api/startup-events",
    "POST /gradio_api/queue/join", "GET /gradio_api/queue/data", "GET /gradio_api/heartbeat/{session_hash}",
    "POST /gradio_api/upload", "GET /gradio_api/upload_progress", "POST /gradio_api/cancel",
    "POST /gradio_api/reset", "POST /gradio_api/reset/",
    "POST /gradio_api/component_server", "POST /gradio_api/component_server/",
    "POST /gradio_api/call/{api_name}", "POST /gradio_api/call/{api_name}/",
    "POST /gradio_api/call/v2/{api_name}", "POST /gradio_api/call/v2/{api_name}/",
    "GET /gradio_api/call/{api_name}/{event_id}", "GET /gradio_api/call/v2/{api_name}/{event_id}",
    "GET /gradio_api/file={path_or_url:path}", "HEAD /gradio_api/file={path_or_url:path}",
    "GET /gradio_api/mcp", "POST /gradio_api/mcp", "DELETE /gradio_api/mcp",
    "GET /gradio_api/mcp/schema", "GET /gradio_api/mcp/sse", "POST /gradio_api/mcp/messages",
}  # fmt: skip
"""What Gradio 6.31 offers and the table lets through. A new version's new route must be judged here."""


def test_no_route_of_gradio_is_open_that_was_not_judged(laptop):
    found = json.loads((laptop.folder / "routes.json").read_text())
    assert len(found) > 80
    let_through = set()
    for entry in found:
        method, path = entry.split(" ", 1)
        route = find(filled(path))
        if route is not None and method in route.methods:
            let_through.add(entry)
    assert let_through == OPEN


def test_every_entry_of_the_table_says_why():
    assert all(len(route.reason) > 5 for route in TABLE)
    assert len({route.pattern.pattern for route in TABLE}) == len(TABLE)


@pytest.mark.parametrize(
    "path",
    ["/monitoring", "/monitoring/summary", "/login", "/logout", "/gradio_api/run/shout",
     "/gradio_api/api/shout",
     "/gradio_api/proxy=https://x.hf.space/", "/gradio_api/deep_link", "/gradio_api/runs", "/gradio_api/user",
     "/gradio_api/token", "/gradio_api/dev/reload", "/gradio_api/file/etc/passwd", "/gradio_api/vibe-code/",
     "/gradio_api/custom_component/x/client/y/z", "/gradio_api/process_recording", "/gradio_api/queue/status",
     "/docs", "/openapi.json", "/gradio_api/stream/x/y/z/playlist.m3u8", "/control/stop", "/manifest.json"],
)  # fmt: skip
def test_what_is_not_needed_is_not_there(laptop, path):
    with laptop.client() as client:
        for method in ("GET", "POST"):
            answer = client.request(method, path)
            assert answer.status_code == 404 and set(answer.json()) == {"detail"}


@pytest.mark.parametrize(
    "target",
    ["//config", "/./config", "/x/../config", "/%2e/config", "/%2e%2e/config", "/config%00", "/CONFIG",
     "/Gradio_API/info",
     "/gradio_api//info", "/gradio_api/%2e%2e/monitoring", "/gradio_api/info/../../monitoring",
     "/gradio_api/%72un/shout",
     "/assets/../monitoring", "/assets/..%2fmonitoring", "/assets/%2e%2e/%2e%2e/routes.py",
     "/assets/..%5c..%5croutes.py",
     "/static//etc/passwd", "/static/.env", "/svelte/%252e%252e/x", "/gradio_api\\run\\shout",
     "/gradio_api/call/../run/shout",
     "/gradio_api/call/shout%2f..%2f..%2frun%2fshout", "/%6donitoring", "/monitoring%2f", "/monitoring;x",
     "/config;x=1",
     "/gradio_api/call/v2/../../run/shout", "/gradio_api/proxy%3dhttps://x.hf.space",
     "/gradio_api/%66ile/etc/passwd",
     "/\xff", "/%ff", "/%c0%ae%c0%ae/config", "/config%0d%0aX-Evil:1", "/config%0a", "/s/abc/config", "*"],
)  # fmt: skip
def test_a_path_written_oddly_leads_nowhere(laptop, target):
    answer = laptop.get_raw(target)
    assert int(answer[9:12]) in (400, 404), (target, answer[:200])
    assert b"Traceback" not in answer and b"X-Evil" not in answer.split(b"\r\n\r\n")[0]


def test_percent_encoding_of_plain_letters_changes_nothing(laptop):
    assert int(laptop.get_raw("/%63onfig")[9:12]) == 200
    assert int(laptop.get_raw("/gradio_api/call%2fprivate_film%2fabc")[9:12]) == 404


@pytest.mark.parametrize(
    "path", ["/a/../b", "/.", "a", "", "/a//b", "/a\x00", "/a\\b", "/\x7f", "/a/.", "//", "/..\ufffd"]
)
def test_only_plain_paths_are_normal(path):
    assert not is_normal(path)


@pytest.mark.parametrize("version", ["", "v2/"])
def test_private_events_cannot_be_called_by_name(laptop, rented, version):
    for node in (laptop, rented):
        with node.client() as client:
            for name in ("private_film", "lambda", "lambda_1", "load", "shout2", "v2"):
                answer = client.post(f"/gradio_api/call/{version}{name}", json={"data": []})
                assert answer.status_code == 404 and "There is no endpoint" in answer.json()["detail"]
                assert "shout" in answer.json()["detail"]


def test_a_named_call_cannot_be_turned_to_another_event(laptop):
    with laptop.client() as client:
        body = {"data": ["quiet"], "fn_index": event_of(client, "Show the film"), "api_name": "private_film"}
        event = client.post("/gradio_api/call/shout", json=body).json()["event_id"]
        assert "QUIET" in client.get(f"/gradio_api/call/shout/{event}").text


def test_the_page_starts_its_own_events_and_its_film_is_served(laptop, rented):
    for node in (laptop, rented):
        with node.client() as client:
            film = press(client, "Show the film", "s1")
            assert isinstance(film, dict) and film["url"].startswith(node.base)
            assert "/temp/released/" in film["path"]
            served = client.get(film["url"], headers={"Range": "bytes=256-511"})
            assert served.status_code == 206 and served.content == bytes(range(256))


def test_an_upload_is_taken_but_never_given_out(rented):
    with rented.client() as client:
        film = {"files": ("../../my film.html", b"<script>1</script>")}
        path = client.post("/gradio_api/upload", files=film).json()[0]
        assert Path(path).read_bytes() == b"<script>1</script>"
        assert Path(path).is_relative_to(rented.folder.resolve() / "temp")
        assert client.get(f"/gradio_api/file={path}").status_code == 404
        assert client.get(f"/gradio_api/file={path}", headers={"Range": "bytes=0-3"}).status_code == 404


def test_too_large_a_request_is_refused_in_a_sentence(laptop):
    with laptop.client() as client:
        upload = client.post("/gradio_api/upload", files={"files": ("a.mp4", b"x" * (9 << 20))})
        assert upload.status_code == 413 and "smaller" in upload.json()["detail"]
        named = client.post("/gradio_api/call/shout", json={"data": ["x" * (9 << 20)]})
        assert named.status_code == 413 and "8 MB" in named.json()["detail"]
        pieces = client.post("/gradio_api/call/shout", content=(b" " * (1 << 20) for _ in range(9)))
        assert pieces.status_code in (400, 413) and "detail" in pieces.json()


# -- what leaves -------------------------------------------------------------------------------------


def test_every_answer_carries_the_safe_headers(laptop):
    with laptop.client() as client:
        page = client.get("/").text
        script = re.search(r'src="\./(assets/index-[^"]+\.js)"', page)[1]
        answers = [
            client.get(path)
            for path in ("/", "/config", "/nothing", f"/{script}", "/healthz", "/gradio_api/file=x")
        ] + [client.get("/config", headers={"Host": "evil"}), client.post("/gradio_api/queue/join", json={})]
        for answer in answers:
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["x-frame-options"] == "SAMEORIGIN"
            assert answer.headers["referrer-policy"] == "no-referrer"
            assert "frame-ancestors 'self'" in answer.headers["content-security-policy"]
        assert client.get(f"/{script}").headers["cache-control"] == "public, max-age=31536000, immutable"
        assert client.get("/config").headers["cache-control"] == "no-store"
        assert client.get("/assets/index-absent12.js").headers["cache-control"] == "no-store"
        assert client.get("/theme.css").headers["cache-control"] == "public, max-age=3600"


def test_a_page_without_its_slash_is_moved_on(rented):
    with httpx.Client(headers=rented.headers) as client:
        answer = client.get(f"{rented.base}?a=1&b=%2F")
        assert answer.status_code == 307 and answer.headers["location"] == f"{PREFIX}/?a=1&b=%2F"
        assert client.get(rented.base, follow_redirects=True).status_code == 200
        assert client.post(rented.base).status_code == 404
    assert httpx.get(rented.base).status_code == 403


def test_errors_are_json_with_a_sentence(laptop):
    with laptop.client() as client:
        for answer in (
            client.get("/assets/absent.js"),
            client.put("/config"),
            client.get("/gradio_api/call/shout"),
            client.post("/gradio_api/queue/join", content=b"{"),
        ):
            assert answer.status_code >= 400 and answer.json()["detail"]


def test_what_breaks_behind_is_a_sentence_and_no_traceback(laptop):
    with laptop.client() as client:
        answer = client.post("/gradio_api/call/v2/shout", json={"wrong": 1})
        assert answer.status_code == 500 and set(answer.json()) == {"detail"}
        assert "Traceback" not in answer.text and "site-packages" not in answer.text
        assert "inside" not in result(client, "breaks", ["x"])
        assert client.get("/healthz").status_code == 200


def test_the_log_holds_no_header_of_a_broken_request(rented):
    with rented.client() as client:
        secret = {"Cookie": "s3cr3t-cookie", "Authorization": "s3cr3t-auth"}
        broken = client.post("/gradio_api/call/v2/shout?q=s3cr3t", json={"wrong": 1}, headers=secret)
        assert broken.status_code == 500
    end = time.monotonic() + 10  # the answer leaves before the log is written
    while "a request to" not in (log := rented.log.read_text(encoding="utf-8")):
        assert time.monotonic() < end, log
        time.sleep(0.05)
    assert "Traceback" in log
    assert "s3cr3t" not in log and TOKEN not in log


def test_malformed_requests_do_not_hurt(laptop):
    for data in (
        b"\x16\x03\x01\x02\x00",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\x00" * 100 + b"\r\n\r\n",
    ):
        laptop.raw(data + b"\r\n\r\n")
    long = laptop.get_raw("/" + "a" * 20_000)
    assert int(long[9:12]) in (400, 404, 414, 431)
    assert httpx.get(f"{laptop.base}/healthz").status_code == 200


# -- agents, and a launcher in between ---------------------------------------------------------------


def agent(url: str, headers: dict[str, str]) -> tuple[list[str], str]:
    """The tools an agent finds, and what `shout` answers it."""
    from mcp import ClientSession
    from mcp.client.streamable_http import streamablehttp_client

    async def ask() -> tuple[list[str], str]:
        async with (
            streamablehttp_client(url, headers=headers) as (read, write, _),
            ClientSession(read, write) as session,
        ):
            await session.initialize()
            tools = await session.list_tools()
            answer = await session.call_tool("shout", {"text": "agent"})
            return [tool.name for tool in tools.tools], answer.content[0].text

    return asyncio.run(asyncio.wait_for(ask(), 30))


@pytest.mark.filterwarnings("ignore:Use `streamable_http_client`:DeprecationWarning")
def test_an_agent_finds_and_uses_the_tools(laptop, rented):
    for node in (laptop, rented):
        tools, said = agent(f"{node.base}/gradio_api/mcp/", node.headers)
        assert tools == ["shout", "breaks"] and "AGENT" in said and "kangklip" not in said


def test_an_agent_without_the_token_is_refused(rented):
    asked = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    accept = {"Accept": "application/json, text/event-stream"}
    answer = httpx.post(f"{rented.base}/gradio_api/mcp/", json=asked, headers=accept)
    assert answer.status_code == 403


def test_a_launcher_in_between_changes_nothing(rented):
    with proxied(rented) as base, httpx.Client(base_url=base, timeout=20) as client:
        assert client.get("/config").json()["root"] == base
        assert "THROUGH" in result(client, "shout", ["through"])
        film = press(client, "Show the film", "s2")
        assert film["url"].startswith(base)
        whole = client.get(film["url"])
        part = client.get(film["url"], headers={"Range": "bytes=-10"})
        assert part.status_code == 206 and part.content == whole.content[-10:]
        big = b"y" * (5 << 20)
        path = client.post("/gradio_api/upload", files={"files": ("a.mp4", big)}).json()[0]
        assert Path(path).stat().st_size == len(big)
        own = {"Origin": base.removesuffix(PREFIX)}
        assert client.post("/gradio_api/call/shout", json={"data": ["x"]}, headers=own).status_code == 200


def test_the_prefix_can_be_changed_while_the_node_runs(rented):
    bare = f"http://127.0.0.1:{rented.port}"
    headers = rented.headers | {"x-kangklip-control": rented.token}
    with httpx.Client(base_url=bare, headers=headers, timeout=20) as client:
        assert client.post("/control/configure", json={"root_path": "/s/late"}).status_code == 200
        try:
            assert client.get("/s/late/config").json()["root"] == f"{bare}/s/late"
            assert client.get("/s/abc/config").status_code == 404
            assert client.get("/s/late/gradio_api/mcp/schema").status_code == 200
            film = press(client, "Show the film", "s3")
            assert film["url"].startswith(f"{bare}/s/late/") and client.get(film["url"]).status_code == 200
        finally:
            assert client.post("/control/configure", json={"root_path": PREFIX}).status_code == 200
    assert httpx.get(f"{rented.base}/config", headers=rented.headers).status_code == 200
