"""The whole job through the command line, on the sample's own voices: artifacts, resuming, refusals."""

from __future__ import annotations

import json
import signal
import threading

import jsonschema
import pytest

from pipeline.published import PUBLISHED, json_schema
from pipeline.records import Failed, Wish
from pipeline.run import run
from pipeline.storage import FolderStorage, sha256_of
from pipeline.tools import Tools
from pipeline.workspace import Workspace
from tests.films import ROOT
from tests.places import Place, stages


@pytest.fixture
def place(tmp_path, subtitles):
    return Place(tmp_path, subtitles)


@pytest.fixture(scope="module")
def finished(tmp_path_factory, film, subtitles):
    """One job, done once, looked at by several tests."""
    place = Place(tmp_path_factory.mktemp("finished"), subtitles)
    code, events, err = place.run(*place.wanted(film))
    assert code == 0, err
    return place, events


def names(events: list[dict]) -> list[str]:
    return [e["event"] for e in events]


def test_events_come_in_the_order_of_the_stages(finished):
    _, events = finished
    started = [e["stage"] for e in events if e["event"] == "StageStarted"]
    assert started == ["DOWNLOAD", "TRANSCRIPT", "CHUNK", "SELECT", "RENDER", "UPLOAD"]
    assert names(events)[-1] == "Done"
    assert names(events).index("ClipReady") < max(
        i for i, e in enumerate(events) if e["event"] == "Progress" and e["stage"] == "RENDER"
    )


def test_every_artifact_keeps_its_published_schema(finished):
    place, _ = finished
    for name in PUBLISHED:
        schema = json.loads((ROOT / "assets" / "schemas" / f"{name}.json").read_text(encoding="utf-8"))
        assert schema == json.loads(json.dumps(json_schema(name))), "run `make docs`"
        jsonschema.Draft202012Validator.check_schema(schema)
        jsonschema.validate(place.document(name), schema)


def test_the_manifest_holds_every_file_with_its_sum(finished):
    place, _ = finished
    manifest = place.document("manifest")
    listed = {a["name"]: a for a in manifest["artifacts"]}
    there = {p.name for p in place.stored().iterdir() if p.is_file()}
    assert there == {*listed, "manifest.json"}
    assert {"clip_01.mp4", "clip_01.preview.mp4", "clip_01.jpg", "clip_01.srt", "clip_01.vtt"} <= there
    for name, entry in listed.items():
        path = place.stored() / name
        assert (entry["size_bytes"], entry["sha256"]) == (path.stat().st_size, sha256_of(path))
    newest = max(p.stat().st_mtime_ns for p in place.stored().iterdir() if p.is_file())
    assert (place.stored() / "manifest.json").stat().st_mtime_ns == newest


def test_the_choice_says_who_chose_and_why_not_the_model(finished):
    place, events = finished
    made_by = place.document("edl")["made_by"]
    assert made_by["name"] == "heuristic" and "model" in made_by["fallback"]
    assert any(e["event"] == "Warned" and made_by["fallback"] in e["message"] for e in events)


def test_every_stage_says_what_made_it_and_what_it_cost(finished):
    place, _ = finished
    reports = {report["stage"]: report for report in place.document("manifest")["stages"]}
    assert list(reports) == ["DOWNLOAD", "TRANSCRIPT", "CHUNK", "SELECT", "RENDER", "UPLOAD"]
    assert all(report["made_by"]["name"] and report["wall_ms"] >= 0 for report in reports.values())
    assert reports["RENDER"]["cpu_ms"] > 0 and reports["RENDER"]["made_by"]["version"]
    assert "preset=ultrafast" in reports["RENDER"]["made_by"]["settings"]


def test_no_path_of_this_machine_is_published(finished, film):
    place, _ = finished
    for path in place.stored().glob("*.json"):
        text = path.read_text(encoding="utf-8")
        assert str(film.parent) not in text and str(place.folder) not in text


def test_the_same_job_twice_gives_the_same_plan(finished, film):
    place, _ = finished
    code, _, err = place.run(*place.wanted(film, "two"))
    assert code == 0, err
    first, second = place.document("edl"), place.document("edl", "two")
    assert first["clips"] == second["clips"] and first["rejected"] == second["rejected"]


def test_a_job_started_again_by_its_id_alone_repeats_nothing(finished):
    place, _ = finished
    before = place.document("manifest")
    code, events, err = place.run("--job-id", "one")
    assert code == 0, err
    assert stages(events) == {
        "DOWNLOAD": True, "TRANSCRIPT": True, "CHUNK": True, "SELECT": True, "RENDER": True, "UPLOAD": False,
    }  # fmt: skip
    assert place.document("manifest")["artifacts"] == before["artifacts"]


def test_another_wish_under_a_jobs_id_is_refused(finished, film):
    place, _ = finished
    code, _, err = place.run(film, "--count", 5, "--job-id", "one")
    assert code == 2 and "other wishes" in err


def test_a_job_goes_on_where_its_storage_is_after_its_folder_is_lost(finished, film, tmp_path):
    """The work folder of the first machine is gone; the stored stages are not."""
    place, _ = finished
    code, events, err = place.run(*place.wanted(film), WORK_DIR=str(tmp_path / "elsewhere"))
    assert code == 0, err
    assert all(stages(events)[stage] for stage in ("DOWNLOAD", "TRANSCRIPT", "CHUNK", "SELECT", "RENDER"))


def test_the_first_versions_variables_run_the_same_job(place, film, subtitles):
    code, _, err = place.run(
        "--transcript", subtitles,
        JOB_ID="kk_first", VIDEO_URL=str(film), CLIP_COUNT="1", MIN_CLIP_SECONDS="15",
        MAX_CLIP_SECONDS="15", OUTPUT_LANGUAGE="en",
    )  # fmt: skip
    assert code == 0, err
    (clip,) = place.document("edl", "kk_first")["clips"]
    assert 10_000 <= clip["end_ms"] - clip["start_ms"] <= 15_000


@pytest.mark.parametrize(
    ("args", "code", "sentence"),
    [
        ((), 2, "No video was given"),
        (("x.mp4", "--job-id", "../up"), 2, "can't be used"),
        (("x.mp4", "--min-seconds", "9", "--max-seconds", "4"), 2, "can't be made"),
        (("x.mp4", "--length", "30", "--max-seconds", "40"), 2, "can't be combined"),
        (("nowhere.mp4",), 3, "nowhere.mp4"),
        (("x.mp4", "--transcript", "nowhere.srt"), 2, "no transcript 'nowhere.srt'"),
    ],
)
def test_a_wish_that_cannot_be_met_ends_with_a_sentence_and_its_code(place, args, code, sentence):
    got, events, err = place.run(*args)
    told = err + "".join(e["message"] for e in events if e["event"] == "Failed")
    assert got == code and sentence in told and "Traceback" not in told


def test_a_bad_setting_is_named(place):
    code, _, err = place.run("x.mp4", CLIP_COUNT="many")
    assert code == 2 and "CLIP_COUNT" in err


def test_ctrl_c_leaves_a_job_that_can_be_resumed(place, film):
    child = place.start(*place.wanted(film, "stopped"))
    assert child.stdout is not None and child.stderr is not None
    for line in child.stdout:
        if json.loads(line).get("stage") == "RENDER":
            child.send_signal(signal.SIGINT)
            break
    rest = [json.loads(line) for line in child.stdout]
    child.wait(timeout=60)
    child.stdout.close()
    child.stderr.close()
    assert child.returncode == 130
    assert rest[-1]["event"] == "Failed" and "--job-id stopped" in rest[-1]["message"]
    code, events, err = place.run("--job-id", "stopped")
    assert code == 0, err
    resumed = {stage for stage, again in stages(events).items() if again}
    assert {"DOWNLOAD", "TRANSCRIPT", "CHUNK", "SELECT"} <= resumed


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["DOWNLOAD", "TRANSCRIPT", "CHUNK", "SELECT", "RENDER", "clip", "UPLOAD"])
def test_a_job_killed_in_any_stage_ends_with_the_same_clips(finished, place, film, stage):
    child = place.start(*place.wanted(film, "one"))
    assert child.stdout is not None and child.stderr is not None
    done = set()
    for line in child.stdout:
        event = json.loads(line)
        if event["event"] == "Progress" and event["fraction"] == 1.0 and event["message"] == "":
            done.add(event["stage"])
        if event.get("stage") == stage or (stage == "clip" and event["event"] == "ClipReady"):
            child.kill()
            break
    child.wait(timeout=30)
    child.stdout.close()
    child.stderr.close()
    assert not (place.stored() / "manifest.json").exists()
    code, events, err = place.run("--job-id", "one")
    assert code == 0, err
    resumed = {stage for stage, again in stages(events).items() if again}
    assert done <= resumed
    whole, _ = finished
    files = {a["name"]: a["sha256"] for a in whole.document("manifest")["artifacts"]}
    again = {a["name"]: a["sha256"] for a in place.document("manifest")["artifacts"]}
    assert again == files
    assert not list((place.folder / "work" / "one").rglob(".*.tmp*"))


def test_what_should_not_happen_still_ends_the_events(tmp_path):
    """A tool with a fault of its own: the last event says that it is over, and keeps the details."""

    def faulty(*_):
        raise ZeroDivisionError("a fault in a tool")

    tools = Tools(faulty, faulty, faulty, faulty, faulty, FolderStorage(tmp_path / "out"))
    events = list(run(Wish("x"), tools, Workspace.open(tmp_path, "one"), threading.Event()))
    assert isinstance(events[-1], Failed) and "a fault in a tool" in events[-1].detail
