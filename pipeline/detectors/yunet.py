"""YuNet: OpenCV's small face network, the first choice wherever its 230 kB file is at hand.

Wu et al., "YuNet: A Tiny Millisecond-level Face Detector" (2023); weights from the OpenCV zoo, MIT.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.detectors.boxes import biggest_first, face_of, fitted
from pipeline.records import Face, MadeBy

SCORE_THRESHOLD = 0.7
"""On the 43 labelled faces of dlib's example pictures .7 finds all and nothing else; see benchmarks."""

NMS_THRESHOLD = 0.3
LONG_SIDE = 640


class YuNet:
    """YuNet from an ONNX file; both the 2023mar and the 2026may weights of the zoo load.

    Raises ValueError when OpenCV cannot read the file as YuNet.
    """

    def __init__(self, model: Path, fallback: str = "") -> None:
        self._model = model
        self._nets = threading.local()
        settings = f"score>={SCORE_THRESHOLD}, long side<={LONG_SIDE}"
        self.made_by = MadeBy(name="yunet", version=model.stem, settings=settings, fallback=fallback)
        self.find(np.zeros((64, 64, 3), np.uint8))

    def find(self, bgr: NDArray[np.uint8]) -> tuple[Face, ...]:
        """The faces in a BGR picture of shape (h, w, 3), biggest first."""
        import cv2

        small = fitted(bgr, LONG_SIDE)
        height, width = small.shape[:2]
        net = self._net()
        net.setInputSize((width, height))
        try:
            _, rows = net.detect(small)
        except cv2.error as exc:
            raise ValueError(f"{self._model.name} is not a YuNet face model") from exc
        faces = [face_of(row[:4], row[14], width, height) for row in (rows if rows is not None else ())]
        return biggest_first(faces)

    def _net(self) -> Any:
        """This thread's network: FaceDetectorYN keeps its input between calls, so threads cannot share."""
        import cv2

        net = getattr(self._nets, "net", None)
        if net is None:
            try:
                net = cv2.FaceDetectorYN.create(
                    str(self._model), "", (LONG_SIDE, LONG_SIDE), SCORE_THRESHOLD, NMS_THRESHOLD
                )
            except cv2.error as exc:
                raise ValueError(f"{self._model.name} is not a YuNet face model") from exc
            self._nets.net = net
        return net
