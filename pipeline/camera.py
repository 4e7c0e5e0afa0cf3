"""What was seen to what is shown: the layout of each shot and the path of the crop. Pure.

The camera holds still as long as the speaker's face stays in the middle band of the crop and
otherwise makes one eased move. The path of a shot is the cheapest of all paths over a grid of
positions, found by dynamic programming with the whole shot in view, so it never chases.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.records import FaceSample, Framing, Keyframe, Layout, LayoutWish, Ms, Sighting, Span
from pipeline.tracks import Track, subject, tracks

FACE_SHARE = 0.3
"""In at least this part of a shot's samples a face must be seen for the crop to follow it."""
SMALLEST_FACE = 0.03
"""Of the picture's width: a smaller face is part of a crowd or of a slide."""
FLASH_MS: Ms = 600
"""A shorter shot without a face is shown like the one before it: layouts must not flicker."""

BAND = 0.1
"""Of the crop's width to either side of its middle: in there the face may move freely."""
MOVE_COST = 6.0
TRAVEL_COST = 1.5
OFF_COST = 120.0
CENTRE_COST = 3.0
"""Costs of a move, of travelling one crop width, of a sample one crop width outside the band (by the
square), and of being off-centre at all. On restless people (4 minutes of real talk) these keep the face
within a quarter of the crop 99.6 % of the time with 6 moves a minute; a band of 0.2 with half the costs
moves once in 4 minutes and keeps it there 92 %."""
POSITIONS = 64

EASE_MS: Ms = 600
LOOK_AHEAD_MS: Ms = 400
"""This much of a move lies before the moment the face leaves the band."""
EASE_STEPS = 6
CUT_WIDTHS = 1.0
"""A move further than this many crop widths is a cut: a pan would show the wall between."""
HEAD_ROOM = 0.4
"""Where the face's middle stands in the height of the crop, if the crop can move up and down."""


@dataclass(frozen=True, slots=True)
class _Crop:
    """The crop's size as fractions of the source."""

    width: float
    height: float


def plan(
    sighting: Sighting,
    source_width: int,
    source_height: int,
    out_width: int,
    out_height: int,
    length_ms: Ms,
    wish: LayoutWish = "auto",
) -> tuple[Framing, ...]:
    """One framing per shot; together they tile `0..length_ms` without a gap.

    A `wish` other than auto takes that layout for every shot, whatever was seen.
    """
    crop = _crop(source_width / source_height, out_width / out_height)
    framings: list[Framing] = []
    for shot in _tiled(sighting.shots, length_ms):
        samples = [s for s in sighting.samples if shot.start_ms <= s.at_ms < shot.end_ms]
        before = framings[-1].layout if framings else None
        framings.append(_framing(shot, samples, crop, before, sighting.detector.name, wish))
    return tuple(framings)


def _crop(source_aspect: float, out_aspect: float) -> _Crop:
    if source_aspect >= out_aspect:
        return _Crop(out_aspect / source_aspect, 1.0)
    return _Crop(1.0, source_aspect / out_aspect)


def _tiled(shots: Sequence[Span], length_ms: Ms) -> list[Span]:
    starts = sorted({0, *(shot.start_ms for shot in shots if shot.start_ms < length_ms)})
    return [Span(a, b) for a, b in zip(starts, [*starts[1:], length_ms], strict=True)]


def _framing(
    shot: Span,
    samples: Sequence[FaceSample],
    crop: _Crop,
    before: Layout | None,
    detector: str,
    wish: LayoutWish,
) -> Framing:
    if crop.width > 0.97 and crop.height > 0.97:
        return _still(shot, "the picture has the clip's shape already", crop, 0.5, 0.5)
    if wish == "fit":
        return Framing(shot, "fit", "asked for: the whole width over a blurred fill")
    if crop.width > 0.97:
        return _upright(shot, samples, crop)
    track = subject(tracks(samples))
    if wish == "follow" and (track is None or not track.faces):
        return _still(
            shot, "asked to follow, but there is no face: the middle of the picture", crop, 0.5, 0.5
        )
    why_fit = "" if wish == "follow" else _why_fit(track, samples, detector)
    if not why_fit and track is not None:
        return Framing(shot, "follow", _follow_reason(track, samples), _path(shot, track, crop))
    if shot.length_ms < FLASH_MS and before == "follow":
        return _still(shot, "a flash without a face: the middle of the picture", crop, 0.5, 0.5)
    return Framing(shot, "fit", f"{why_fit}: the whole width over a blurred fill")


def _why_fit(track: Track | None, samples: Sequence[FaceSample], detector: str) -> str:
    """Why no face can be followed; empty if one can."""
    if detector == "none":
        return "no face detector is installed"
    seen = sum(bool(sample.faces) for sample in samples)
    if track is None or not seen:
        return "no face in this shot"
    if len(track.faces) < FACE_SHARE * len(samples):
        return f"a face in only {len(track.faces)} of {len(samples)} samples"
    if statistics.median(face.width for _, face in track.faces) < SMALLEST_FACE:
        return "the faces are too small to follow"
    return ""


def _follow_reason(track: Track, samples: Sequence[FaceSample]) -> str:
    others = max((len(sample.faces) for sample in samples), default=1) - 1
    beside = f", the most present of {others + 1} faces" if others else ""
    return f"follows a face seen in {len(track.faces)} of {len(samples)} samples{beside}"


def _still(shot: Span, reason: str, crop: _Crop, centre_x: float, centre_y: float) -> Framing:
    return Framing(shot, "follow", reason, (_key(shot.start_ms, centre_x, centre_y, crop),))


def _key(at_ms: Ms, centre_x: float, centre_y: float, crop: _Crop) -> Keyframe:
    """The keyframe with the crop around a centre, kept inside the picture."""
    x = min(max(centre_x - crop.width / 2, 0.0), 1.0 - crop.width)
    y = min(max(centre_y - crop.height / 2, 0.0), 1.0 - crop.height)
    return Keyframe(at_ms, x, y)


def _upright(shot: Span, samples: Sequence[FaceSample], crop: _Crop) -> Framing:
    """A source narrower than the clip: the full width, at the height where the face is."""
    track = subject(tracks(samples))
    if track is None:
        return _still(shot, "an upright picture without a face: its middle", crop, 0.5, 0.5)
    middle = statistics.median(face.centre_y for _, face in track.faces)
    centre_y = middle + (0.5 - HEAD_ROOM) * crop.height
    return _still(shot, "an upright picture: the height where the face is", crop, 0.5, centre_y)


# -- the path in one shot -------------------------------------------------------------------------


def _path(shot: Span, track: Track, crop: _Crop) -> tuple[Keyframe, ...]:
    times = [at_ms for at_ms, _ in track.faces]
    middles = _smoothed([face.centre_x for _, face in track.faces])
    centres = best_centres(middles, crop.width)
    keys = [_key(shot.start_ms, centres[0], 0.5, crop)]
    for i in range(1, len(centres)):
        if centres[i] != centres[i - 1]:
            begin, end = _move_times(times, centres, i, shot)
            keys += _move(begin, end, centres[i - 1], centres[i], crop)
    return tuple(keys)


def _smoothed(values: Sequence[float]) -> list[float]:
    """Median of five: one wild box moves nothing."""
    return [statistics.median(values[max(0, i - 2) : i + 3]) for i in range(len(values))]


def best_centres(faces: Sequence[float], crop_width: float) -> list[float]:
    """The crop's middle for each sample: the cheapest path over a grid of positions (Viterbi)."""
    grid = np.linspace(crop_width / 2, 1 - crop_width / 2, POSITIONS)
    middle = np.asarray(faces)[:, None]
    # A face at the very edge cannot be centred: measure from the nearest place that can be had.
    wanted = np.clip(middle, grid[0], grid[-1])
    off = np.abs(wanted - grid[None, :]) / crop_width
    cost = OFF_COST * np.maximum(0.0, off - BAND) ** 2 + CENTRE_COST * off**2
    step = np.abs(grid[:, None] - grid[None, :]) / crop_width
    change = np.where(step > 0, MOVE_COST + TRAVEL_COST * step, 0.0)
    total = cost[0].copy()
    came: NDArray[np.int64] = np.zeros((len(faces), POSITIONS), np.int64)
    for i in range(1, len(faces)):
        through = total[:, None] + change
        came[i] = through.argmin(axis=0)
        total = through.min(axis=0) + cost[i]
    at = int(total.argmin())
    path = [at]
    for i in range(len(faces) - 1, 0, -1):
        at = int(came[i][at])
        path.append(at)
    return [float(grid[p]) for p in reversed(path)]


def _move_times(times: Sequence[Ms], centres: Sequence[float], i: int, shot: Span) -> tuple[Ms, Ms]:
    """When move `i` begins and ends: eased around its moment, clear of the moves beside it."""
    moves = [k for k in range(1, len(centres)) if centres[k] != centres[k - 1]]
    place = moves.index(i)
    earliest = shot.start_ms if place == 0 else (times[moves[place - 1]] + times[i]) // 2
    latest = shot.end_ms if place + 1 == len(moves) else (times[i] + times[moves[place + 1]]) // 2
    begin = max(earliest, times[i] - LOOK_AHEAD_MS)
    return begin, max(begin + 1, min(latest, begin + EASE_MS))


def _move(begin: Ms, end: Ms, a: float, b: float, crop: _Crop) -> list[Keyframe]:
    if abs(b - a) > CUT_WIDTHS * crop.width:
        return [_key(end - 1, a, 0.5, crop), _key(end, b, 0.5, crop)]
    keys = []
    for step in range(EASE_STEPS + 1):
        u = step / EASE_STEPS
        eased = u * u * u * (u * (6 * u - 15) + 10)  # Perlin's smootherstep: no jerk at either end
        keys.append(_key(begin + round((end - begin) * u), a + (b - a) * eased, 0.5, crop))
    return keys
