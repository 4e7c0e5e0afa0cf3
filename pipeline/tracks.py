"""Faces of sample after sample joined into tracks: one person through one shot. Pure."""

from __future__ import annotations

import math
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

    def lasts(self, at_ms: Ms) -> bool:
        """Whether the moment lies between the first and the last time this face was seen."""
        return self.faces[0][0] <= at_ms <= self.faces[-1][0]


def _weight(face: Face) -> float:
    size = math.sqrt(face.width * face.height)
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
        open_tracks += [[(sample.at_ms, face)] for f, face in enumerate(sample.faces) if f not in taken_faces]
    return tuple(Track(tuple(track)) for track in open_tracks)


def subject(found: Sequence[Track]) -> Track | None:
    """Who to look at from moment to moment: the most present track while it lasts, and in the time
    it leaves open the next most present one. None when there is no track.
    """
    chosen: list[Track] = []
    for track in sorted(found, key=lambda track: -track.presence):
        free = tuple(seen for seen in track.faces if not any(one.lasts(seen[0]) for one in chosen))
        if free:
            chosen.append(Track(free))
    faces = sorted((seen for track in chosen for seen in track.faces), key=lambda seen: seen[0])
    return Track(tuple(faces)) if faces else None


def _distance(a: Face, b: Face) -> float:
    """Between two boxes: of their middles in widths of the larger, plus how unlike their sizes are."""
    width = max(a.width, b.width)
    height = max(a.height, b.height)
    apart = math.hypot((a.centre_x - b.centre_x) / width, (a.centre_y - b.centre_y) / height)
    unlike = 1 - min(a.width, b.width) / width
    return apart + 0.5 * unlike
