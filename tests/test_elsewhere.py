"""Jobs whose film, model, storage or recogniser is somewhere else: a link, a server, a bucket, a folder."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import boto3
import ffmpeg
import httpx
import pytest
from moto.server import ThreadedMotoServer

from pipeline.media import source
from tests.fake_llm import KEY, MODEL, FakeLlm, clip, scripted
from tests.films import ROOT, TALK
from tests.places import Place, clean_shell, stages


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@contextmanager
def website(folder: Path):
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as http:
        thread = threading.Thread(target=http.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{http.server_port}"
        finally:
            http.shutdown()
            thread.join()


def test_a_link_to_a_file_becomes_clips(tmp_path, film, subtitles):
    place = Place(tmp_path, subtitles, {"ALLOW_PRIVATE_ADDRESSES": "1"})
    with website(film.parent) as address:
        code, events, err = place.run(*place.wanted(f"{address}/{film.name}"))
    assert code == 0, err
    assert events[-1]["event"] == "Done" and len(events[-1]["clips"]) == 2
    assert place.document("meta")["source"] == f"{address}/{film.name}"


def test_a_link_to_a_private_address_is_refused(tmp_path, film, subtitles):
    place = Place(tmp_path, subtitles)
    with website(film.parent) as address:
        code, events, _ = place.run(*place.wanted(f"{address}/{film.name}"))
    assert code == 3 and events[-1]["code"] == "refused"


def test_a_model_that_answers_chooses(tmp_path, film, subtitles):
    place = Place(tmp_path, subtitles)
    with FakeLlm(scripted(clip(6, 9), clip(12, 14))) as server:
        code, events, err = place.run(
            *place.wanted(film), LLM_API_BASE=server.base, LLM_MODEL_NAME=MODEL, LLM_API_KEY=KEY
        )
        assert not server.complaints
    assert code == 0, err
    assert place.document("edl")["made_by"]["name"] == MODEL
    everything = (
        json.dumps(events)
        + err
        + "".join(path.read_text(encoding="utf-8") for path in tmp_path.rglob("*.json"))
    )
    assert KEY not in everything


def test_whisper_from_a_folder_hears_its_recording(tmp_path, shared_media, engine):
    double = shared_media / "weights" / "whisper_double"
    spoken = tmp_path / "spoken.mkv"
    picture = ffmpeg.input("testsrc2=size=320x180:rate=15", f="lavfi")
    sound = source(double / "recording.flac").audio
    engine.run(ffmpeg.output(picture, sound, str(spoken), shortest=None, preset="ultrafast"), timeout_s=60)
    place = Place(tmp_path, tmp_path)
    code, _, err = place.run(
        spoken, "--count", 1, "--min-seconds", 4, "--max-seconds", 15, "--job-id", "one",
        ASR_MODEL=str(double),
    )  # fmt: skip
    assert code == 0, err
    transcript = place.document("transcript")
    assert transcript["made_by"]["name"] == "faster-whisper" and not transcript["made_by"]["fallback"]
    truth = {w[0].lower().strip(".,") for w in json.loads((double / "words.json").read_text())}
    heard = [w["text"].lower().strip(".,") for s in transcript["sentences"] for w in s["words"]]
    assert sum(word in truth for word in heard) >= 0.9 * len(heard) > 20


@pytest.mark.slow
def test_a_job_in_a_bucket_goes_on_on_another_machine(tmp_path, film, subtitles):
    """Killed after its first clip; the second machine has neither the work folder nor the film."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        keys = {"R2_ACCESS_KEY_ID": "id", "R2_SECRET_ACCESS_KEY": "hush"}
        bucket = {"R2_ENDPOINT": f"http://{host}:{port}", "R2_BUCKET": "clips", "R2_PREFIX": "here", **keys}
        client = boto3.client(
            "s3", endpoint_url=bucket["R2_ENDPOINT"], region_name="us-east-1",
            aws_access_key_id="id", aws_secret_access_key="hush",
        )  # fmt: skip
        client.create_bucket(Bucket="clips")
        here = tmp_path / "here.mp4"
        here.write_bytes(film.read_bytes())
        first = Place(tmp_path / "first", subtitles, bucket)
        child = first.start(*first.wanted(here))
        assert child.stdout is not None and child.stderr is not None
        for line in child.stdout:
            if json.loads(line)["event"] == "ClipReady":
                child.kill()
                break
        child.wait(timeout=30)
        child.stdout.close()
        child.stderr.close()
        here.unlink()
        second = Place(tmp_path / "second", subtitles, bucket)
        code, events, err = second.run(*second.wanted(here))
        assert code == 0, err
        kept = stages(events)
        assert all(kept[stage] for stage in ("DOWNLOAD", "TRANSCRIPT", "CHUNK", "SELECT"))
        pages = client.list_objects_v2(Bucket="clips", Prefix="here/jobs/one/")["Contents"]
        names = {entry["Key"].rsplit("/", 1)[1]: entry["LastModified"] for entry in pages}
        assert {"manifest.json", "clip_01.mp4", "clip_02.mp4", "source.mp4"} <= set(names)
        client.close()
    finally:
        server.stop()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def test_the_page_opens(tmp_path, subtitles):
    """`python app.py` answers, and says no more than a page should."""
    place = Place(tmp_path, subtitles)
    child = subprocess.Popen(
        [sys.executable, "app.py"], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env=clean_shell() | place.settings | {"PORT": str(free_port()), "GRADIO_ANALYTICS_ENABLED": "0"},
    )  # fmt: skip
    try:
        assert child.stdout is not None
        for line in child.stdout:
            if found := re.search(r"http://127\.0\.0\.1:\d+", line):
                break
        assert found, "the page did not say where it is"
        assert "KangKlip" in httpx.get(found.group(), timeout=20, trust_env=False).text
    finally:
        child.terminate()
        child.wait(timeout=20)
        child.stdout.close()


@pytest.mark.slow
def test_make_demo_makes_clips(tmp_path):
    """The README's first command, with the embedded recogniser, at the real size."""
    done = subprocess.run(
        ["make", "demo", "ARGS=--count 1 --job-id demo"],
        cwd=ROOT,
        env=clean_shell() | {"WORK_DIR": str(tmp_path / "work"), "OUT_DIR": str(tmp_path / "out")},
        capture_output=True,
        text=True,
        timeout=480,
    )
    assert done.returncode == 0, done.stderr
    assert "clip_01.mp4" in done.stdout and TALK.is_file()
    made = tmp_path / "out" / "jobs" / "demo"
    assert (made / "manifest.json").is_file() and (made / "clip_01.mp4").stat().st_size > 500_000
