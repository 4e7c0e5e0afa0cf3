"""The sample: small enough to commit, what its ground truth says, and worth being a first sight."""

import json
import sys
from itertools import pairwise

import av
import pytest

from tests.films import ROOT, TALK, WORDS

sys.path.insert(0, str(ROOT / "assets" / "sample"))
from script import Line, place, read_script, shots


@pytest.fixture(scope="module")
def truth():
    return json.loads(WORDS.read_text(encoding="utf-8"))


def test_it_is_small_and_four_to_six_minutes_of_picture_and_sound(truth):
    assert TALK.stat().st_size <= 8_000_000
    assert 4 * 60_000 <= truth["film_ms"] <= 6 * 60_000
    with av.open(str(TALK)) as film:
        assert (len(film.streams.video), len(film.streams.audio)) == (1, 1)
        assert abs(film.duration / 1000 - truth["film_ms"]) < 200


def test_its_truth_is_in_order_and_is_the_script(truth):
    lines = read_script((TALK.parent / "talk.txt").read_text(encoding="utf-8"))
    sentences = truth["sentences"]
    assert [(s["speaker"], s["text"]) for s in sentences] == [(one.speaker, one.text) for one in lines]
    at = 0
    for s in sentences:
        assert at < s["start_ms"] < s["end_ms"] <= truth["film_ms"]
        at = s["end_ms"]
    assert all(0 < cut < truth["film_ms"] for cut in truth["cuts_ms"])


def test_its_shots_cover_the_film_and_cut_between_cameras():
    lines = [Line(who, "So.", False, True) for who in ("HOST", "GUEST", "GUEST", "HOST", "GUEST")]
    spoken = place(lines, [5_000, 14_000, 14_000, 3_000, 9_000])
    made = shots(spoken, 60_000)
    assert made[0].start_ms == 0 and made[-1].end_ms == 60_000
    assert all(a.end_ms == b.start_ms and a.scene != b.scene for a, b in pairwise(made))
    assert {shot.scene for shot in made} == {"host", "wide", "close"}
