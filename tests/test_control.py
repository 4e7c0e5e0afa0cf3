"""The launcher's requests and the look at health, over real HTTP through the door."""

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from node.errors import NotGranted
from node.web.control import Health, routes
from node.web.door import Door, Rules
from node.web.files import Files
from node.web.token import digest
from pipeline.errors import Refused
from tests.nodes import Hooks, serving

TOKEN = "control-token"


class Launcherless(Hooks):
    """Hooks with one job that the pipeline refuses, one that is not granted, and work as slow as told."""

    slow_s = 0.0

    def start(self, wanted):
        if wanted.job_id == "refused":
            raise Refused("That site is not opened from here; upload the file instead.", "detail for the log")
        if wanted.job_id == "unpaid":
            raise NotGranted("This job is not released yet.", "https://kk.example/pay")
        if wanted.job_id == "broken":
            raise RuntimeError("inside of it")
        return super().start(wanted)

    def drain(self):
        time.sleep(self.slow_s)
        super().drain()


async def shared(request: Request) -> Response:
    return PlainTextResponse("clips", headers={"content-security-policy": "default-src 'none'"})


class Place:
    def __init__(self) -> None:
        self.prefix = ""
        self.hooks = Launcherless(lambda root_path: setattr(self, "prefix", root_path))

    def app(self, token: str, temp: Path) -> Door:
        behind = Starlette(routes=[*routes(self.hooks), Route("/share/link", shared)])

        async def as_gradio(scope, receive, send):
            await behind({**scope, "root_path": self.prefix}, receive, send)

        rules = Rules(digest(token) if token else "", frozenset(), lambda: self.prefix, frozenset())
        return Door(as_gradio, rules, Files(temp))


@pytest.fixture
def place() -> Place:
    return Place()


@pytest.fixture
def client(place: Place, tmp_path: Path) -> Iterator[httpx.Client]:
    with (
        serving(place.app(TOKEN, tmp_path)) as port,
        httpx.Client(
            base_url=f"http://127.0.0.1:{port}", headers={"x-kangklip-control": TOKEN}, timeout=20
        ) as client,
    ):
        yield client


JOB = {"job_id": "kk_1", "source": "https://example.com/v", "grant": True}


def test_health_is_told_to_everyone(client):
    for headers in ({}, {"x-kangklip-token": "wrong"}):
        answer = httpx.get(f"{client.base_url}/healthz", headers=headers)
        assert answer.status_code == 200 and answer.headers["cache-control"] == "no-store"
        expected = Health(session="s1", version="0", busy=False, jobs=0)
        assert answer.json() == {**expected.model_dump(), "loaded": []}


def test_health_does_not_wait_for_work(client, place):
    place.hooks.slow_s = 2
    slow = threading.Thread(target=lambda: client.post("/control/drain"))
    slow.start()
    time.sleep(0.2)
    start = time.monotonic()
    assert client.get("/healthz").status_code == 200
    assert time.monotonic() - start < 1
    slow.join()


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "configure"), ("POST", "jobs"), ("POST", "grants"), ("POST", "drain"), ("POST",
     "stop"), ("GET", "jobs/kk_1")],
)  # fmt: skip
def test_everything_else_needs_the_token(client, place, method, path):
    url = f"{client.base_url}/control/{path}"
    for headers in (
        {},
        {"x-kangklip-control": "wrong"},
        {"x-kangklip-control": ""},
        {"x-kangklip-token": TOKEN},
        {"x-kangklip-token": TOKEN, "x-kangklip-control": "wrong"},
    ):
        answer = httpx.request(method, url, headers=headers, json={} if method == "POST" else None)
        assert answer.status_code == 403 and "launcher" in answer.json()["detail"]
    assert not place.hooks.seen and not place.hooks.jobs and not place.hooks.ended.is_set()


def test_without_a_token_there_is_no_control(place, tmp_path):
    with serving(place.app("", tmp_path)) as port:
        base = f"http://127.0.0.1:{port}"
        assert httpx.get(f"{base}/healthz").status_code == 200
        for headers in ({}, {"x-kangklip-control": ""}, {"x-kangklip-control": TOKEN}):
            answer = httpx.post(f"{base}/control/stop", headers=headers)
            assert answer.status_code == 404
    assert not place.hooks.ended.is_set()


def test_a_job_is_started_and_looked_at(client):
    assert client.get("/control/jobs/kk_1").status_code == 404
    answer = client.post("/control/jobs", json=JOB | {"count": 2, "presigned": {"put": {"a": "https://s/a"}}})
    assert answer.status_code == 202 and answer.json() == {"job_id": "kk_1", "count": 2}
    assert client.get("/control/jobs/kk_1").json()["count"] == 2


def test_grants_drain_and_stop_reach_the_session(client, place):
    grants = [{"kind": "job", "job_id": "kk_1"}, {"kind": "clip", "job_id": "kk_1", "clip": 2}]
    for grant in grants:
        assert client.post("/control/grants", json=grant).json() == {"ok": True}
    assert client.post("/control/drain").status_code == 200
    assert client.post("/control/stop").status_code == 200
    assert place.hooks.seen == ["job kk_1 None", "clip kk_1 2", "drained"]
    assert place.hooks.ended.is_set()


def test_the_prefix_can_be_given_late_and_both_ways_lead_there(client, place):
    for prefix in ("/s/abc", "/s/other", ""):
        told = {"root_path": prefix, "events_url": "https://kk.example/e", "callback_token": "cb"}
        assert client.post("/control/configure", json=told).status_code == 200
        assert place.prefix == prefix
        assert client.get(f"{prefix}/healthz").status_code == 200
        assert client.get("/healthz").status_code == 200
        assert client.post(f"{prefix}/control/jobs", json=JOB).status_code == 202
        assert client.get(f"{prefix}/control/jobs/kk_1").status_code == 200
    assert client.get("/s/abc/healthz").status_code in (403, 404)


@pytest.mark.parametrize(
    ("path", "body", "told"),
    [
        ("jobs", {}, ["job_id", "source", "grant"]),
        ("jobs", JOB | {"grant": False}, ["grant"]),
        ("jobs", JOB | {"job_id": "../x"}, ["job_id"]),
        ("jobs", JOB | {"job_id": "a\n"}, ["job_id"]),
        ("jobs", JOB | {"count": 9, "max_seconds": 1e9}, ["count", "max_seconds"]),
        (
            "jobs",
            JOB | {"min_seconds": 50, "max_seconds": 40},
            ["min_seconds 50 is more than max_seconds 40"],
        ),
        ("jobs", JOB | {"min_seconds": "NaN"}, ["min_seconds"]),
        ("jobs", JOB | {"surprise": 1}, ["surprise"]),
        ("jobs", [], ["request"]),
        ("grants", {"kind": "clip", "job_id": "kk_1"}, ["names the clip"]),
        ("grants", {"kind": "job", "job_id": "kk_1", "clip": 1}, ["names none"]),
        ("grants", {"kind": "all", "job_id": "kk_1"}, ["kind"]),
        ("configure", {"root_path": "s/abc"}, ["root_path"]),
        ("configure", {"root_path": "/../x"}, ["root_path"]),
        ("configure", {"root_path": "//evil.example"}, ["root_path"]),
        ("configure", {"events_url": "file:///etc/passwd"}, ["events_url"]),
        ("configure", {"events_url": "https://a\r\nb"}, ["events_url"]),
        ("configure", {"price_per_hour_usd": -1}, ["price_per_hour_usd"]),
    ],
)
def test_every_wrong_field_is_named_in_a_sentence(client, place, path, body, told):
    answer = client.post(f"/control/{path}", json=body)
    assert answer.status_code == 400 and answer.json()["code"] == "bad_request"
    for part in told:
        assert part in answer.json()["detail"]
    assert not place.hooks.seen and not place.hooks.jobs and place.prefix == ""


def test_a_secret_that_is_refused_is_not_repeated(client):
    body = {"callback_token": ["s3cr3t-value"], "events_url": "s3cr3t-value", "s3cr3t": "s3cr3t-value"}
    answer = client.post("/control/configure", json=body)
    assert answer.status_code == 400 and "s3cr3t-value" not in answer.text


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"null", b"[" * 100_000])
def test_what_is_no_json_is_refused(client, body):
    assert client.post("/control/jobs", content=body).status_code == 400


def test_a_body_beyond_a_megabyte_is_refused(client):
    big = json.dumps(JOB | {"focus": "x" * (1 << 20)}).encode()
    answer = client.post("/control/jobs", content=big)
    assert answer.status_code == 400 and "1 MB" in answer.json()["detail"]
    pieces = (b" " * 65536 for _ in range(400))
    answer = client.post("/control/jobs", content=pieces)
    assert answer.status_code == 400 and "1 MB" in answer.json()["detail"]


def test_errors_of_the_work_come_as_sentences(client):
    refused = client.post("/control/jobs", json=JOB | {"job_id": "refused"})
    assert refused.status_code == 422
    sentence = "That site is not opened from here; upload the file instead."
    assert refused.json() == {"detail": sentence, "code": "refused"}
    unpaid = client.post("/control/jobs", json=JOB | {"job_id": "unpaid"})
    assert unpaid.status_code == 402 and unpaid.json()["code"] == "not_granted"
    broken = client.post("/control/jobs", json=JOB | {"job_id": "broken"})
    assert broken.status_code == 500 and set(broken.json()) == {"detail"} and "inside" not in broken.text


def test_other_methods_and_paths_are_refused_as_json(client):
    assert client.get("/control/stop").status_code == 405
    assert client.put("/control/stop").status_code == 405
    assert client.get("/control/jobs/a/b").status_code == 404
    assert client.post("/control/nothing").json()["detail"]


def test_a_stricter_page_of_ours_keeps_its_own_policy(client):
    answer = client.get("/share/link")
    assert answer.status_code == 200 and answer.text == "clips"
    assert answer.headers["content-security-policy"] == "default-src 'none'"
    assert answer.headers["x-content-type-options"] == "nosniff"
