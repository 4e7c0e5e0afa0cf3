"""What every detector does before and after its network: shrink the picture, scale the boxes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.records import Face


def fitted(bgr: NDArray[np.uint8], long_side: int) -> NDArray[np.uint8]:
    """The picture shrunk so that its longer side is at most `long_side` pixels."""
    import cv2

    height, width = bgr.shape[:2]
    factor = long_side / max(height, width)
    if factor >= 1:
        return bgr
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    shrunk: NDArray[np.uint8] = cv2.resize(bgr, size, interpolation=cv2.INTER_AREA)
    return shrunk


def face_of(box: Sequence[float], score: float, width: float, height: float) -> Face:
    """A pixel box (x, y, width, height), cut to the picture, as fractions of it."""
    left, top = max(0.0, float(box[0])), max(0.0, float(box[1]))
    right = min(float(width), float(box[0]) + float(box[2]))
    bottom = min(float(height), float(box[1]) + float(box[3]))
    return Face(
        x=left / width,
        y=top / height,
        width=max(0.0, right - left) / width,
        height=max(0.0, bottom - top) / height,
        score=min(1.0, max(0.0, float(score))),
    )


def biggest_first(faces: Iterable[Face]) -> tuple[Face, ...]:
    """Faces with an area, in an order that does not depend on the detector."""
    real = [face for face in faces if face.width > 0 and face.height > 0]
    return tuple(sorted(real, key=lambda face: (-face.width * face.height, face.x, face.y)))
