"""The endpoints from gradio_client, from curl's side and from an agent: whole jobs, files that play."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import httpx
import pytest
from gradio_client import Client

from tests.films import ROOT
from tests.places import clean_shell
from tests.sessions import Session, session

NAMES = {
    "generate_clips", "job_status", "list_clips", "edit_clip", "render_clip", "export_job", "cancel_job",
}  # fmt: skip


@pytest.fixture(scope="module")
def open_session(tmp_path_factory):
    with session(tmp_path_factory.mktemp("session")) as made:
        yield made


@pytest.fixture(scope="module")
def film_there(open_session, film) -> str:
    return open_session.upload(film)


@pytest.fixture(scope="module")
def words_there(open_session, subtitles) -> str:
    return open_session.upload(subtitles)


@pytest.fixture(scope="module")
def wanted(film_there, words_there) -> dict[str, Any]:
    """The arguments of a quick job."""
    return {"upload": film_there, "transcript": words_there, "min_seconds": 8, "max_seconds": 16}


@pytest.fixture(scope="module")
def done(open_session, wanted) -> dict[str, Any]:
    """One finished job of two clips; `told` are all its events."""
    told = open_session.call("generate_clips", count=2, idempotency_key="first", **wanted)
    assert told[-1][0] == "complete", told[-1]
    return {**told[-1][1][0], "told": told}


def shown_ms(path: Path) -> float:
    """How long the picture of a file lasts, by decoding all of it."""
    import av

    with av.open(str(path)) as film:
        rate = film.streams.video[0].average_rate
        return 1000 * sum(1 for _ in film.decode(video=0)) / float(rate)


def test_a_job_streams_its_progress_and_ends_with_clips(done):
    generating = [data[0] for name, data in done["told"] if name == "generating"]
    assert {"RUNNING"} <= {state["status"] for state in generating}
    fractions = [state["fraction"] for state in generating]
    assert fractions == sorted(fractions)
    assert done["status"] == "SUCCEEDED"
    assert [clip["index"] for clip in done["clips"]] == [1, 2]
    assert all(8000 <= clip["length_ms"] <= 16000 for clip in done["clips"])
    assert all(clip["reason"] and clip["title"] for clip in done["clips"])
    assert all(passage["why"] for passage in done["not_taken"])


def test_the_files_of_a_job_play(open_session, done, tmp_path):
    clip = done["clips"][0]
    for kind in ("video", "preview"):
        answer = httpx.get(clip[kind]["url"])
        assert answer.headers["content-type"] == "video/mp4"
        path = tmp_path / f"{kind}.mp4"
        path.write_bytes(answer.content)
        assert shown_ms(path) == pytest.approx(clip["length_ms"], abs=150)


def test_the_same_key_gives_the_same_job(open_session, wanted, done):
    again = open_session.result("generate_clips", count=2, idempotency_key="first", **wanted)
    assert again["job_id"] == done["job_id"]


def test_gradio_client_runs_a_job_and_gets_files(open_session, wanted):
    client = Client(open_session.base, verbose=False)
    job = client.submit(**wanted, count=1, api_name="/generate_clips")
    made = job.result(timeout=120)
    assert made["status"] == "SUCCEEDED"
    assert shown_ms(Path(made["clips"][0]["video"])) > 7900
    exported = client.predict(made["job_id"], api_name="/export_job")
    with zipfile.ZipFile(exported["zip"]) as archive:
        names = set(archive.namelist())
    assert {"clip_01.mp4", "clip_01.srt", "clip_01.vtt", "clip_01.jpg", "manifest.json"} <= names


def test_an_edit_is_seen_rendered_and_undone(open_session, done):
    job_id = done["job_id"]
    before = done["clips"][1]
    edited = open_session.result("edit_clip", job_id=job_id, clip=2, title="Another title")
    assert edited["now"]["title"] == "Another title"
    sentence = next(s["id"] for s in edited["text"] if s["inside"] and len(s["words"]) > 2)
    cut = open_session.result("edit_clip", job_id=job_id, clip=2, cut=[f"{sentence}.1"])
    assert cut["now"]["length_ms"] < before["length_ms"]
    assert cut["now"]["rendered"] is False and cut["now"]["video"] is None
    told = open_session.call("render_clip", job_id=job_id, clip=2)
    assert told[-1][0] == "complete", told[-1]
    assert httpx.get(told[-1][1][0]["video"]["url"]).status_code == 200
    for _ in range(2):
        undone = open_session.result("edit_clip", job_id=job_id, clip=2, undo=True)
    assert undone["now"]["title"] == before["title"]
    assert undone["now"]["length_ms"] == before["length_ms"]
    redone = open_session.result("render_clip", job_id=job_id, clip=2)
    assert redone["status"] == "SUCCEEDED"


def test_a_passage_that_was_not_taken_becomes_a_clip(open_session, done):
    passage = done["not_taken"][0]
    made = open_session.result(
        "edit_clip", job_id=done["job_id"], clip=0, first=passage["first"], last=passage["last"]
    )
    assert made["clip"] == 3
    dropped = open_session.result("edit_clip", job_id=done["job_id"], clip=3, drop=True)
    assert dropped["dropped"] is True
    left = open_session.result("list_clips", job_id=done["job_id"])
    assert [clip["index"] for clip in left["clips"]] == [1, 2]


@pytest.mark.parametrize(
    ("endpoint", "arguments", "code"),
    [
        ("generate_clips", {}, "bad_request"),
        ("generate_clips", {"link": "file:///etc/passwd"}, "bad_request"),
        ("generate_clips", {"link": "/etc/passwd"}, "bad_request"),
        ("generate_clips", {"upload": "/etc/passwd"}, "bad_request"),
        ("generate_clips", {"upload": "sample", "count": 9}, "bad_request"),
        ("generate_clips", {"upload": "sample", "captions": "comic"}, "bad_request"),
        ("generate_clips", {"upload": "sample", "min_seconds": 50, "max_seconds": 20}, "bad_request"),
        ("generate_clips", {"upload": "sample", "language": "en; rm -rf"}, "bad_request"),
        ("generate_clips", {"upload": "sample", "focus": "x" * 501}, "bad_request"),
        ("job_status", {"job_id": "kk_unknown"}, "unknown_job"),
        ("job_status", {"job_id": "../../etc"}, "unknown_job"),
        ("list_clips", {"job_id": "kk_unknown"}, "unknown_job"),
        ("edit_clip", {"job_id": "kk_unknown", "clip": 1, "title": "x"}, "unknown_job"),
        ("render_clip", {"job_id": "kk_unknown", "clip": 1}, "unknown_job"),
        ("export_job", {"job_id": "kk_unknown"}, "unknown_job"),
        ("cancel_job", {"job_id": "kk_unknown"}, "unknown_job"),
    ],
)
def test_what_cannot_be_done_comes_back_as_code_and_sentence(open_session, endpoint, arguments, code):
    said = open_session.refusal(endpoint, **arguments)
    assert said.startswith(f"{code}: ") and said.endswith((".", "?"))
    assert "Traceback" not in said and str(open_session.folder) not in said


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"clip": 9, "title": "x"}, "bad_wish"),
        ({"clip": 1}, "bad_request"),
        ({"clip": 1, "cut": ["a.b"]}, "bad_request"),
        ({"clip": 1, "cut": ["900.1"]}, "bad_wish"),
        ({"clip": 1, "look": {"layout": "round"}}, "bad_wish"),
        ({"clip": 1, "first": 5000, "last": 5001}, "bad_wish"),
        ({"clip": 1, "title": "x" * 10_000}, "bad_wish"),
        ({"clip": 0, "first": 1}, "bad_request"),
    ],
)
def test_an_edit_that_makes_no_sense_is_refused_with_a_sentence(open_session, done, arguments, code):
    assert open_session.refusal("edit_clip", job_id=done["job_id"], **arguments).startswith(f"{code}: ")


def test_only_the_named_endpoints_are_there(open_session):
    with open_session.client() as client:
        named = set(client.get("gradio_api/info").json()["named_endpoints"])
    assert named == {f"/{name}" for name in NAMES}


def test_an_agent_runs_a_job_with_the_tools(open_session, wanted):
    told: list[str] = []
    made = asyncio.run(_with_tools(open_session, wanted, told))
    assert made["status"] == "SUCCEEDED"
    assert httpx.get(made["clips"][0]["video"]["url"]).headers["content-type"] == "video/mp4"
    assert told, "progress is told while it runs"


async def _with_tools(open_session: Session, wanted: dict[str, Any], told: list[str]) -> dict[str, Any]:
    from mcp import ClientSession
    from mcp.client.streamable_http import streamable_http_client

    async def progress(value: float, total: float | None, message: str | None) -> None:
        told.append(message or str(value))

    async with (
        streamable_http_client(f"{open_session.base}gradio_api/mcp/") as (reading, writing, _),
        ClientSession(reading, writing) as tools,
    ):
        await tools.initialize()
        listed = await tools.list_tools()
        assert {tool.name for tool in listed.tools} == NAMES
        assert all(tool.description and tool.inputSchema["properties"] for tool in listed.tools)
        answer = await tools.call_tool("generate_clips", {**wanted, "count": 1}, progress_callback=progress)
        assert not answer.isError, answer
        refused = await tools.call_tool("job_status", {"job_id": "kk_unknown"})
        assert refused.isError and refused.content[0].text.startswith("unknown_job: ")
        return json.loads(answer.content[0].text)


# -- what the README shows ------------------------------------------------------------------------


def shown(language: str) -> str:
    """The README's example in that language."""
    section = (ROOT / "README.md").read_text(encoding="utf-8").split("## API and agents")[1].split("\n## ")[0]
    return re.search(rf"```{language}\n(.*?)```", section, re.DOTALL)[1]


@pytest.fixture
def beside_talk(tmp_path, film) -> Path:
    """A folder with a talk.mp4, as who tries the README's examples has one."""
    (tmp_path / "talk.mp4").symlink_to(film)
    return tmp_path


def quick(example: str, open_session: Session, length: str, instead: str) -> str:
    """The example on this session, with bounds that the short test film can fill."""
    assert "http://127.0.0.1:7860" in example and length in example
    return example.replace("http://127.0.0.1:7860", open_session.base.rstrip("/")).replace(length, instead)


@pytest.mark.slow
def test_the_python_example_does_what_it_shows(open_session, beside_talk):
    example = quick(shown("python"), open_session, "length=30", "min_seconds=8, max_seconds=16")
    ran = subprocess.run(
        [sys.executable, "-c", example], cwd=beside_talk, env=clean_shell() | {"TMPDIR": str(beside_talk)},
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    lines = ran.stdout.splitlines()
    assert any(line.startswith("RUNNING TRANSCRIPT ") for line in lines)
    titles_and_video, rendered, archive = lines[-3:]
    for path in (titles_and_video.rpartition(" ")[2], rendered):
        assert shown_ms(Path(path)) > 7900
    assert zipfile.is_zipfile(archive)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_the_curl_example_does_what_it_shows(open_session, beside_talk):
    bounds = '\\"min_seconds\\": 8, \\"max_seconds\\": 16'
    example = quick(shown("bash"), open_session, '\\"length\\": 30', bounds)
    ran = subprocess.run(
        ["bash", "-euc", example], cwd=beside_talk, capture_output=True, text=True, timeout=300
    )
    assert ran.returncode == 0, ran.stderr
    name, data = [line.partition(": ")[2] for line in ran.stdout.splitlines() if ": " in line][-2:]
    assert name == "complete"
    for clip in json.loads(data)[0]["clips"]:
        assert httpx.get(clip["video"]["url"]).headers["content-type"] == "video/mp4"


def test_the_agents_example_names_the_tools_address(open_session):
    address = json.loads(shown("json"))["mcpServers"]["kangklip"]["url"]
    told = httpx.get(f"{open_session.base}{address.partition(':7860/')[2]}schema")
    assert {tool["name"] for tool in told.json()} == NAMES
