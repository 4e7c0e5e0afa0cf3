"""Shots and faces of a real span, in one read."""

import json
from fractions import Fraction

import ffmpeg
import pytest

from pipeline.errors import RenderError
from pipeline.faces import pick_detector
from pipeline.frames import small_frames
from pipeline.options import RenderOptions
from pipeline.probe import probe
from pipeline.records import Source, Span
from pipeline.shots import ShotFinder
from pipeline.sight import watch
from tests.films import TALK, WORDS


def source_of(path):
    found = probe(path)
    return Source(
        path, "t", found.duration_ms, found.width, found.height, found.fps_num, found.fps_den, "", "",
        found.audio_index, found.video_index, found.rotation, found.transfer, 1, "x",
    )  # fmt: skip


def shots_of(source, span, engine):
    fps = Fraction(source.fps_num, source.fps_den)
    finder = ShotFinder(fps)
    for frame in small_frames(source, span, engine, fps=fps, long_side=256):
        finder.push(frame)
    return finder.shots(span.length_ms)


def test_the_cuts_of_the_sample_are_found_and_no_others(engine):
    source, span = source_of(TALK), Span(0, 60_000)
    starts = [shot.start_ms for shot in shots_of(source, span, engine)][1:]
    truth = [cut for cut in json.loads(WORDS.read_text())["cuts_ms"] if cut < 60_000]
    assert len(starts) == len(truth) >= 5
    assert all(abs(a - b) <= 40 for a, b in zip(starts, truth, strict=True)), (starts, truth)


def test_faces_are_sampled_in_the_time_of_the_clip(engine):
    truth = json.loads(WORDS.read_text())
    guest = next(s for s in truth["sentences"] if s["speaker"] == "GUEST" and len(s["text"]) > 60)
    span = Span(guest["start_ms"], guest["start_ms"] + 4_000)
    detector = pick_detector(RenderOptions(), lambda message: None)
    sighting = watch(source_of(TALK), span, RenderOptions(), engine, detector)
    assert sighting.shots[0].start_ms == 0 and sighting.shots[-1].end_ms == 4_000
    assert [s.at_ms for s in sighting.samples][:3] == [0, 200, 400] and len(sighting.samples) == 20
    assert sum(bool(s.faces) for s in sighting.samples) >= 19


def test_a_flash_is_no_cut(tmp_path, engine):
    path = tmp_path / "flash.mkv"
    plain = ffmpeg.input("testsrc2=size=320x180:rate=25:duration=4", f="lavfi")
    flash = plain.filter("drawbox", color="white", t="fill", enable="between(t,2,2.03)")
    sound = ffmpeg.input("anullsrc=duration=4", f="lavfi")
    engine.run(ffmpeg.output(flash, sound, str(path), preset="ultrafast"), timeout_s=60)
    assert len(shots_of(source_of(path), Span(0, 4_000), engine)) <= 2


def test_a_span_without_a_picture_is_an_error(engine):
    source = source_of(TALK)
    with pytest.raises(RenderError, match="cannot be read"):
        list(small_frames(source, Span(10**7, 10**7 + 2_000), engine, fps=Fraction(25)))


@pytest.mark.slow
def test_every_hard_join_of_real_clips_is_found(shared_media, engine):
    film = shared_media / "long" / "table_talk_720p.mp4"
    source = source_of(film)
    starts = [shot.start_ms for shot in shots_of(source, Span(0, source.duration_ms), engine)]
    segments = json.loads(film.with_suffix(".json").read_text())["segments"]
    for join in (round(s["start"] * 1000) for s in segments[1:]):
        assert min(abs(join - start) for start in starts) <= 41
