"""The crop never leaves the frame, never fidgets, and follows the one who matters."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.camera import plan
from pipeline.records import Face, FaceSample, MadeBy, Sighting, Span
from pipeline.tracks import subject, tracks

LENGTH = 20_000
SIZES = [(1920, 1080), (1280, 720), (640, 480), (1080, 1080), (1080, 1920), (720, 1600), (500, 2000)]


def face(x, y=0.4, width=0.1, score=0.9):
    """A face whose middle is at (x, y)."""
    return Face(x - width / 2, y - width / 2, width, width, score)


def seen(*per_sample, shots=None, detector="test", every_ms=200):
    samples = tuple(FaceSample(i * every_ms, tuple(faces)) for i, faces in enumerate(per_sample))
    return Sighting(tuple(shots or [Span(0, LENGTH)]), samples, MadeBy(detector))


def planned(sighting, size=(1920, 1080), length_ms=LENGTH):
    return plan(sighting, *size, 1080, 1920, length_ms)


fraction = st.floats(0, 1, allow_nan=False)
faces = st.builds(
    lambda x, y, w, h, score: Face(min(x, 1 - w), min(y, 1 - h), w, h, score),
    fraction, fraction, st.floats(0.01, 0.6), st.floats(0.01, 0.6), fraction,
)  # fmt: skip
sightings = st.builds(
    lambda rows, cuts: seen(
        *rows,
        shots=[Span(a, b) for a, b in pairwise([0, *sorted({c for c in cuts if 0 < c < LENGTH}), LENGTH])],
    ),
    st.lists(st.lists(faces, max_size=3), max_size=100),
    st.lists(st.integers(0, LENGTH), max_size=6),
)


@settings(deadline=None, max_examples=150)
@given(sightings, st.sampled_from(SIZES))
def test_framings_tile_the_clip_and_the_crop_stays_inside(sighting, size):
    framings = planned(sighting, size)
    assert framings[0].span.start_ms == 0 and framings[-1].span.end_ms == LENGTH
    assert all(a.span.end_ms == b.span.start_ms for a, b in pairwise(framings))
    aspect = size[0] / size[1] / (1080 / 1920)
    width, height = min(1.0, 1 / aspect), min(1.0, aspect)
    for framing in framings:
        assert framing.reason
        assert bool(framing.keyframes) == (framing.layout == "follow")
        times = [key.at_ms for key in framing.keyframes]
        assert times == sorted(times)
        for key in framing.keyframes:
            assert framing.span.start_ms <= key.at_ms <= framing.span.end_ms
            assert -1e-9 <= key.x <= 1 - width + 1e-9 and -1e-9 <= key.y <= 1 - height + 1e-9


@settings(deadline=None, max_examples=50)
@given(sightings)
def test_the_same_sight_gives_the_same_path(sighting):
    assert planned(sighting) == planned(sighting)


@settings(deadline=None, max_examples=50)
@given(st.floats(0.05, 0.95), st.floats(-0.01, 0.01))
def test_a_face_that_hardly_moves_moves_no_camera(x, tremble):
    rows = [[face(x + tremble * (-1) ** i)] for i in range(100)]
    (framing,) = planned(seen(*rows))
    assert len(framing.keyframes) == 1


def crop_centre(framing, at_ms, width=0.31640625):
    before = [k for k in framing.keyframes if k.at_ms <= at_ms][-1]
    after = next((k for k in framing.keyframes if k.at_ms > at_ms), before)
    if after is before:
        return before.x + width / 2
    part = (at_ms - before.at_ms) / (after.at_ms - before.at_ms)
    return before.x + (after.x - before.x) * part + width / 2


def test_a_person_who_walks_is_followed_in_few_moves():
    at = [0.3 + 0.4 * min(1, max(0, (i - 30) / 30)) for i in range(100)]
    (framing,) = planned(seen(*[[face(x)] for x in at]))
    for i, x in enumerate(at):
        assert abs(crop_centre(framing, i * 200) - x) < 0.31 / 2, "the face is inside the crop"
    starts = sum(a.x == b.x for a, b in pairwise(framing.keyframes))
    assert starts <= 4


def test_the_camera_is_there_when_the_face_is():
    """Someone gets up and sits down elsewhere in an instant: the move is made around that moment."""
    (framing,) = planned(seen(*[[face(0.4 if i < 50 else 0.6)] for i in range(100)]))
    assert abs(crop_centre(framing, 9_000) - 0.4) < 0.1
    assert abs(crop_centre(framing, 10_300) - 0.6) < 0.1


def test_the_bigger_steadier_face_is_followed_and_never_swapped():
    rows = [[face(0.25, width=0.16), face(0.8, width=0.1)] if i % 7 else [face(0.8)] for i in range(100)]
    (framing,) = planned(seen(*rows))
    assert all(abs(key.x + 0.158 - 0.25) < 0.08 for key in framing.keyframes)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([[]] * 100, "no face"),
        ([[face(0.5)]] * 20 + [[]] * 80, "only 20 of 100"),
        ([[face(0.5, width=0.02)]] * 100, "too small"),
    ],
)
def test_without_a_face_to_follow_the_whole_width_is_shown_and_it_says_why(rows, words):
    (framing,) = planned(seen(*rows))
    assert framing.layout == "fit" and words in framing.reason


def test_without_a_detector_it_says_so():
    (framing,) = planned(seen([], detector="none"))
    assert framing.layout == "fit" and "detector" in framing.reason


def test_an_upright_film_is_shown_as_it_is():
    (framing,) = planned(seen(), (1080, 1920))
    assert framing.layout == "follow" and [(k.x, k.y) for k in framing.keyframes] == [(0.0, 0.0)]


def test_a_tall_film_keeps_the_head():
    (framing,) = planned(seen(*[[face(0.5, y=0.2)]] * 100), (500, 2000))
    (key,) = framing.keyframes
    assert key.y < 0.2 < key.y + 0.4444


def test_tracks_keep_two_people_apart_through_a_miss():
    rows = [[face(0.3), face(0.7)] if i not in (10, 11) else [face(0.7)] for i in range(30)]
    samples = seen(*rows).samples
    found = tracks(samples)
    assert sorted(len(t.faces) for t in found) == [28, 30]
    assert {face.centre_x for _, face in subject(found).faces} == {0.7}
    assert subject(()) is None
