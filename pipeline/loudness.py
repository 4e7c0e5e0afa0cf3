"""Loudness of a clip: measured by EBU R 128, brought to the target by one gain and a limiter."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from pipeline.media import Ffmpeg, source
from pipeline.records import ClipPlan, Ms, Source

SILENCE_LUFS = -60.0
"""Below this there is nothing to make louder."""
HIGHEST_GAIN_DB = 30.0
FADE_S = 0.02
"""Long enough that a cut never clicks, too short to be heard as a fade."""
LIMITER_ROOM_DB = 0.7
"""The limiter works on samples; peaks between them rise by about this much."""


@dataclass(frozen=True, slots=True)
class Gain:
    """What to do to the sound, and the loudness measured after it was done."""

    gain_db: float
    limit_db: float
    result_lufs: float


def sound(node: Any, length_ms: Ms, gain: Gain | None) -> Any:
    """The finished sound from the source's audio node: stereo, 48 kHz, exactly `length_ms`."""
    stream = node.filter("aresample", 48000, **{"async": 1}, first_pts=0)
    stream = stream.filter("aformat", channel_layouts="stereo").filter("apad", whole_dur=length_ms / 1000)
    stream = stream.filter("atrim", duration=length_ms / 1000)
    stream = stream.filter("afade", type="in", duration=FADE_S)
    stream = stream.filter("afade", type="out", start_time=max(0, length_ms / 1000 - FADE_S), duration=FADE_S)
    if gain is not None:
        stream = stream.filter("volume", f"{gain.gain_db:.2f}dB").filter(
            "alimiter", limit=10 ** (gain.limit_db / 20), level=0, attack=5, release=60, latency=1
        )
    return stream


def find_gain(
    film: Source, plan: ClipPlan, target_lufs: float, peak_dbtp: float, engine: Ffmpeg, timeout_s: float
) -> Gain:
    """Measure the clip's sound and work out the gain that brings it to `target_lufs`.

    The limiter takes some loudness away where it works, so the result is measured and corrected
    once. Raises FfmpegFailed.
    """
    before = _measure(film, plan, None, engine, timeout_s)
    limit = peak_dbtp - LIMITER_ROOM_DB
    if before < SILENCE_LUFS:
        return Gain(0.0, limit, before)
    gain_db = min(HIGHEST_GAIN_DB, target_lufs - before)
    after = _measure(film, plan, Gain(gain_db, limit, 0.0), engine, timeout_s)
    if abs(after - target_lufs) > 0.2 and gain_db < HIGHEST_GAIN_DB:
        gain_db = min(HIGHEST_GAIN_DB, gain_db + target_lufs - after)
        after = _measure(film, plan, Gain(gain_db, limit, 0.0), engine, timeout_s)
    return Gain(round(gain_db, 2), limit, after)


def _measure(film: Source, plan: ClipPlan, gain: Gain | None, engine: Ffmpeg, timeout_s: float) -> float:
    """Integrated loudness in LUFS of the clip's sound; -70 when it is silent."""
    node = source(film.path, start_ms=plan.start_ms, length_ms=plan.length_ms, vn=None)
    stream = sound(node[str(film.audio_index)], plan.length_ms, gain).filter("ebur128", framelog="quiet")
    printed = engine.run(stream.output("pipe:", f="null"), timeout_s=timeout_s, loglevel="info")
    found = re.findall(r"^\s*I:\s+(-?[\d.]+) LUFS", printed, flags=re.MULTILINE)
    return float(found[-1]) if found else -70.0
