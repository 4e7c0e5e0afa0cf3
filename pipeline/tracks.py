"""Faces of sample after sample joined into tracks: one person through one shot. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.records import Face, FaceSample, Ms

GAP_MS: Ms = 1_500
"""A face may be missed (turned away, behind a hand) for so long and still be the same."""
REACH = 1.0
"""Between samples a face moves at most this many of its own widths."""
CENTRAL = 0.35
"""How much being in the middle counts, against size."""


@dataclass(frozen=True, slots=True)
class Track:
    """One person's face through a shot: (moment, box) in order."""

    faces: tuple[tuple[Ms, Face], ...]

    @property
    def presence(self) -> float:
        """How much of the shot is about this face: size and place, summed over its samples."""
        return sum(_weight(face) for _, face in self.faces)


def _weight(face: Face) -> float:
    size = (face.width * face.height) ** 0.5
    return size * (1 - CENTRAL * 2 * abs(face.centre_x - 0.5)) * face.score


def tracks(samples: Sequence[FaceSample]) -> tuple[Track, ...]:
    """Join each face to the nearest open track within reach, nearest pairs first."""
    open_tracks: list[list[tuple[Ms, Face]]] = []
    for sample in samples:
        pairs = sorted(
            (_distance(track[-1][1], face), t, f)
            for t, track in enumerate(open_tracks)
            if sample.at_ms - track[-1][0] <= GAP_MS
            for f, face in enumerate(sample.faces)
        )
        taken_tracks: set[int] = set()
        taken_faces: set[int] = set()
        for distance, t, f in pairs:
            if distance <= REACH and t not in taken_tracks and f not in taken_faces:
                open_tracks[t].append((sample.at_ms, sample.faces[f]))
                taken_tracks.add(t)
                taken_faces.add(f)
        open_tracks += [
            [(sample.at_ms, face)] for f, face in enumerate(sample.faces) if f not in taken_faces
        ]
    return tuple(Track(tuple(track)) for track in open_tracks)


def main_track(found: Sequence[Track]) -> Track | None:
    """The most present track; None when there is none."""
    return max(found, key=lambda track: track.presence, default=None)


def _distance(a: Face, b: Face) -> float:
    """Between two boxes: of their middles in widths of the larger, plus how unlike their sizes are."""
    width = max(a.width, b.width)
    height = max(a.height, b.height)
    apart = ((a.centre_x - b.centre_x) / width) ** 2 + ((a.centre_y - b.centre_y) / height) ** 2
    unlike = 1 - min(a.width, b.width) / width
    return float(apart**0.5 + 0.5 * unlike)
