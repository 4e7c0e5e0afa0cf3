"""The probe against real difficult files: the exact finding, or the sentence."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

import ffmpeg
import pytest

from pipeline.errors import NotMedia
from pipeline.media import Ffmpeg
from pipeline.probe import Probed, frame_rate, probe

SHARED = Path(__file__).resolve().parents[2] / "shared" / "media"
HARD = SHARED / "hard"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/media is not here")
ENGINE = Ffmpeg.bundled()

# name -> duration_ms, seen size, frames a second, codecs, (picture, sound) stream, rotation, transfer
GOOD: dict[str, tuple[int, str, str, str, tuple[int, int], int, str]] = {
    "ae_SAR-2by3.mp4": (2000, "427x360", "30", "h264 aac", (0, 1), 0, ""),
    "ae_h264-mjpeg.mkv": (2046, "640x360", "30", "h264 aac", (0, 1), 0, ""),
    "ax_edit_list_positive_shift.mp4": (10000, "1920x1080", "30", "h264 aac", (0, 1), 0, ""),
    "ax_hdr10-av1.mp4": (4238, "720x1280", "30000/1001", "av1 aac", (0, 1), 0, "smpte2084"),
    "ax_internal_emulator_transformer_output_270_rotated.mp4": (
        *(4972, "720x1280", "30000/1001", "h264 aac"),
        *((0, 1), 270, "bt709"),
    ),
    "ax_sample.avi": (4087, "960x400", "24000/1001", "mpeg4 mp3", (0, 1), 0, ""),
    "ax_sample_12_5fps_720p_1s.mp4": (1040, "1280x720", "25/2", "h264 aac", (1, 0), 0, "bt709"),
    "ax_sample_edit_list.mp4": (2568, "1080x1920", "30000/1001", "hevc aac", (0, 1), 90, "arib-std-b67"),
    "ax_sample_empty_track.mp4": (1001, "1080x720", "30000/1001", "h264 aac", (0, 2), 0, "bt709"),
    "ax_sample_fragmented.mp4": (1068, "1080x720", "30000/1001", "h264 aac", (0, 1), 0, ""),
    "ax_sample_mdat_too_long.mp4": (1001, "1080x720", "30000/1001", "h264 aac", (0, 1), 0, ""),
    "ax_long_4k_av1.mp4": (362767, "3840x2160", "60", "av1 aac", (0, 1), 0, ""),
    "mpy_transparent.webm": (5000, "200x200", "30", "vp9 vorbis", (0, 1), 0, "bt709"),
    "mpy_video_with_failing_audio.mp4": (11200, "640x360", "25", "h264 mp3", (0, 1), 0, ""),
}

BAD = {
    "ae_alac.m4a": "has no moving picture, only sound",
    "ax_sample_opus.mp4": "has no moving picture, only sound",
    "derived_jfk_mp3_header_only.mp4": "has no moving picture, only sound",
    "ax_full_blocks.mkv": "neither picture nor sound",
    "ax_sample_video_only.mp4": "has no sound",
    "ax_sample_missing_stsd.mp4": "unknown format",
    "ax_h265_with_metadata_track.mp4": "lasts only 100 ms",
    "derived_truncated_googlework.mp4": "is cut off: it should last 35 s, but ends after 17 s",
    "mp4parse_invalid_userdata.mp4": "is cut off: it should last 231 s",
    "ax_sample_fragmented_sideloaded_track.mp4": r"index \(the moov box\) is missing",
    "mp4parse_chunk_out_of_range.mp4": "damaged MP4 file",
    "mp4parse_short-cenc.mp4": "encrypted",
    "lpms_zero-frame.ts": "picture of .* cannot be decoded",
    "derived_zero_bytes.mp4": r"empty \(0 bytes\)",
}


def most_slow(names: Iterable[str]) -> list[Any]:
    """Every other file belongs to the slow group."""
    return [
        pytest.param(name, marks=pytest.mark.slow) if number % 2 else name
        for number, name in enumerate(names)
    ]


@needs_shared
@pytest.mark.parametrize("name", most_slow(GOOD))
def test_good_files_are_understood(name: str) -> None:
    duration_ms, size, rate, codecs, streams, rotation, transfer = GOOD[name]
    found = probe(HARD / name)
    width, height = map(int, size.split("x"))
    video_codec, audio_codec = codecs.split()
    assert found == Probed(
        duration_ms=duration_ms,
        width=width,
        height=height,
        fps_num=Fraction(rate).numerator,
        fps_den=Fraction(rate).denominator,
        video_codec=video_codec,
        audio_codec=audio_codec,
        audio_index=streams[1],
        video_index=streams[0],
        rotation=rotation,
        transfer=transfer,
    )


@needs_shared
@pytest.mark.parametrize("name", most_slow(BAD))
def test_bad_files_get_their_sentence(name: str) -> None:
    with pytest.raises(NotMedia, match=BAD[name]) as caught:
        probe(HARD / name)
    assert name in caught.value.user_message


@needs_shared
@pytest.mark.slow
@pytest.mark.parametrize("path", sorted(HARD.glob("*")), ids=lambda path: path.name)
def test_every_hard_file_is_understood_or_refused(path: Path) -> None:
    begun = time.monotonic()
    try:
        found = probe(path)
    except NotMedia as refusal:
        sentence = refusal.user_message
        assert sentence.endswith(".") and "\n" not in sentence and path.name in sentence
        assert "breaks the decoder" not in sentence
    else:
        assert found.duration_ms >= 1000 and found.width > 0 and found.height > 0
        assert 1 <= found.fps_num / found.fps_den <= 120
        assert found.rotation in (0, 90, 180, 270)
    assert time.monotonic() - begun < 60


# -- made here, so that the suite says something without the shared files -------------------------


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """2 s of 128x72 at 25 frames a second: a silent-looking mono track, then the default 5.1 track."""
    path = tmp_path_factory.mktemp("talk") / "talk.mkv"
    picture = ffmpeg.input("testsrc2=size=128x72:rate=25:duration=2", f="lavfi")
    mono = ffmpeg.input("sine=frequency=300:duration=2", f="lavfi")
    wide = ffmpeg.input("anoisesrc=duration=2,aformat=channel_layouts=5.1", f="lavfi")
    options = {"vcodec": "libx264", "acodec": "aac", "pix_fmt": "yuv420p", "preset": "ultrafast"}
    options |= {"disposition:a:0": "0", "disposition:a:1": "default"}
    ENGINE.run(ffmpeg.output(picture, mono, wide, str(path), **options), timeout_s=60)
    return path


def test_the_default_sound_track_is_taken(talk: Path) -> None:
    found = probe(talk)
    assert (found.video_index, found.audio_index) == (0, 2)
    assert (found.width, found.height, found.fps_num, found.fps_den) == (128, 72, 25, 1)
    assert found.duration_ms == 2000


@pytest.mark.slow
def test_a_large_file_is_measured_at_its_ends(talk: Path, tmp_path: Path) -> None:
    """Raw pictures make a few seconds larger than what is read from end to end."""
    large = tmp_path / "large.mkv"
    picture = ffmpeg.input("nullsrc=size=640x360:rate=25:duration=20,geq=random(1)*255:128:128", f="lavfi")
    sound = ffmpeg.input("sine=duration=20", f="lavfi")
    options = {"vcodec": "rawvideo", "pix_fmt": "yuv420p", "acodec": "pcm_s16le"}
    ENGINE.run(ffmpeg.output(picture, sound, str(large), **options), timeout_s=60)
    assert large.stat().st_size > 64 << 20
    assert probe(large).duration_ms == 20_000
    os.truncate(large, large.stat().st_size // 2)
    with pytest.raises(NotMedia, match="is cut off: it should last 20 s"):
        probe(large)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", r"empty \(0 bytes\)"),
        (b"This is a letter, not a film.\n" * 50, "not a video"),
        (b"\0\0\0\x18ftypisom\0\0\0\0isommp42\0\0\0\x08mdat" + b"\0" * 999, "moov box. is missing"),
        (b"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{talk}\n#EXT-X-ENDLIST\n", "a playlist"),
        (b"ffconcat version 1.0\nfile '{talk}'\n", "a playlist"),
    ],
)
def test_what_is_no_film_gets_its_sentence(talk: Path, tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / ("film.m3u8" if content.startswith(b"#") else "film.mp4")
    path.write_bytes(content.replace(b"{talk}", str(talk).encode()))
    with pytest.raises(NotMedia, match=words):
        probe(path)


def test_damage_at_the_beginning_is_forgiven(talk: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.ts"
    head = [ffmpeg.input(str(talk))]
    graph = ffmpeg.output(head[0]["v:0"], head[0]["a:0"], str(damaged), vcodec="libx264", acodec="aac", g=10)
    ENGINE.run(graph, timeout_s=60)
    with damaged.open("r+b") as file:
        file.seek(188 * 20)
        file.write(os.urandom(188 * 20))
    assert probe(damaged).video_codec == "h264"


def test_hostile_names_are_shown_harmlessly(talk: Path, tmp_path: Path) -> None:
    path = tmp_path / ("-i a\nb\x1b[31m%s$(x)" + "y" * 150 + ".mp4")
    shutil.copy(talk, path)
    assert probe(path).width == 128
    path.write_bytes(b"")
    with pytest.raises(NotMedia) as caught:
        probe(path)
    assert caught.value.user_message.isprintable()


def test_the_probe_gives_up_in_time(talk: Path) -> None:
    with pytest.raises(NotMedia, match="could not be examined within 0 s"):
        probe(talk, timeout_s=0.01)


@pytest.mark.parametrize(
    ("declared", "measured", "rate"),
    [
        ("30000/1001", "29.9", "30000/1001"),
        ("1000", "29.98", "30000/1001"),
        ("600", "24", "24"),
        ("31", "29.97", "30000/1001"),
        ("30", "29.3", "30"),
        (None, "17.4", "87/5"),
        ("29.5", "29.5", "59/2"),
        ("90000", None, "120"),
        ("1/10", "1/10", "1"),
        (None, None, "25"),
    ],
)
def test_frame_rates_are_plausible(declared: str | None, measured: str | None, rate: str) -> None:
    found = frame_rate(declared and Fraction(declared), measured and Fraction(measured))  # type: ignore[arg-type]
    assert found == Fraction(rate)
