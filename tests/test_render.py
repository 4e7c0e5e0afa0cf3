"""The finished file: size, rate, colour, sound, captions inside the picture. Real ffmpeg, real probe."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import av
import ffmpeg
import numpy as np
import pytest

from pipeline.encoders import nvenc, pick_encoder, x264
from pipeline.media import Ffmpeg, FfmpegFailed, MissingFfmpeg, can_encode, find_ffmpeg, source
from pipeline.options import CaptionOptions, RenderOptions
from pipeline.picture import Canvas, crop_size
from pipeline.rates import output_fps
from pipeline.records import ClipPlan, Framing, Keyframe, Sentence, Source, Span
from pipeline.render import listen, render
from tests.talks import even_words, transcript_of

LENGTH = 4_000
SMALL = RenderOptions(width=270, height=480, preset="ultrafast", encoder="libx264")


def film(
    folder, engine, *, size="320x180", rate="25", pix="yuv420p", codec="libx264", channels="stereo", **out
):
    """Six seconds of a moving test picture with a tone and noise, as a checked Source."""
    path = folder / "film.mkv"
    video = ffmpeg.input(f"testsrc2=size={size}:rate={rate}:duration=6", f="lavfi").filter("format", pix)
    sound = ffmpeg.input("anoisesrc=duration=6:color=pink:amplitude=0.05", f="lavfi")
    sound = sound.filter("aformat", channel_layouts=channels)
    options = {"c:v": codec, "c:a": "flac", "preset": "ultrafast"} | out
    engine.run(ffmpeg.output(video, sound, str(path), **options), timeout_s=60)
    width, height = (int(side) for side in size.split("x"))
    fps = Fraction(rate)
    return Source(
        path, "t", 6_000, width, height, fps.numerator, fps.denominator, "h264", "flac", 1, 0, 0,
        out.get("color_trc", ""), path.stat().st_size, "x",
    )  # fmt: skip


FOLLOW = (Framing(Span(0, LENGTH), "follow", "test", (Keyframe(0, 0.2, 0.0),)),)
FIT = (Framing(Span(0, LENGTH), "fit", "test"),)
MIXED = (
    Framing(Span(0, 1_500), "follow", "test", (Keyframe(0, 0.0, 0.0), Keyframe(1_000, 0.6, 0.0))),
    Framing(Span(1_500, 2_500), "fit", "test"),
    Framing(Span(2_500, LENGTH), "follow", "test", (Keyframe(2_500, 0.5, 0.0),)),
)


def made(folder, engine, shot, framing=FOLLOW, options=SMALL, text="hello there this is a caption"):
    words = [w for w in even_words(text, 500) if w.end_ms <= LENGTH]
    sentence = (Sentence(0, 1_000, 1_000 + words[-1].end_ms, text, tuple(_moved(words))),)
    plan = ClipPlan(1, 0, 0, 1_000, 1_000 + LENGTH, "A 'title', with: marks", "h", 50, "r")
    told: list[float] = []
    gain = listen(plan, shot, options, engine)
    clip = render(
        plan, shot, transcript_of(sentence), framing, gain, options, x264(options), engine, folder,
        told.append,
    )  # fmt: skip
    assert told[-1] == 1.0
    return clip


def _moved(words):
    return [replace(w, start_ms=w.start_ms + 1_000, end_ms=w.end_ms + 1_000) for w in words]


def look(path):
    """What a player sees: frames as (time, array), the streams, the sound."""
    with av.open(str(path)) as box:
        video, sound = box.streams.video[0], box.streams.audio[0]
        times, frames = [], []
        for frame in box.decode(video):
            times.append(frame.time)
            frames.append(frame.to_ndarray(format="rgb24"))
        facts = {
            "size": (video.width, video.height),
            "pix": video.codec_context.pix_fmt,
            "sar": video.sample_aspect_ratio,
            "matrix": video.codec_context.colorspace,
            "trc": video.codec_context.color_trc,
            "range": video.codec_context.color_range,
            "rate": video.average_rate,
            "audio": (sound.codec_context.sample_rate, sound.channels),
        }
    return times, frames, facts


BT709, LIMITED = 1, 1


@pytest.mark.parametrize(
    ("shape", "framing"),
    [
        ({}, FOLLOW),
        ({}, FIT),
        ({}, MIXED),
        ({"size": "319x181"}, MIXED),
        ({"size": "180x320"}, FOLLOW),
        ({"size": "120x400"}, FOLLOW),
        ({"rate": "30000/1001", "pix": "yuv422p10le", "codec": "libx264"}, FOLLOW),
        ({"rate": "12.5"}, FOLLOW),
        ({"channels": "mono"}, FOLLOW),
        ({"channels": "5.1"}, FIT),
        ({"pix": "yuv420p10le", "codec": "libx265", "color_trc": "smpte2084", "color_primaries": "bt2020",
          "colorspace": "bt2020nc", "x265-params": "log-level=error"}, MIXED),
    ],
)  # fmt: skip
def test_every_kind_of_film_becomes_a_playable_clip(tmp_path, engine, shape, framing):
    shot = film(tmp_path, engine, **shape)
    clip = made(tmp_path, engine, shot, framing)
    times, frames, facts = look(tmp_path / clip.video)
    rate = output_fps(shot, None)
    assert facts == {
        "size": (270, 480), "pix": "yuv420p", "sar": Fraction(1), "matrix": BT709, "trc": BT709,
        "range": LIMITED, "rate": rate, "audio": (48000, 2),
    }  # fmt: skip
    assert abs(len(frames) - LENGTH / 1000 * rate) <= 1
    gaps = {round((b - a) * 1000) for a, b in pairwise(times)}
    assert gaps <= {int(1000 / rate), int(1000 / rate) + 1}, "constant frame rate"
    assert np.mean(frames[len(frames) // 2]) > 20, "the picture is not black"


def test_the_sound_is_as_loud_as_asked_and_the_file_streams(tmp_path, engine):
    clip = made(tmp_path, engine, film(tmp_path, engine))
    assert abs(clip.loudness_lufs - SMALL.loudness_lufs) <= 0.5
    head = (tmp_path / clip.video).read_bytes()
    assert head.index(b"moov") < head.index(b"mdat"), "faststart"


def test_silence_is_left_silent(tmp_path, engine):
    path = tmp_path / "silent.mkv"
    video = ffmpeg.input("testsrc2=size=320x180:rate=25:duration=6", f="lavfi")
    sound = ffmpeg.input("anullsrc=duration=6", f="lavfi")
    engine.run(ffmpeg.output(video, sound, str(path), preset="ultrafast"), timeout_s=60)
    shot = Source(path, "t", 6_000, 320, 180, 25, 1, "h264", "aac", 1, 0, 0, "", 1, "x")
    assert made(tmp_path, engine, shot).loudness_lufs <= -60


@pytest.mark.parametrize("style", ["karaoke", "bold", "boxed", "plain", "classic"])
def test_captions_are_drawn_and_stay_inside_the_picture(tmp_path, engine, style):
    """The same clip with and without words: where they differ is where captions are."""
    options = RenderOptions(
        width=270, height=480, preset="ultrafast", encoder="libx264", crf=10,
        captions=CaptionOptions(style=style),
    )  # fmt: skip
    shot = film(tmp_path, engine)
    text = "WWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWW and {\\b1}some \\Nother MMMMMMMMMMM words"
    with_words = made(tmp_path / "a", engine, shot, options=options, text=text)
    without = made(tmp_path / "b", engine, shot, options=options, text="\u2060")
    a = look(tmp_path / "a" / with_words.video)[1]
    b = look(tmp_path / "b" / without.video)[1]
    drawn = np.zeros(a[0].shape[:2], bool)
    for one, other in zip(a, b, strict=True):
        drawn |= np.abs(one.astype(int) - other).max(axis=2) > 90
    assert drawn.any(), "captions are visible"
    rows, columns = np.where(drawn)
    assert columns.min() >= 4 and columns.max() <= 270 - 5
    assert rows.min() > 200 and rows.max() < 440


@pytest.fixture(autouse=True)
def folders(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()


def test_the_crop_follows_its_path(tmp_path, engine):
    """A white bar stands at 60-70 % of the width: the crop that moves right meets it."""
    path = tmp_path / "bar.mkv"
    video = ffmpeg.input("color=black:size=640x360:rate=25:duration=6", f="lavfi")
    video = video.filter("drawbox", x=384, y=0, w=64, h=360, color="white", t="fill")
    sound = ffmpeg.input("anullsrc=duration=6", f="lavfi")
    engine.run(ffmpeg.output(video, sound, str(path), preset="ultrafast"), timeout_s=60)
    shot = Source(path, "t", 6_000, 640, 360, 25, 1, "h264", "aac", 1, 0, 0, "", 1, "x")
    path_keys = (Keyframe(0, 0.0, 0.0), Keyframe(1_000, 0.0, 0.0), Keyframe(2_000, 0.6, 0.0))
    clip = made(tmp_path, engine, shot, (Framing(Span(0, LENGTH), "follow", "t", path_keys),), text="\u2060")
    frames = look(tmp_path / clip.video)[1]
    assert frames[10].max() < 60, "the bar is not in the picture yet"
    assert frames[70][:, :70].mean() > 180 and frames[70][:, 120:].mean() < 40


def test_frames_where_layouts_meet_are_neither_lost_nor_doubled(tmp_path, engine):
    """The test picture never stands still: two equal neighbours would be a doubled frame."""
    clip = made(tmp_path, engine, film(tmp_path, engine), MIXED, text="\u2060")
    frames = look(tmp_path / clip.video)[1]
    assert len(frames) == 100
    assert not any(np.array_equal(a, b) for a, b in pairwise(frames))


def test_a_picture_that_ends_before_its_sound_keeps_its_last_frame(tmp_path, engine):
    path = tmp_path / "short.mkv"
    video = ffmpeg.input("testsrc2=size=320x180:rate=25:duration=3", f="lavfi")
    sound = ffmpeg.input("sine=duration=6", f="lavfi")
    engine.run(ffmpeg.output(video, sound, str(path), preset="ultrafast"), timeout_s=60)
    shot = Source(path, "t", 6_000, 320, 180, 25, 1, "h264", "aac", 1, 0, 0, "", 1, "x")
    assert len(look(tmp_path / made(tmp_path, engine, shot).video)[1]) == 100


@pytest.mark.parametrize(
    ("rate", "limit", "expected"),
    [
        *(("25", None, "25"), ("30000/1001", None, "30000/1001"), ("60", 30, "30")),
        *(("50", 30, "25"), ("120", None, "60"), ("60000/1001", 30, "30000/1001"), ("12.5", None, "12.5")),
        ("25", 10, "10"),
    ],
)
def test_the_rate_of_the_clip(rate, limit, expected):
    fps = Fraction(rate)
    shot = Source(None, "t", 1, 2, 2, fps.numerator, fps.denominator, "", "", 0, 0, 0, "", 1, "x")
    assert output_fps(shot, limit) == Fraction(expected)


@pytest.mark.parametrize(
    "size", [(1920, 1080), (640, 360), (319, 181), (1080, 1920), (720, 1600), (100, 3000)]
)
def test_the_crop_has_the_aspect_and_fits(size):
    width, height = crop_size(*size, Canvas(1080, 1920, Fraction(25)))
    assert width <= size[0] and height <= size[1] and width % 2 == height % 2 == 0
    assert abs(width / height - 1080 / 1920) < 0.02 or min(width, height) < 200


def test_ffmpeg_opens_nothing_but_files(tmp_path, engine):
    """A playlist that names another file, under an innocent name."""
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    for text in (f"#EXTM3U\n#EXTINF:1,\n{secret}\n", f"ffconcat version 1.0\nfile {secret}\n"):
        bait = tmp_path / "film.mp4"
        bait.write_text(text)
        with pytest.raises(FfmpegFailed):
            engine.run(source(bait).output("pipe:", f="null"), timeout_s=20)


def test_a_run_that_overruns_is_ended(engine):
    endless = ffmpeg.input("testsrc2=rate=1000", f="lavfi", re=None).output("pipe:", f="null")
    with pytest.raises(FfmpegFailed, match="time limit"):
        engine.run(endless, timeout_s=1)


def test_nvenc_is_used_only_after_a_trial(engine):
    encoder, why = pick_encoder(RenderOptions(encoder="h264_nvenc"), engine)
    if can_encode(engine, "h264_nvenc"):
        assert encoder == nvenc(RenderOptions()) and not why
    else:
        assert encoder.name == "libx264" and "trial" in why


@pytest.mark.parametrize(
    ("preset", "with_x264", "with_nvenc"),
    [("", "veryfast", "p4"), ("slow", "slow", "p4"), ("p6", "veryfast", "p6")],
)
def test_each_encoder_knows_its_own_presets(preset, with_x264, with_nvenc):
    options = RenderOptions(preset=preset)
    assert dict(x264(options).options)["preset"] == with_x264
    assert dict(nvenc(options).options)["preset"] == with_nvenc


def test_a_missing_system_ffmpeg_is_named():
    with pytest.raises(MissingFfmpeg, match="no-such-ffmpeg"):
        find_ffmpeg("no-such-ffmpeg")
    assert isinstance(find_ffmpeg(""), Ffmpeg)
