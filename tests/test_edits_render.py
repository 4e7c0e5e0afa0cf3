"""A clip with parts cut out of its middle, as a player shows it: frames, sound and captions stay together."""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction

import av
import ffmpeg
import numpy as np
import pytest

from pipeline.captions.clip import clip_captions
from pipeline.encoders import x264
from pipeline.options import CaptionOptions, RenderOptions
from pipeline.records import ClipPlan, Framing, Keyframe, Look, Rewording, Sentence, Source, Span, Word
from pipeline.render import draft, listen, render
from pipeline.splice import Splice
from tests.talks import transcript_of

SMALL = RenderOptions(width=270, height=480, preset="ultrafast", encoder="libx264", crf=12)
START, LENGTH = 1_000, 4_000
CUT_WORDS = (Span(2_000, 2_600), Span(3_500, 3_900))
REMOVED = (Span(1_960, 2_640), Span(3_460, 3_940))
"""As an edit would: a little beside the words."""
KEPT_FRAMES = [*range(24), *range(41, 62), *range(73, 100)]
"""At 25 frames a second: 960..1640 ms and 2460..2940 ms of the clip hold the frames 24..40 and 62..72."""

WORDS = (
    Word(1_200, 1_900, "first"),
    Word(2_000, 2_600, "GONE"),
    Word(2_700, 3_400, "second"),
    Word(3_500, 3_900, "LOST"),
    Word(4_000, 4_700, "third"),
)
TALK = transcript_of([Sentence(0, 1_200, 4_700, "…", WORDS)])
PLAN = ClipPlan(1, 0, 0, START, START + LENGTH, "Title", "h", 50, "r")
FRAMING = (Framing(Span(0, LENGTH), "follow", "test", (Keyframe(0, 0.3, 0.0),)),)


@pytest.fixture(scope="module")
def shot(tmp_path_factory, engine):
    """Six seconds that never stand still; a second tone sounds while the words to be cut are spoken."""
    path = tmp_path_factory.mktemp("shot") / "film.mkv"
    video = ffmpeg.input("testsrc2=size=320x180:rate=25:duration=6", f="lavfi")
    words = "+".join(f"between(t,{w.start_ms / 1000},{w.end_ms / 1000})" for w in CUT_WORDS)
    tones = f"0.2*sin(2*PI*440*t)+0.2*sin(2*PI*3000*t)*({words})"
    sound = ffmpeg.input(f"aevalsrc='{tones}':d=6:s=48000", f="lavfi")
    engine.run(
        ffmpeg.output(video, sound, str(path), **{"c:v": "libx264", "c:a": "flac", "preset": "ultrafast"}),
        timeout_s=60,
    )
    return Source(path, "t", 6_000, 320, 180, 25, 1, "h264", "flac", 1, 0, 0, "", 1, "x")


def made(folder, engine, shot, plan, options=SMALL):
    gain = listen(plan, shot, options, engine)
    return render(
        plan, shot, TALK, FRAMING, gain, options, x264(options), engine, folder, lambda fraction: None
    )


def frames_of(path):
    with av.open(str(path)) as box:
        return [frame.to_ndarray(format="rgb24").astype(int) for frame in box.decode(video=0)]


def sound_of(path):
    with av.open(str(path)) as box:
        return np.concatenate([frame.to_ndarray()[0] for frame in box.decode(audio=0)])


def share_of(tone_hz, sound):
    power = np.abs(np.fft.rfft(sound)) ** 2
    at = np.fft.rfftfreq(len(sound), 1 / 48_000)
    return power[np.abs(at - tone_hz) < 40].sum() / power.sum()


SILENT = tuple(Rewording(0, word, "") for word in range(5))


def test_two_cuts_take_out_their_frames_their_sound_and_nothing_else(tmp_path, engine, shot):
    (tmp_path / "whole").mkdir()
    whole = made(tmp_path / "whole", engine, shot, replace(PLAN, words=SILENT))
    clip = made(tmp_path, engine, shot, replace(PLAN, words=SILENT, removed=REMOVED))
    before, after = frames_of(tmp_path / "whole" / whole.video), frames_of(tmp_path / clip.video)
    assert len(before) == 100 and len(after) == len(KEPT_FRAMES)
    for frame, number in zip(after, KEPT_FRAMES, strict=True):
        off = {n: np.abs(frame - before[n]).mean() for n in (number - 1, number, number + 1) if n < 100}
        assert min(off, key=off.__getitem__) == number
    heard = sound_of(tmp_path / clip.video)
    assert abs(len(heard) / 48_000 - len(KEPT_FRAMES) / 25) <= 1 / 25
    assert share_of(3_000, sound_of(tmp_path / "whole" / whole.video)) > 0.1
    assert share_of(3_000, heard) < 0.001 < 0.9 < share_of(440, heard)
    assert abs(clip.loudness_lufs - SMALL.loudness_lufs) <= 0.5


def test_the_captions_move_up_with_what_is_left(tmp_path, engine, shot):
    clip = made(tmp_path, engine, shot, replace(PLAN, removed=REMOVED))
    text = (tmp_path / clip.vtt).read_text(encoding="utf-8")
    at = {word: float(s) for s, word in re.findall(r"<00:00:([\d.]+)>(\w+)", text)}
    assert "GONE" not in text and "LOST" not in text
    assert at == pytest.approx({"first": 0.2, "second": 1.7 - 17 / 25, "third": 3.0 - 28 / 25}, abs=0.002)
    last = re.findall(r"--> 00:00:([\d.]+)", text)[-1]
    assert float(last) <= len(KEPT_FRAMES) / 25 + 0.4


def test_a_join_does_not_click(tmp_path, engine, shot):
    """The tone stops in mid-wave at a join; without a fade the step between samples would be as high."""
    clip = made(tmp_path, engine, shot, replace(PLAN, removed=REMOVED))
    heard = sound_of(tmp_path / clip.video)
    join = int(24 / 25 * 48_000)
    around = heard[join - 2_400 : join + 2_400]
    usual = np.abs(np.diff(heard[: join - 4_800])).max()
    assert np.abs(np.diff(around)).max() <= usual * 1.2


def ssim(engine, one, other):
    left, right = (ffmpeg.input(str(path)) for path in (one, other))
    node = ffmpeg.filter([left.video, right.video], "ssim")
    printed = engine.run(node.output("pipe:", f="null"), timeout_s=60, loglevel="info")
    return float(re.findall(r"All:([\d.]+)", printed)[-1])


@pytest.mark.parametrize(
    "options", [SMALL, pytest.param(replace(SMALL, width=540, height=960), marks=pytest.mark.slow)]
)
def test_a_draft_shows_what_the_preview_will(tmp_path, engine, shot, options):
    plan = replace(PLAN, removed=REMOVED, look=Look("bold", "middle", "auto", "opening"))
    gain = listen(plan, shot, options, engine)
    clip = made(tmp_path, engine, shot, plan, options)
    quick = draft(plan, shot, TALK, FRAMING, gain, options, engine, tmp_path, lambda fraction: None)
    assert quick.plan == plan and (tmp_path / quick.poster).stat().st_size > 1_000
    same = ssim(engine, tmp_path / quick.preview, tmp_path / clip.preview)
    other = replace(plan, look=Look())
    draft(other, shot, TALK, FRAMING, gain, options, engine, tmp_path, lambda fraction: None)
    assert same >= 0.95 and ssim(engine, tmp_path / quick.preview, tmp_path / clip.preview) < same - 0.02


@pytest.mark.slow
@pytest.mark.parametrize(("position", "low", "high"), [("top", 0.10, 0.35), ("middle", 0.35, 0.65)])
def test_captions_stand_where_they_are_asked_to(tmp_path, engine, shot, position, low, high):
    (tmp_path / "bare").mkdir()
    bare = made(tmp_path / "bare", engine, shot, replace(PLAN, words=SILENT))
    clip = made(tmp_path, engine, shot, replace(PLAN, look=Look(position=position)))
    without, shown = frames_of(tmp_path / "bare" / bare.video)[80], frames_of(tmp_path / clip.video)[80]
    rows = np.where((np.abs(shown - without).max(axis=2) > 90).any(axis=1))[0]
    assert low * 480 <= rows.min() and rows.max() <= high * 480


def test_the_title_card_is_there_for_three_seconds_and_inside_the_picture(tmp_path, engine, shot):
    (tmp_path / "bare").mkdir()
    plain = replace(PLAN, words=SILENT, title="A title of many words that needs several lines {\\an1} in all")
    bare = made(tmp_path / "bare", engine, shot, plain)
    clip = made(tmp_path, engine, shot, replace(plain, look=Look(title_card="opening")))
    without, shown = frames_of(tmp_path / "bare" / bare.video), frames_of(tmp_path / clip.video)
    drawn = np.abs(shown[20] - without[20]).max(axis=2) > 90
    rows, columns = np.where(drawn)
    assert rows.min() >= 0.1 * 480 and rows.max() <= 0.5 * 480
    assert columns.min() >= 4 and columns.max() <= 265
    assert np.abs(shown[70] - without[70]).max() > 90
    assert np.abs(shown[80] - without[80]).mean() < 3, "gone after three seconds"


def test_a_card_leaves_the_captions_as_they_are():
    splice = Splice.of(PLAN, Fraction(25))

    def captions(plan):
        return clip_captions(plan, TALK, CaptionOptions(), (1080, 1920), splice.clip_ms, LENGTH)

    plain, titled = captions(PLAN), captions(replace(PLAN, look=Look(title_card="opening")))
    events = [
        line for line in titled.ass.splitlines() if line.startswith("Dialogue") and ",Card," not in line
    ]
    assert events == [line for line in plain.ass.splitlines() if line.startswith("Dialogue")]
    assert titled.ass.count(",Card,") == 1 and plain.cues == titled.cues
