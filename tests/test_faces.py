"""Face detectors on pictures whose faces are known, and where YuNet's weights may come from."""

from __future__ import annotations

import hashlib
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cv2
import pytest
from skimage import data

from pipeline.errors import WishError
from pipeline.faces import FetchFailed, fetched_yunet, pick_detector
from pipeline.options import RenderOptions

PORTRAIT_FACE = (0.33, 0.12, 0.2, 0.26)
"""Where the face is in scikit-image's astronaut: x, y, width, height, measured by hand."""


def portrait():
    return cv2.cvtColor(data.astronaut(), cv2.COLOR_RGB2BGR)


def overlap(a, b):
    """Intersection over union of two boxes (x, y, width, height)."""
    width = max(0.0, min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0]))
    height = max(0.0, min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1]))
    return width * height / (a[2] * a[3] + b[2] * b[3] - width * height)


def boxes(detector, picture):
    return [(f.x, f.y, f.width, f.height) for f in detector.find(picture)]


def test_the_packaged_detector_finds_the_face_and_says_who_it_is():
    warnings = []
    detector = pick_detector(RenderOptions(), warnings.append)
    (box,) = boxes(detector, portrait())
    assert overlap(box, PORTRAIT_FACE) > 0.6
    assert detector.made_by.name == "centerface" and not warnings


@pytest.mark.parametrize("size", [(160, 90), (90, 160), (641, 363), (33, 31)])
def test_any_size_of_picture_is_taken(size):
    detector = pick_detector(RenderOptions(), lambda message: None)
    for face in detector.find(cv2.resize(portrait(), size)):
        assert face.x >= 0 and face.x + face.width <= 1.0001


def test_no_face_in_noise():
    detector = pick_detector(RenderOptions(), lambda message: None)
    assert detector.find(cv2.resize(data.brick(), (640, 360))[:, :, None].repeat(3, 2)) == ()


@pytest.mark.parametrize("weights", ["2023mar", "2026may"])
def test_both_yunets_load_and_find_it(shared_media, weights):
    model = shared_media / "weights" / f"face_detection_yunet_{weights}.onnx"
    detector = pick_detector(RenderOptions(face_model=model), lambda message: None)
    (box,) = boxes(detector, portrait())
    assert overlap(box, PORTRAIT_FACE) > 0.6 and detector.made_by.name == "yunet"


@pytest.mark.parametrize("content", [None, b"", b"not a network"])
def test_a_face_model_that_is_none_is_refused(tmp_path, content):
    model = tmp_path / "model.onnx"
    if content is not None:
        model.write_bytes(content)
    with pytest.raises(WishError, match="FACE_MODEL"):
        pick_detector(RenderOptions(face_model=model), lambda message: None)


@contextmanager
def server(body: bytes, status: int = 200):
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as http:
        thread = threading.Thread(target=http.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{http.server_port}/yunet.onnx"
        finally:
            http.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("body", "status", "why"),
    [(b"other weights", 200, "checksum"), (b"", 404, "404"), (b"x" * 2_000_000, 200, "too large")],
)
def test_weights_that_are_not_yunets_are_not_kept(tmp_path, body, status, why):
    with server(body, status) as url, pytest.raises(FetchFailed, match=why):
        fetched_yunet(tmp_path, url)
    assert not list(tmp_path.iterdir())


def test_yunets_weights_are_fetched_once(tmp_path, shared_media):
    weights = (shared_media / "weights" / "face_detection_yunet_2023mar.onnx").read_bytes()
    with server(weights) as url:
        path = fetched_yunet(tmp_path, url)
    assert hashlib.sha256(path.read_bytes()).digest() == hashlib.sha256(weights).digest()
    assert fetched_yunet(tmp_path, "http://127.0.0.1:9/gone") == path


def test_an_unreachable_server_leads_to_the_packaged_detector(tmp_path):
    with pytest.raises(FetchFailed):
        fetched_yunet(tmp_path, "http://127.0.0.1:9/yunet.onnx")
