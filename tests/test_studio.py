"""What the page shows of a chosen job, and an edit as a visitor writes it: bounds, edges, hostile values."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from node import changes, studio
from node.errors import BadRequest, NodeError
from node.outlet import Outlet
from node.web.share import Shares
from node.web.showcase import Showcase
from pipeline import editing
from pipeline.editing import Opened, open_job
from pipeline.errors import ClipError, WishError
from pipeline.records import ClipPlan, Edl, Look, MadeBy, Rejected, Rewording, Sound, Source
from pipeline.workspace import Kept, Workspace
from tests.talks import make_sentence, transcript_of

COUNT = 12
SENTENCES = tuple(make_sentence(i, 1_000 + i * 5_000, [400] * 6, gap_ms=200) for i in range(COUNT))
TALK = transcript_of(SENTENCES)
FILM_MS = SENTENCES[-1].end_ms + 3_000
SOURCE = Source(
    Path("/films/talk.mp4"), "A talk", FILM_MS, 1920, 1080, 25, 1, "h264", "aac", 1, 0, 0, "bt709", 1, "f",
)  # fmt: skip


def clip(index: int, first: int, last: int) -> ClipPlan:
    start, end = SENTENCES[first].start_ms - 200, SENTENCES[last].end_ms + 200
    return ClipPlan(index, first, last, start, end, f"Clip {index}", "A hook", 80, "a reason")


REJECTED = (
    Rejected(3, 4, 40, "too plain", "Plain"),
    Rejected(1, 3, 70, "overlaps a better one"),
    Rejected(4, 9_999, 90, "names sentences that are not there"),
    Rejected(-1, 3, 90, "names sentences that are not there"),
    Rejected(4, 2, 90, "names its end first"),
    Rejected(9, 10, 60, "less said", "Later"),
)
EDL = Edl((clip(1, 2, 4), clip(2, 6, 7)), REJECTED, MadeBy("test"))


@pytest.fixture
def job(tmp_path) -> Workspace:
    """A job as it is after SELECT, on the disk."""
    made = Workspace.open(tmp_path, "kk_one")
    for name, value in (("download", SOURCE), ("transcript", TALK), ("select", EDL)):
        made.save(name, "key", Kept(value, 0, 0))
    return made


@pytest.fixture
def outlet(tmp_path) -> Outlet:
    return Outlet(Showcase(tmp_path / "temp"), None, Shares(tmp_path), tmp_path / "sample.mp4")


def view(job: Workspace, outlet: Outlet, index: int = 1) -> dict[str, Any]:
    opened = open_job(job)
    return studio.clip_view(opened, studio.plan_of(opened, index), job, outlet)


# -- the map --------------------------------------------------------------------------------------


def test_the_map_holds_what_was_not_taken_and_is_in_the_film(job):
    film = studio.film_map(open_job(job))
    assert film["duration_ms"] == FILM_MS
    assert [(p["first"], p["last"]) for p in film["rejected"]] == [(1, 3), (9, 10), (3, 4)]
    first = film["rejected"][0]
    assert first == {
        "first": 1, "last": 3, "score": 70, "why": "overlaps a better one", "title": SENTENCES[1].text,
        "start_ms": SENTENCES[1].start_ms, "end_ms": SENTENCES[3].end_ms,
    }  # fmt: skip


def test_a_passage_that_became_a_clip_leaves_the_map(job):
    editing.add(job, 9, 10)
    assert (9, 10) not in [(p["first"], p["last"]) for p in studio.film_map(open_job(job))["rejected"]]


@given(st.lists(st.integers(-200, 20), max_size=3000))
@settings(max_examples=50, deadline=None)
def test_loudness_has_bounds_and_a_size_that_can_be_drawn(levels):
    drawn = studio.loudness(levels)
    assert 1 <= len(drawn) <= studio.WAVE_POINTS and all(2 <= level <= 100 for level in drawn)


def test_loudness_keeps_the_loudest_of_each_stretch():
    assert studio.loudness([-60, -12, -60, -36]) == [2, 100, 2, 50]
    long = [-60] * 108_000
    long[50_000] = -12
    drawn = studio.loudness(long)
    assert len(drawn) == studio.WAVE_POINTS and sorted(drawn)[-2:] == [2, 100] and drawn[50_000 // 180] == 100


def test_a_film_without_sound_levels_has_a_map(job):
    opened = replace(open_job(job), transcript=replace(TALK, sound=Sound(100, ())))
    assert studio.film_map(opened)["loudness"] == [2]


# -- one clip -------------------------------------------------------------------------------------


def test_the_alternatives_share_sentences_and_the_best_comes_first(job, outlet):
    shown = [(a["first"], a["last"]) for a in view(job, outlet)["alternatives"]]
    assert shown == [(1, 3), (3, 4)]


def test_what_was_chosen_at_first_leads_the_alternatives_of_a_moved_clip(job, outlet):
    changes.carry_out(job, 1, {"first": 3, "last": 4})
    moved = view(job, outlet)
    assert [(a["first"], a["last"]) for a in moved["alternatives"]] == [(2, 4), (1, 3)]
    assert moved["alternatives"][0]["why"] == "a reason" and moved["changed"] and moved["can_undo"]


def test_a_passage_that_was_rejected_twice_is_shown_once_with_its_first_reason(job):
    twice = (Rejected(9, 10, 55, "weak hook"), Rejected(9, 10, 55, "enough better clips"))
    job.save("select", "key2", Kept(replace(EDL, rejected=twice), 0, 0))
    assert [p["why"] for p in studio.film_map(open_job(job))["rejected"]] == ["weak hook"]


def test_no_more_than_eight_alternatives_are_shown(job, outlet):
    many = tuple(Rejected(2 + i % 2, 4 + i // 2, i, "why") for i in range(14))
    job.save("select", "key2", Kept(replace(EDL, rejected=many), 0, 0))
    scores = [a["score"] for a in view(job, outlet)["alternatives"]]
    assert len(scores) == 8 and scores == sorted(scores, reverse=True)


def test_the_text_of_a_clip_ends_with_the_film(job):
    opened = open_job(job)
    for before, after in ((0, 0), (2, 2), (400, 400), (-5, -5), (-(10**9), 10**9)):
        text = studio.clip_text(opened, 1, before, after)
        ids = [s["id"] for s in text["sentences"]]
        low, high = max(0, 2 - max(0, before)), min(COUNT - 1, 4 + max(0, after))
        assert ids == list(range(low, high + 1))
        assert text["before"] == (low > 0) and text["after"] == (high < COUNT - 1)
        assert [s["id"] for s in text["sentences"] if s["inside"]] == [2, 3, 4]


def test_the_text_of_a_clip_at_both_edges_of_the_film(job):
    changes.carry_out(job, 1, {"first": 0, "last": COUNT - 1})
    text = studio.clip_text(open_job(job), 1, 2, 2)
    assert len(text["sentences"]) == COUNT and not text["before"] and not text["after"]


def test_cut_and_reworded_words_are_marked(job):
    changes.carry_out(job, 1, {"cut": ["2.1"], "words": {"3.0": "Other", "3.1": ""}})
    second, third = studio.clip_text(open_job(job), 1, 0, 0)["sentences"][:2]
    assert [w["cut"] for w in second["words"]] == [False, True, False, False, False, False]
    assert [w["shown"] for w in third["words"][:3]] == ["Other", "", "w3x2"]
    assert [w["text"] for w in third["words"][:2]] == ["w3x0", "w3x1"]


def test_a_removed_clip_is_listed_under_its_last_title_until_it_comes_back(job):
    assert studio.dropped(open_job(job)) == []
    changes.carry_out(job, 2, {"title": "Renamed", "drop": True})
    _, added = editing.add(job, 9, 10, "Mine")
    changes.carry_out(job, added, {"drop": True})
    listed = [{"index": 2, "title": "Renamed"}, {"index": added, "title": "Mine"}]
    assert studio.dropped(open_job(job)) == listed
    changes.carry_out(job, 2, {"undo": True})
    assert studio.dropped(open_job(job)) == listed[1:]


def test_a_clip_that_is_not_there_is_named_with_those_that_are(job):
    with pytest.raises(BadRequest, match=r"no clip 7 .* it has: 1, 2\."):
        studio.plan_of(open_job(job), 7)
    with pytest.raises(BadRequest):
        studio.clip_text(open_job(job), 7, 0, 0)


def test_the_title_is_empty_until_it_is_known(tmp_path):
    made = Workspace.open(tmp_path, "kk_two")
    assert studio.title(made) == "" and not studio.is_chosen(made)
    for broken in ("", "[]", "{}", '{"value": null}', '{"value": {"title": "T"}}'):
        made.stage_path("download").write_text(broken)
        assert studio.title(made) == ("T" if "T" in broken else "")


# -- edits ----------------------------------------------------------------------------------------


def now(job: Workspace, index: int = 1) -> ClipPlan:
    return studio.plan_of(open_job(job), index)


def test_every_edit_does_what_it_says_and_is_one_step(job):
    wanted = {
        "first": 1, "last": 5.0, "cut": ["1.1", "2.0-2.2"], "words": {"3.0": "Other"}, "title": "New",
        "look": {"captions": "bold", "layout": "fit"},
    }  # fmt: skip
    changes.carry_out(job, 1, wanted)
    plan = now(job)
    assert (plan.first, plan.last, plan.title) == (1, 5, "New")
    assert plan.look == Look("bold", layout="fit") and plan.removed
    assert Rewording(3, 0, "Other") in plan.words
    hidden = {(w.sentence, w.word) for w in plan.words if w.text == ""}
    assert hidden == {(1, 1), (2, 0), (2, 1), (2, 2)}
    changes.carry_out(job, 1, {"restore": ["2.0-2.2"]})
    assert {(w.sentence, w.word) for w in now(job).words if w.text == ""} == {(1, 1)}
    changes.carry_out(job, 1, {"undo": True})
    changes.carry_out(job, 1, {"undo": True})
    assert now(job) == EDL.clips[0]
    changes.carry_out(job, 1, {"redo": True})
    assert now(job) == plan
    changes.carry_out(job, 1, {"reset": True})
    assert now(job) == EDL.clips[0]


def test_one_edge_alone_leaves_the_other(job):
    changes.carry_out(job, 1, {"first": 1})
    assert (now(job).first, now(job).last) == (1, 4)
    changes.carry_out(job, 1, {"last": 5})
    assert (now(job).first, now(job).last) == (1, 5)


def test_a_range_of_words_goes_over_sentences(job):
    changes.carry_out(job, 1, {"cut": ["2.4-4.1"]})
    cut = {(w.sentence, w.word) for w in now(job).words}
    assert cut == {(2, 4), (2, 5), *((3, n) for n in range(6)), (4, 0), (4, 1)}


def test_a_removed_clip_needs_both_edges_or_comes_back_first(job):
    changes.carry_out(job, 2, {"drop": True})
    with pytest.raises(BadRequest, match="undo or reset"):
        changes.carry_out(job, 2, {"first": 6})


@pytest.mark.parametrize(
    "wanted",
    [
        {}, {"title": None}, {"drop": False}, {"drop": "no"}, {"undo": 1}, {"reset": "yes"}, {"nothing": 1},
        {"undo": True, "title": "x"}, {"redo": True, "undo": True}, {"title": ["x"]}, {"title": 5},
        {"first": "2"}, {"first": True}, {"first": 2.5}, {"first": float("nan")}, {"last": float("inf")},
        {"last": 10**30}, {"first": -(10**9)}, {"first": [2]}, {"first": {}},
        {"cut": "2.1"}, {"cut": {"2.1": 1}}, {"cut": [2.1]}, {"cut": [["2.1"]]}, {"cut": [None]},
        {"cut": ["2"]}, {"cut": ["2.1-"]}, {"cut": ["-2.1"]}, {"cut": ["2.1-2.2-2.3"]}, {"cut": [" 2.1"]},
        {"cut": ["2.3-2.1"]}, {"cut": ["4.0-2.0"]}, {"cut": ["9999999.1"]}, {"cut": ["2.1"] * 2001},
        {"restore": 0}, {"words": []}, {"words": {"2.1": None}}, {"words": {"2.1": ["x"]}},
        {"words": {"": "x"}}, {"words": {f"2.{n}": "x" for n in range(2001)}}, {"look": "bold"},
        {"look": {"captions": 1}}, {"look": {"captions": None}},
    ],
)  # fmt: skip
def test_what_is_no_edit_is_refused_with_a_sentence_and_changes_nothing(job, wanted):
    with pytest.raises(BadRequest) as refusal:
        changes.carry_out(job, 1, wanted)
    assert str(refusal.value).endswith(".") and len(str(refusal.value)) < 300
    assert now(job) == EDL.clips[0] and not job.path("edits.json").exists()


@pytest.mark.parametrize(
    "values", [("2", 3, ""), (2, None, ""), (2, 3, 5), (2, 3, None), ([], {}, "x"), (2, float("nan"), "x")]
)
def test_a_new_clip_needs_numbers_and_a_text(job, values):
    with pytest.raises(BadRequest):
        changes.add(job, *values)
    with pytest.raises(WishError):
        changes.add(job, 5, COUNT, "")
    assert not job.path("edits.json").exists()
    assert changes.add(job, 9.0, 10, "")[1] == 3
    assert now(job, 3).title == "Later"


@pytest.mark.parametrize("index", [True, 1.0, "1", None, [1]])
def test_a_clip_is_named_by_its_number_alone(job, index):
    with pytest.raises(BadRequest, match="number of a clip"):
        changes.carry_out(job, index, {"title": "x"})


def test_huge_ranges_are_refused_at_once(job):
    words = [make_sentence(i, i * 3_000, [200] * 10) for i in range(3_000)]
    job.save("transcript", "key", Kept(transcript_of(words), 0, 0))
    open_job(job)
    start = time.monotonic()
    for wanted in ({"cut": ["0.0-999999.9999"] * 2000}, {"restore": ["0.0-2999.9"] * 2000}):
        with pytest.raises(BadRequest, match="more than 20000 words"):
            changes.carry_out(job, 1, wanted)
    assert time.monotonic() - start < 5


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=12),
              st.sampled_from(["2.1", "2.1-3.2", "0.0-11.5", "bold", "captions"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)  # fmt: skip
WANTED = st.dictionaries(
    st.sampled_from([*sorted(changes._KNOWN), "other"]) | st.text(max_size=6), JSON, max_size=5
)


@given(WANTED, JSON)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_json_value_gives_anything_but_an_edit_or_a_sentence(job, wanted, index):
    for clip in (1, index):
        try:
            made = changes.carry_out(job, clip, wanted)
        except (NodeError, ClipError) as exc:
            assert str(exc).strip()
        else:
            assert isinstance(made, Opened)


@given(JSON, JSON, JSON)
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_part_of_an_edit_is_taken_for_another_kind(job, refs, words, first):
    for wanted in ({"cut": refs}, {"restore": refs}, {"words": words}, {"look": words}, {"first": first}):
        try:
            changes.carry_out(job, 1, wanted)
        except (BadRequest, WishError) as exc:
            assert str(exc).strip()
