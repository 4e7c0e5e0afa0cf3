"""Edits of a finished job through the command line: what is done again, what is left alone, what is kept."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import ffmpeg
import jsonschema
import psutil
import pytest

from pipeline import editing
from pipeline.changes import CutWords, Retitle, Reword
from pipeline.edits import MOST_STEPS, Edits
from pipeline.errors import WishError
from pipeline.published import PUBLISHED
from pipeline.storage import sha256_of
from pipeline.trimming import WordRef
from pipeline.workspace import Workspace, to_json, write_json
from tests.films import ROOT
from tests.places import Place, clean_shell
from tests.test_elsewhere import website


class Desk(Place):
    """A place where commands come before their options."""

    def start(self, *args, **more):
        return subprocess.Popen(
            [sys.executable, "-m", "pipeline", *map(str, args)],
            cwd=ROOT, env=clean_shell() | self.settings | more, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def edit(self, clip, *args, **more):
        code, events, err = self.run("edit", "one", clip, "--json", *args, **more)
        assert code == 0, err + str(events[-1:])
        return events

    @property
    def workspace(self):
        return Workspace.find(self.folder / "work", "one")

    def kept(self, *names):
        """What tells whether a kept file was written again."""
        paths = [self.workspace.path(name) for name in names]
        return {path.name: (path.stat().st_ino, path.stat().st_mtime_ns, sha256_of(path)) for path in paths}


@pytest.fixture(scope="module")
def begun(tmp_path_factory, film, subtitles):
    """A finished job of two clips; tests work on copies of it."""
    desk = Desk(tmp_path_factory.mktemp("begun"), subtitles)
    code, _, err = desk.run("--json", *desk.wanted(film))
    assert code == 0, err
    return desk


@pytest.fixture
def desk(begun, tmp_path, subtitles):
    shutil.copytree(begun.folder, tmp_path / "desk")
    return Desk(tmp_path / "desk", subtitles)


def indices(document):
    return [clip.get("plan", clip)["index"] for clip in document["clips"]]


def first_word(desk, index=1):
    return f"{editing.open_job(desk.workspace).plan(index).first}.0"


def frame_of(engine, path, at_s):
    graph = ffmpeg.input(str(path), ss=at_s).output("pipe:", vframes=1, format="rawvideo", pix_fmt="rgb24")
    size = 270 * 480 * 3
    return b"".join(engine.stream(graph, block_bytes=size, timeout_s=20))


def test_a_reworded_caption_is_drawn_anew_and_needs_neither_eyes_nor_ears(desk, engine):
    apart = ("stages/sight_01.json", "stages/sound_01.json", "stages/clip_02.json")
    others = [f"clip_02{suffix}" for suffix in (".mp4", ".preview.mp4", ".jpg", ".srt", ".vtt")]
    before, clip = desk.kept(*apart, *others), desk.workspace.path("clip_01.mp4")
    word = editing.open_job(desk.workspace).transcript.sentences[1].words[0]
    start_s = (word.start_ms - editing.open_job(desk.workspace).plans[0].start_ms) / 1000 + 0.1
    was = frame_of(engine, clip, start_s)
    code, events, err = desk.run(
        "edit", "one", 1, "--json", "--word", f"{first_word(desk)}=Zebra", PYTHONPROFILEIMPORTTIME="1"
    )
    assert code == 0 and [e["clip"]["plan"]["index"] for e in events if e["event"] == "ClipReady"] == [1]
    assert "pipeline.clips" in err and "cv2" not in err and "scenedetect" not in err
    assert desk.kept(*apart, *others) == before
    assert "Zebra" in (desk.stored() / "clip_01.srt").read_text(encoding="utf-8")
    assert frame_of(engine, clip, start_s) != was
    edl, manifest = desk.document("edl"), desk.document("manifest")
    assert edl["clips"][0]["words"] == [{"sentence": 1, "word": 0, "text": "Zebra"}]
    assert manifest["clips"][0]["plan"] == edl["clips"][0]
    for entry in manifest["artifacts"]:
        assert sha256_of(desk.stored() / entry["name"]) == entry["sha256"]
    for name in PUBLISHED:
        schema = json.loads((ROOT / "assets" / "schemas" / f"{name}.json").read_text(encoding="utf-8"))
        jsonschema.validate(desk.document(name), schema)


def test_another_layout_needs_no_eyes_and_a_cut_no_second_look(desk):
    seen = desk.kept("stages/sight_01.json")
    sentence = editing.open_job(desk.workspace).plan(1).last
    cut = f"{sentence}.2-{sentence}.4"
    events = desk.edit(1, "--look", "layout=fit", "--look", "title_card=opening", "--cut", cut)
    (plan,) = [e["clip"]["plan"] for e in events if e["event"] == "ClipReady"]
    assert len(plan["removed"]) == 1 and plan["look"]["layout"] == "fit"
    assert desk.kept("stages/sight_01.json") == seen
    assert {f["layout"] for f in desk.document("face_log")["clips"][0]["framing"]} == {"fit"}
    desk.edit(1, "--restore", cut, "--to", sentence - 1, "--plan-only")
    desk.edit(1)
    assert desk.kept("stages/sight_01.json") == seen, "seen from the same start, it serves a shorter clip"


def test_a_draft_shows_the_edit_and_publishes_nothing(desk):
    stored = {p.name: p.stat().st_mtime_ns for p in desk.stored().rglob("*")}
    events = desk.edit(2, "--title", "{\\b1}A عنوان", "--look", "captions=boxed", "--draft")
    ready, last = events[-2:]
    assert (ready["event"], ready["index"], ready["preview"]) == ("DraftReady", 2, "clip_02.draft.mp4")
    assert (last["event"], last["clips"]) == ("Done", [])
    opened = editing.open_job(desk.workspace)
    draft = editing.draft(desk.workspace, opened.plan(2))
    assert draft is not None and desk.workspace.path(draft.poster).is_file()
    assert editing.rendered(desk.workspace, opened.plan(2)) is None
    assert editing.rendered(desk.workspace, opened.plan(1)) is not None
    assert {p.name: p.stat().st_mtime_ns for p in desk.stored().rglob("*")} == stored
    again = desk.edit(2, "--draft")
    assert next(e for e in again if e["event"] == "StageStarted" and e["stage"] == "RENDER")["resumed"]


def test_clips_are_added_and_dropped_and_come_back(desk):
    (told,) = desk.edit("new", "--first", 6, "--last", 7, "--title", "Mine", "--plan-only")
    assert told["index"] == 3 and told["plan"]["title"] == "Mine"
    desk.edit(1, "--drop")
    assert indices(desk.document("edl")) == indices(desk.document("manifest")) == [2], "3 is not rendered yet"
    desk.edit(3)
    assert indices(desk.document("edl")) == indices(desk.document("manifest")) == [2, 3]
    assert (desk.stored() / "clip_03.mp4").is_file()
    events = desk.edit(1, "--undo")
    assert indices(desk.document("manifest")) == [1, 2, 3]
    assert next(e for e in events if e["event"] == "StageStarted" and e["stage"] == "RENDER")["resumed"]
    code, events, _ = desk.run("--json", "--job-id", "one")
    assert code == 0 and indices(desk.document("edl")) == [1, 2, 3], "the whole job keeps its edits"


@pytest.mark.slow
def test_edits_go_with_the_job_to_another_machine(desk, film, tmp_path):
    desk.edit(1, "--title", "Taken along")
    shutil.rmtree(desk.folder / "work")
    code, events, err = desk.run("--json", *desk.wanted(film))
    assert code == 0, err
    assert desk.document("manifest")["clips"][0]["plan"]["title"] == "Taken along"
    assert next(e for e in events if e["event"] == "StageStarted" and e["stage"] == "RENDER")["resumed"]


@pytest.mark.slow
def test_an_edit_killed_in_mid_render_goes_on(desk):
    other = desk.kept("clip_02.mp4")
    child = desk.start("edit", "one", 1, "--json", "--title", "Survivor", "--look", "position=top")
    for line in child.stdout:
        if json.loads(line).get("stage") == "RENDER" and json.loads(line)["event"] == "Progress":
            child.kill()
            break
    child.wait(timeout=30)
    child.stdout.close()
    child.stderr.close()
    assert editing.open_job(desk.workspace).plan(1).title == "Survivor"
    desk.edit(1)
    assert desk.document("manifest")["clips"][0]["plan"]["title"] == "Survivor"
    assert desk.kept("clip_02.mp4") == other
    assert not list((desk.folder / "work").rglob(".*.tmp*"))


def test_a_job_whose_parent_is_killed_stops(desk):
    """The parent is a process of its own that starts the job and is killed with -9."""
    desk.workspace.path("clip_01.mp4").unlink()
    script = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE)\n"
        "print(child.pid, child.stdout.readline()[:0].decode(), flush=True)\n"
        "time.sleep(60)\n"
    )
    job = ["edit", "one", "1", "--json", "--with-parent", "--nice", "5", "--look", "layout=fit"]
    parent = subprocess.Popen(
        [sys.executable, "-c", script, sys.executable, "-m", "pipeline", *job],
        cwd=ROOT, env=clean_shell() | desk.settings | {"RENDER_RESOLUTION": "1080x1920"},
        text=True, stdout=subprocess.PIPE,
    )  # fmt: skip
    pid = int(parent.stdout.readline())
    assert os.getpriority(os.PRIO_PROCESS, pid) == 5
    parent.send_signal(signal.SIGKILL)
    parent.wait(timeout=10)
    parent.stdout.close()
    deadline = time.monotonic() + 20
    while _alive(pid) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not _alive(pid)


def _alive(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


# -- without rendering ----------------------------------------------------------------------------


def test_edits_of_several_writers_are_all_kept(desk):
    def write(number):
        editing.edit(desk.workspace, 1 + number % 2, Retitle(f"title {number}"))

    with ThreadPoolExecutor(max_workers=8) as pool:
        list(pool.map(write, range(24)))
    edits = editing.read_edits(desk.workspace)
    assert [len(edits.history(index).past) for index in (1, 2)] == [12, 12]


def test_it_can_be_edited_while_another_process_holds_the_job(desk):
    with desk.workspace.locked():
        assert editing.edit(desk.workspace, 1, Retitle("meanwhile")).plan(1).title == "meanwhile"
        code, events, _ = desk.run("edit", "one", 1, "--json", "--draft")
    assert code == 2 and "another process" in events[-1]["message"]


def test_several_changes_are_made_all_or_none(desk):
    with pytest.raises(WishError):
        editing.edit(desk.workspace, 1, Retitle("half"), CutWords((WordRef(99, 0),)))
    assert editing.read_edits(desk.workspace) == Edits(desk.workspace.key_of("select"))


def test_changes_made_together_are_one_step(desk):
    chosen = editing.open_job(desk.workspace).plan(1)
    editing.edit(desk.workspace, 1, Retitle("one step"), Reword(WordRef(chosen.first, 0), "together"))
    assert editing.undo(desk.workspace, 1).plan(1) == chosen


def test_undo_and_redo_reach_the_disk(desk):
    chosen = editing.open_job(desk.workspace).plan(1)
    for number in range(MOST_STEPS // 20):
        editing.edit(desk.workspace, 1, Reword(WordRef(chosen.first, 0), f"word{number}"))
    edited = editing.open_job(desk.workspace).plan(1)
    for _ in range(MOST_STEPS // 20):
        editing.undo(desk.workspace, 1)
    assert editing.open_job(desk.workspace).plan(1) == chosen
    for _ in range(MOST_STEPS // 20):
        editing.redo(desk.workspace, 1)
    assert editing.open_job(desk.workspace).plan(1) == edited


def test_edits_of_another_choice_are_left_aside_and_it_says_so(desk):
    edits = editing.edit(desk.workspace, 1, Retitle("of old")).edits
    old = Edits("another choice", edits.added, edits.clips)
    write_json(desk.workspace.path("edits.json"), {"schema": "kangklip/edits/1", "edits": to_json(old)})
    assert editing.open_job(desk.workspace).plan(1).title != "of old"
    code, events, _ = desk.run("--json", "--job-id", "one")
    assert code == 0 and any("left aside" in e.get("message", "") for e in events)


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (("edit", "nope", 1), "There is no job 'nope'"),
        (("edit", "../one", 1), "There is no job"),
        (("edit", "one", 9, "--title", "x"), "There is no clip 9"),
        (("edit", "one", "x"), "is no clip"),
        (("edit", "one", 1, "--cut", "1.99"), "no word 99"),
        (("edit", "one", 1, "--cut", "1.2-1.1"), "no stretch of words"),
        (("edit", "one", 1, "--cut", "1..2"), "no word"),
        (("edit", "one", 1, "--word", "1.2"), "12.4=Text"),
        (("edit", "one", 1, "--title", "x" * 10_000), "200 letters"),
        (("edit", "one", "new", "--first", 5), "--first and --last"),
        (("edit", "one", 1, "--undo"), "nothing to undo"),
        (("show", "one", 9), "no clip 9"),
        (("probe", "nowhere.mp4"), "nowhere.mp4"),
        (("probe", "http://127.0.0.1/x.mp4"), "private network"),
    ],
)
def test_what_cannot_be_done_ends_with_a_sentence(begun, args, sentence, capfd, monkeypatch):
    from pipeline.__main__ import main

    for key, value in begun.settings.items():
        monkeypatch.setenv(key, value)
    assert main([str(arg) for arg in args]) in (2, 3)
    err = capfd.readouterr().err
    assert sentence in err and "Traceback" not in err and len(err) < 400
    assert not (begun.folder / "work" / "nope").exists()


def test_a_link_is_probed_without_being_taken(begun, film):
    with website(film.parent) as address:
        code, (glance,), err = begun.run(
            "probe", f"{address}/{film.name}", "--json", ALLOW_PRIVATE_ADDRESSES="1"
        )
    assert code == 0, err
    assert glance["title"] == film.stem and set(glance) == {"duration_ms", "width", "height", "title"}
    assert not list(begun.folder.rglob("download.*.media"))


def test_show_options_and_probe_print_what_to_edit_by(begun, film):
    _, (options,), _ = begun.run("options", "--json")
    assert [offer["name"] for offer in options] == ["captions", "position", "layout", "title_card"]
    _, (clip,), _ = begun.run("show", "one", 1, "--json")
    assert clip["sentences"][0]["id"] == clip["plan"]["first"] and clip["cut"] == []
    _, (glance,), _ = begun.run("probe", film, "--json")
    assert glance == {"duration_ms": 75_000, "width": 320, "height": 180, "title": film.stem}


def test_opening_a_job_again_reads_its_transcript_once(desk):
    first = editing.open_job(desk.workspace)
    assert editing.open_job(desk.workspace).transcript is first.transcript
    path = desk.workspace.stage_path("transcript")
    path.write_bytes(path.read_bytes() + b"\n")
    again = editing.open_job(desk.workspace).transcript
    assert again is not first.transcript and again == first.transcript
