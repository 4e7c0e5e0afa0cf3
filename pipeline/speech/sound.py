"""The film's sound as mono samples, piece by piece, and how loud it is.

Sample `n` is what is heard at `n / SAMPLE_RATE` seconds of the film, whatever the container's start
time, gaps or late sound track: `aresample=async=1:first_pts=0` fills what is missing with silence.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from pipeline.media import Ffmpeg
from pipeline.media import source as media_input
from pipeline.records import Ms, Sound, Source

Samples = NDArray[np.float32]
"""Mono, `SAMPLE_RATE`, full scale is -1..1."""

SAMPLE_RATE = 16_000
STEP_MS = 100
FLOOR_DB = -100
_PIECE_S = 10
_SAMPLE_BYTES = 4
_STEP = SAMPLE_RATE * STEP_MS // 1000

# Words are taken out of the pipe no faster than they are recognised, so the whole decoding may last
# as long as the slowest recogniser on the longest film. A decoder that hangs is caught by `silence_s`.
_LONGEST_DECODE_S = 24 * 3600.0


def to_ms(sample: int) -> Ms:
    """The time of a sample."""
    return sample * 1000 // SAMPLE_RATE


def to_sample(ms: Ms) -> int:
    """The sample at a time."""
    return ms * SAMPLE_RATE // 1000


def pieces(source: Source, engine: Ffmpeg) -> Iterator[Samples]:
    """The chosen sound track in pieces of ten seconds. Raises FfmpegFailed after what could be had."""
    graph = media_input(source.path)[str(source.audio_index)].output(
        "pipe:",
        f="f32le",
        af="aresample=async=1:first_pts=0",
        ac=1,
        ar=SAMPLE_RATE,
        # A hostile time stamp would otherwise make the filter invent years of silence.
        t=f"{source.duration_ms / 1000:.3f}",
    )
    size = _PIECE_S * SAMPLE_RATE * _SAMPLE_BYTES
    for data in engine.stream(graph, block_bytes=size, timeout_s=_LONGEST_DECODE_S):
        whole = len(data) - len(data) % _SAMPLE_BYTES
        samples = np.frombuffer(data[:whole], dtype="<f4")
        # Broken streams decode to NaN and infinities, which no recogniser survives.
        yield np.clip(np.nan_to_num(samples), -1.0, 1.0).astype(np.float32)


class Loudness:
    """Gathers the level of the whole film from its pieces: RMS in dBFS every `STEP_MS`."""

    def __init__(self) -> None:
        self._levels: list[int] = []
        self._rest: Samples = np.empty(0, dtype=np.float32)

    def add(self, samples: Samples) -> None:
        joined = np.concatenate([self._rest, samples])
        steps = len(joined) // _STEP
        self._levels.extend(_levels(joined[: steps * _STEP].reshape(steps, _STEP)))
        self._rest = joined[steps * _STEP :]

    def grid(self, duration_ms: Ms) -> Sound:
        """The grid for a film of this length; where there was no sound it reads `FLOOR_DB`."""
        levels = list(self._levels)
        if len(self._rest):
            levels.extend(_levels(self._rest.reshape(1, -1)))
        steps = math.ceil(duration_ms / STEP_MS)
        levels += [FLOOR_DB] * (steps - len(levels))
        return Sound(step_ms=STEP_MS, level_db=tuple(levels[:steps]))


def _levels(rows: NDArray[np.float32]) -> list[int]:
    power = np.mean(np.square(rows, dtype=np.float64), axis=1)
    decibels = 10 * np.log10(np.maximum(power, 10 ** (FLOOR_DB / 10)))
    return [int(level) for level in np.rint(decibels)]
