"""Loudness of a clip: measured by EBU R 128, brought to the target by one gain and a limiter."""

from __future__ import annotations

import re
from typing import Any

from pipeline.media import Ffmpeg, source
from pipeline.records import Gain, Source
from pipeline.splice import Splice

SILENCE_LUFS = -60.0
"""Below this there is nothing to make louder."""
HIGHEST_GAIN_DB = 30.0
FADE_S = 0.02
"""Long enough that a cut never clicks, too short to be heard as a fade."""
JOIN_FADE_S = 0.008
"""At a join in the middle: shorter, because a word may begin at once."""
LIMITER_ROOM_DB = 0.7
"""The limiter works on samples; peaks between them rise by about this much."""
RATE = 48_000


def sound(node: Any, splice: Splice, gain: Gain | None) -> Any:
    """The finished sound from the source's audio node: stereo, 48 kHz, as long as the splice."""
    stream = node.filter("aresample", RATE, **{"async": 1}, first_pts=0)
    whole_s = splice.span.length_ms / 1000 + 1 / float(splice.fps)
    stream = stream.filter("aformat", channel_layouts="stereo").filter("apad", whole_dur=whole_s)
    length_s = splice.length_ms / 1000
    stream = _joined(stream, splice) if splice.dropped else stream.filter("atrim", duration=length_s)
    stream = stream.filter("afade", type="in", duration=FADE_S)
    stream = stream.filter("afade", type="out", start_time=max(0, length_s - FADE_S), duration=FADE_S)
    if gain is not None:
        stream = stream.filter("volume", f"{gain.gain_db:.2f}dB").filter(
            "alimiter", limit=10 ** (gain.limit_db / 20), level=0, attack=5, release=60, latency=1
        )
    return stream


def _joined(stream: Any, splice: Splice) -> Any:
    """The stretches that stay, one after the other, faded where they meet."""
    import ffmpeg

    branches = stream.filter_multi_output("asplit", len(splice.kept))
    parts = []
    for i, (first, after) in enumerate(splice.kept):
        start, end = (round(frame * RATE / splice.fps) for frame in (first, after))
        part = branches.stream(i).filter("atrim", start_sample=start, end_sample=end)
        fade_s = min(JOIN_FADE_S, (end - start) / RATE / 2)
        last_s = max(0.0, (end - start) / RATE - fade_s)
        part = part.filter("asetpts", "PTS-STARTPTS").filter("afade", type="in", duration=fade_s)
        parts.append(part.filter("afade", type="out", start_time=last_s, duration=fade_s))
    return ffmpeg.concat(*parts, v=0, a=1) if len(parts) > 1 else parts[0]


def find_gain(
    film: Source, splice: Splice, target_lufs: float, peak_dbtp: float, engine: Ffmpeg, timeout_s: float
) -> Gain:
    """Measure the clip's sound and work out the gain that brings it to `target_lufs`.

    The limiter takes some loudness away where it works, so the result is measured and corrected
    once. Raises FfmpegFailed.
    """
    before = _measure(film, splice, None, engine, timeout_s)
    limit = peak_dbtp - LIMITER_ROOM_DB
    if before < SILENCE_LUFS:
        return Gain(0.0, limit, before)
    gain_db = min(HIGHEST_GAIN_DB, target_lufs - before)
    after = _measure(film, splice, Gain(gain_db, limit, 0.0), engine, timeout_s)
    if abs(after - target_lufs) > 0.2 and gain_db < HIGHEST_GAIN_DB:
        gain_db = min(HIGHEST_GAIN_DB, gain_db + target_lufs - after)
        after = _measure(film, splice, Gain(gain_db, limit, 0.0), engine, timeout_s)
    return Gain(round(gain_db, 2), limit, after)


def _measure(film: Source, splice: Splice, gain: Gain | None, engine: Ffmpeg, timeout_s: float) -> float:
    """Integrated loudness in LUFS of the clip's sound; -70 when it is silent."""
    span = splice.span
    node = source(film.path, start_ms=span.start_ms, length_ms=span.length_ms, vn=None)
    stream = sound(node[str(film.audio_index)], splice, gain).filter("ebur128", framelog="quiet")
    printed = engine.run(stream.output("pipe:", f="null"), timeout_s=timeout_s, loglevel="info")
    found = re.findall(r"^\s*I:\s+(-?[\d.]+) LUFS", printed, flags=re.MULTILINE)
    return float(found[-1]) if found else -70.0
