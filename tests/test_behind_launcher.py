"""A whole session behind a launcher: nothing without the token, no job and no full clip without a grant."""

from __future__ import annotations

import asyncio
import json
import re
import time
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from node.web.token import digest
from tests.fake_launcher import TOKEN as CALLBACK_TOKEN
from tests.fake_launcher import FakeLauncher
from tests.nodes import Node
from tests.sessions import PATIENCE_S, Session, session
from tests.test_session_api import shown_ms
from tests.token_proxy import proxied

TOKEN = "the-session-token"
PREFIX = "/s/later"
DENIED = "No credits are left; top up to go on."
OF_A_CLIP = ("video", "srt", "vtt", "poster")
PAY = "https://pay.example/top-up"


@pytest.fixture(scope="module")
def fake():
    made = FakeLauncher()
    yield made
    made.close()


@pytest.fixture(scope="module")
def rented(tmp_path_factory, fake):
    """A session that was told of its launcher, and has its prefix, only after it was open."""
    folder = tmp_path_factory.mktemp("rented")
    sha256 = digest(TOKEN)
    with session(folder, TOKEN, SESSION_TOKEN_SHA256=sha256, SESSION_ID="session-1") as made:
        yield made


@pytest.fixture(scope="module")
def wanted(rented, film, subtitles) -> dict[str, Any]:
    return {
        "upload": rented.upload(film), "transcript": rented.upload(subtitles),
        "min_seconds": 8, "max_seconds": 16, "count": 2,
    }  # fmt: skip


@pytest.fixture(scope="module")
def too_early(rented, wanted) -> list[str]:
    """What a session says that no launcher has spoken to yet."""
    return [
        rented.refusal("generate_clips", **wanted),
        rented.page()("share_job", job_id="kk_1")["code"],
    ]


@pytest.fixture(scope="module")
def connected(rented, fake, too_early) -> Session:
    line = {key: value for key, value in fake.line.items() if key != "token"}
    answer = rented.control("configure", **line, callback_token=CALLBACK_TOKEN, root_path=PREFIX)
    assert answer.json() == {"ok": True}
    return replace(rented, prefix=PREFIX)


@pytest.fixture(scope="module")
def refused(connected, fake, wanted) -> dict[str, Any]:
    """The answers while the launcher grants no job."""
    fake.deny = DENIED
    with connected.client() as client:
        config = client.get("config").json()
    said = {
        "endpoint": connected.refusal("generate_clips", **wanted),
        "button": pressed(connected, config, "kk-sample"),
        "agent": asyncio.run(tool(connected, "generate_clips", wanted)),
        "jobs": connected.page()("list_jobs")["value"]["jobs"],
    }
    fake.deny = ""
    return said


@pytest.fixture(scope="module")
def job_id(connected, fake, refused, wanted) -> str:
    """A granted job of two clips; the launcher stumbles over the first news of it."""
    fake.faults["/events"].extend([500, "reset", 503])
    told = connected.call("generate_clips", **wanted)
    assert told[-1][0] == "complete", (told[-1], connected.log)
    fake.deny = DENIED
    return str(told[-1][1][0]["job_id"])


@pytest.fixture(scope="module")
def locked(connected, job_id) -> dict[str, Any]:
    """Every answer about the clips' files before any grant of one."""
    page = connected.page()
    return {
        "list_clips": connected.result("list_clips", job_id=job_id),
        "render_clip": connected.call("render_clip", job_id=job_id, clip=1),
        "export_job": connected.call("export_job", job_id=job_id),
        "page_list": page("list_clips", job_id=job_id),
        "page_render": page("render_clip", job_id=job_id, clip=1),
        "page_export": page("export_job", job_id=job_id),
        "page_status": page("job_status", job_id=job_id),
        **{what: page("release", job_id=job_id, clip=1, what=what) for what in OF_A_CLIP},
        **{name: asyncio.run(tool(connected, name, {"job_id": job_id, **more})) for name, more in (
            ("agent_list_clips", {}), ("agent_render_clip", {"clip": 1}), ("agent_export_job", {}))},
    }  # fmt: skip


@pytest.fixture(scope="module")
def one_granted(connected, job_id, locked) -> dict[str, Any]:
    """The same after the first clip's grant; the launcher itself still says no to what is asked."""
    launcher = replace(connected, prefix="")
    assert launcher.control("grants", kind="clip", job_id=job_id, clip=1).json() == {"ok": True}
    page = connected.page()
    return {
        "list_clips": connected.result("list_clips", job_id=job_id),
        "render_clip": connected.result("render_clip", job_id=job_id, clip=1),
        "export_job": connected.result("export_job", job_id=job_id),
        "page_export": page("export_job", job_id=job_id),
        "page_list": page("list_clips", job_id=job_id),
        **{what: page("release", job_id=job_id, clip=1, what=what) for what in OF_A_CLIP},
        "other": page("release", job_id=job_id, clip=2, what="video"),
        "agent": asyncio.run(tool(connected, "render_clip", {"job_id": job_id, "clip": 1})),
    }  # fmt: skip


async def tool(where: Session, name: str, arguments: dict[str, Any]) -> tuple[bool, str]:
    """What an agent is answered: whether it is an error, and the text."""
    from mcp import ClientSession
    from mcp.client.streamable_http import streamable_http_client
    from mcp.shared._httpx_utils import create_mcp_http_client

    name = name.removeprefix("agent_")
    async with (
        create_mcp_http_client(headers=where.headers) as http,
        streamable_http_client(f"{where.base}gradio_api/mcp/", http_client=http) as (reading, writing, _),
        ClientSession(reading, writing) as tools,
    ):
        await tools.initialize()
        answer = await tools.call_tool(name, arguments)
        return bool(answer.isError), answer.content[0].text


def pressed(where: Session, config: dict[str, Any], element: str) -> dict[str, Any]:
    """What the page gets for a press of a button: its last message."""
    number = next(part["id"] for part in config["components"] if part["props"].get("elem_id") == element)
    event = next(one for one in config["dependencies"] if [number, "click"] in one["targets"])
    values = {part["id"]: part["props"].get("value") for part in config["components"]}
    body = {
        "data": [values[number] for number in event["inputs"]],
        "fn_index": event["id"], "session_hash": f"press-{element}",
    }  # fmt: skip
    with where.client() as client:
        client.post("gradio_api/queue/join", json=body).raise_for_status()
        query = {"session_hash": body["session_hash"]}
        with client.stream("GET", "gradio_api/queue/data", params=query) as stream:
            for line in stream.iter_lines():
                message = json.loads(line[6:]) if line.startswith("data: ") else {}
                if message.get("msg") == "process_completed":
                    return dict(message)
    raise AssertionError("the event did not end")


def fetched(where: Session, url: str) -> httpx.Response:
    with where.client() as client:
        return client.get(url)


def until(what: Callable[[], Any]) -> Any:
    """The first value that is something."""
    end = time.monotonic() + PATIENCE_S
    while not (found := what()):
        assert time.monotonic() < end
        time.sleep(0.05)
    return found


# -- the token ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "config"), ("GET", "gradio_api/info"), ("POST", "gradio_api/call/v2/job_status"),
        ("POST", "gradio_api/upload"), ("POST", "gradio_api/component_server"), ("GET", "gradio_api/mcp/"),
        ("POST", "gradio_api/queue/join"), ("GET", "gradio_api/queue/data?session_hash=x"),
        ("POST", "control/configure"), ("POST", "control/grants"), ("POST", "control/stop"),
        ("POST", "control/drain"), ("GET", "share/kk_1.abc"), ("GET", "gradio_api/file=/etc/passwd"),
        ("GET", "theme.css"), ("GET", ""),
    ],
)  # fmt: skip
def test_nothing_but_the_look_at_health_goes_without_the_token(rented, method, path):
    base = f"http://127.0.0.1:{rented.port}/"
    for headers in ({}, {"x-kangklip-token": "wrong"}, {"x-kangklip-token": digest(TOKEN)}):
        assert httpx.request(method, f"{base}{path}", headers=headers).status_code == 403
        assert httpx.get(f"{base}healthz", headers=headers).json()["session"] == "session-1"


# -- jobs -----------------------------------------------------------------------------------------


def test_before_the_launcher_has_spoken_no_job_starts(too_early):
    assert too_early[0].startswith("launcher_down: ") and "not connected" in too_early[0]
    assert too_early[1] == "unknown_job"


def test_a_denied_job_is_refused_in_the_launchers_words_and_with_its_address_at_every_door(refused):
    assert refused["endpoint"] == f"not_granted: {DENIED} {PAY}"
    shown = refused["button"]["output"]["data"][0]
    assert shown["job_id"] == ""
    assert shown["refused"] == {"code": "not_granted", "message": DENIED, "url": PAY}
    assert refused["agent"][0] is True and f"not_granted: {DENIED} {PAY}" in refused["agent"][1]
    assert refused["jobs"] == []


def test_a_job_is_asked_for_once_and_its_news_come_although_the_launcher_stumbles(fake, job_id):
    asked = [body for body in fake.taken("/grants") if body["kind"] == "job"]
    assert asked[-1]["job_id"] == job_id and asked[-1]["session_id"] == "session-1"
    assert asked[-1]["details"].pop("duration_ms") == pytest.approx(75_000, abs=200)
    assert asked[-1]["details"] == {"count": 2, "max_ms": 16_000}
    assert [body["job_id"] for body in asked].count(job_id) == 1
    outcome = until(lambda: [one for one in fake.outcomes() if one["job_id"] == job_id])[0]
    assert (outcome["status"], outcome["progress"], outcome["clips"]) == ("SUCCEEDED", 100, [1, 2])
    # A job this short may be over before the launcher has recovered, so what it was told counts.
    told = [body for path, body in fake.received if path == "/events" and body["job_id"] == job_id]
    assert any(body["status"] == "RUNNING" for body in told)
    assert not fake.faults["/events"], "it has stumbled three times"
    assert fake.unauthorised == 0


def test_a_job_that_the_launcher_starts_is_not_asked_for_again(connected, fake, job_id):
    launcher = replace(connected, prefix="")
    begun = launcher.control("jobs", job_id="kk_own", source="http://127.0.0.1:9/film.mp4", grant=True)
    assert begun.status_code == 202 and begun.json()["job_id"] == "kk_own"
    until(lambda: [one for one in fake.outcomes() if one["job_id"] == "kk_own"])
    with launcher.launcher() as client:
        state = client.get("control/jobs/kk_own").json()
    assert state["status"] == "FAILED" and state["problem"]["message"]
    assert all(body["job_id"] != "kk_own" for body in fake.taken("/grants"))


# -- a full clip without its grant ----------------------------------------------------------------


def test_a_locked_clip_is_in_no_list(locked):
    for clip in locked["list_clips"]["clips"]:
        assert clip["rendered"] and clip["video"] is None and clip["preview"]["url"]
    for clip in locked["page_list"]["value"]["clips"]:
        assert clip["granted"] is False and clip["video"] == "" and clip["poster"] == ""
        assert clip["preview"]


def test_a_locked_clip_is_refused_at_every_endpoint(locked):
    for name in ("render_clip", "export_job"):
        event, data = locked[name][-1]
        assert event == "error" and data["error"].startswith("not_granted: ")
    assert not [data for event, data in locked["render_clip"] if event != "error" and data[0].get("video")]
    assert "locked" in locked["export_job"][-1][1]["error"]


def test_a_locked_clip_is_refused_to_the_page_with_a_place_to_unlock_it(locked):
    for what in OF_A_CLIP:
        assert locked[what] == {"ok": False, "code": "not_granted", "message": DENIED, "url": PAY}
    assert locked["page_export"]["ok"] is False and locked["page_export"]["code"] == "not_granted"
    assert locked["page_render"]["value"]["status"] == "SUCCEEDED"


def test_a_locked_clip_is_refused_to_agents(locked):
    for name in ("agent_render_clip", "agent_export_job"):
        assert locked[name][0] is True and "not_granted: " in locked[name][1]
    assert locked["agent_list_clips"][0] is False
    shown = locked["agent_list_clips"][1]
    assert "clip_01.preview.mp4" in shown and "clip_01.mp4" not in shown


def test_no_answer_holds_an_address_of_a_locked_file(locked):
    said = json.dumps(locked)
    assert "clip_01.preview.mp4" in said
    assert not re.search(r"clip_0\d\.(mp4|srt|vtt|jpg)|\.zip", said)


def guesses(where: Session, job_id: str, preview: Path) -> list[str]:
    """Paths that somebody would try who knows the names and where the preview lies."""
    work, released = where.folder / "work", preview.parent
    names = (
        "clip_01.mp4",
        "clip_01.srt",
        "clip_01.vtt",
        "clip_01.jpg",
        "upload.mp4",
        "edits.json",
        "node.json",
    )
    return [
        *(f"{work / job_id}/{name}" for name in names),
        *(f"{released}/{name}" for name in names),
        *(f"{released}/../{released.name}/{name}" for name in names[:1]),
        *(f"{released}/..%2f..%2f..%2f..%2fwork/{job_id}/{name}" for name in names[:1]),
        f"{released.parent}/{'0' * 32}/clip_01.mp4",
        f"{released.parent}/",
        f"work/{job_id}/clip_01.mp4",
        f"{where.folder}/out/jobs/{job_id}/clip_01.mp4",
        f"{work / job_id}/stages/select.json",
        f"{work}/spool/grants/job.{job_id}.0.json",
        f"file://{work / job_id}/clip_01.mp4",
    ]


def test_no_guess_at_a_path_gives_a_locked_file(connected, job_id, locked):
    preview = Path(locked["list_clips"]["clips"][0]["preview"]["path"])
    assert (connected.folder / "work" / job_id / "clip_01.mp4").is_file()
    with connected.client() as client:
        assert client.get(f"gradio_api/file={preview}").status_code == 200
        for path in guesses(connected, job_id, preview):
            answer = client.get(f"gradio_api/file={path}")
            assert answer.status_code in (403, 404), path
            assert b"ftyp" not in answer.content
        for path in (f"gradio_api/file/{preview.parent}/clip_01.mp4", f"file={preview.parent}/clip_01.mp4"):
            assert client.get(path).status_code in (403, 404)


def test_an_upload_cannot_be_named_from_a_jobs_folder(connected, job_id, locked):
    for path in (
        f"{connected.folder}/work/{job_id}/clip_01.mp4",
        locked["list_clips"]["clips"][0]["preview"]["path"],
    ):
        assert connected.refusal("generate_clips", upload=path).startswith("bad_request: ")


def test_previews_and_the_manifest_are_always_there(connected, job_id, locked, tmp_path):
    for clip in locked["list_clips"]["clips"]:
        path = tmp_path / f"{clip['index']}.mp4"
        path.write_bytes(fetched(connected, clip["preview"]["url"]).content)
        assert shown_ms(path) == pytest.approx(clip["length_ms"], abs=150)
    released = connected.page()("release", job_id=job_id, clip=1, what="manifest")
    manifest = fetched(connected, released["value"]["url"])
    assert manifest.json()["job_id"] == job_id
    assert str(connected.folder) not in manifest.text


# -- and with it ----------------------------------------------------------------------------------


def test_a_granted_clip_plays_from_every_door(connected, one_granted, tmp_path):
    first = one_granted["list_clips"]["clips"][0]
    page_first = one_granted["page_list"]["value"]["clips"][0]
    assert page_first["granted"] and page_first["poster"]
    to_the_agent = re.search(r"http[^'\"\s]*clip_01\.mp4", one_granted["agent"][1])
    addresses = [
        first["video"]["url"], one_granted["render_clip"]["video"]["url"], page_first["video"],
        one_granted["video"]["value"]["url"], to_the_agent[0],
    ]  # fmt: skip
    contents = {fetched(connected, url).content for url in addresses}
    assert len(contents) == 1
    path = tmp_path / "clip.mp4"
    path.write_bytes(contents.pop())
    assert shown_ms(path) == pytest.approx(first["length_ms"], abs=150)
    assert "-->" in fetched(connected, one_granted["srt"]["value"]["url"]).text
    assert fetched(connected, one_granted["vtt"]["value"]["url"]).text.startswith("WEBVTT")
    assert fetched(connected, one_granted["poster"]["value"]["url"]).content[:2] == b"\xff\xd8"


def test_a_grant_is_for_one_clip_alone(one_granted):
    assert one_granted["list_clips"]["clips"][1]["video"] is None
    assert one_granted["page_list"]["value"]["clips"][1]["video"] == ""
    assert one_granted["other"] == {"ok": False, "code": "not_granted", "message": DENIED, "url": PAY}


def test_the_zip_holds_what_is_granted_and_says_what_is_not(connected, one_granted, tmp_path):
    for made in (one_granted["export_job"], one_granted["page_export"]["value"]):
        path = tmp_path / "job.zip"
        url = made["zip"]["url"] if "zip" in made else made["url"]
        path.write_bytes(fetched(connected, url).content)
        with zipfile.ZipFile(path) as archive:
            clips = {name for name in archive.namelist() if name.startswith("clip_")}
        assert clips == {"clip_01.mp4", "clip_01.srt", "clip_01.vtt", "clip_01.jpg"}
        assert made["missing"] == ["Clip 2 is locked."]


def test_the_share_link_is_the_launchers(connected, fake, job_id):
    shared = connected.page()("share_job", job_id=job_id)
    assert shared == {"ok": True, "value": {"url": "https://clips.example/abc"}}
    assert fake.taken("/share")[-1] == {"session_id": "session-1", "job_id": job_id}


# -- shown under another address ------------------------------------------------------------------


def test_page_events_ranges_and_uploads_work_through_a_proxy(connected, job_id, film):
    node = Node(connected.port, connected.folder, TOKEN, PREFIX)
    with proxied(node) as shown, httpx.Client(base_url=f"{shown}/", timeout=60) as visitor:
        page = visitor.get("")
        assert page.status_code == 200 and "KangKlip" in page.text
        assert visitor.get("config").json()["root"] == shown
        through = replace(connected, port=int(shown.rpartition(":")[2].partition("/")[0]), token="")
        told = through.call("generate_clips", upload="sample", count=0)
        assert told[-1][0] == "error" and told[-1][1]["error"].startswith("bad_request: ")
        listed = through.result("list_clips", job_id=job_id)
        url = listed["clips"][0]["preview"]["url"]
        assert url.startswith(f"{shown}/gradio_api/file=")
        part = visitor.get(url, headers={"range": "bytes=4-7"})
        assert part.status_code == 206 and part.content == b"ftyp"
        assert through.upload(film).endswith("excerpt.mp4")


def test_a_visitor_cannot_speak_as_the_launcher(connected, job_id):
    node = Node(connected.port, connected.folder, TOKEN, PREFIX)
    with proxied(node) as shown, httpx.Client(base_url=f"{shown}/", timeout=60) as visitor:
        grant = {"kind": "clip", "job_id": "kk_somebody", "clip": 9}
        for path in ("control/grants", "%63ontrol/grants", "control/%67rants"):
            assert visitor.post(path, json=grant).status_code in (403, 404), path


def test_a_launcher_that_is_down_locks_and_one_that_agrees_unlocks(connected, fake, job_id, one_granted):
    ask = connected.page()
    fake.faults["/grants"].extend([500, "text", 503])
    down = ask("release", job_id=job_id, clip=2, what="video")
    assert down["code"] == "launcher_down" and down["message"].endswith("try again in a minute.")
    fake.deny = ""
    released = ask("release", job_id=job_id, clip=2, what="video")
    assert fetched(connected, released["value"]["url"]).content[4:8] == b"ftyp"
    assert fake.taken("/grants")[-1]["clip"] == 2
    assert ask("export_job", job_id=job_id)["value"]["missing"] == []
    assert connected.result("list_clips", job_id=job_id)["clips"][1]["video"]["url"]


def test_no_secret_is_in_the_log(connected, job_id, one_granted):
    for secret in (TOKEN, CALLBACK_TOKEN):
        assert secret not in connected.log
    assert "Traceback" not in connected.log


def test_an_id_that_is_no_text_is_refused_with_a_sentence(connected):
    for job_id in (5, None, ["kk_one"]):
        assert connected.refusal("job_status", job_id=job_id).startswith(("unknown_job: ", "bad_request: "))
