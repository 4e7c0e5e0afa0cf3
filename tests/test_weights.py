"""Whisper's weights from a folder or the hub, with hubs that are gone, silent, slow or wrong.

The hubs are real servers on 127.0.0.1; the library under test runs in its own child process.
"""

from __future__ import annotations

import hashlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pipeline.speech import weights
from pipeline.speech.weights import NoWeights, Patience

NAME = "tiny"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
FILES = {
    "config.json": b'{"lang_ids": [50259]}',
    "tokenizer.json": b"{}",
    "vocabulary.txt": b"a\nb\n",
    "model.bin": bytes(200_000),
    "README.md": b"not wanted",
}
PATIENT = Patience(first_byte_s=30, stall_s=30)


class SmallHub(ThreadingHTTPServer):
    """Answers as the Hugging Face hub does for one model. `stall_after` bytes of a file it falls silent."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, files: dict[str, bytes], stall_after: int | None = None) -> None:
        super().__init__(("127.0.0.1", 0), HubAnswers)
        self.files = files
        self.stall_after = stall_after
        self.over = threading.Event()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class HubAnswers(BaseHTTPRequestHandler):
    server: SmallHub

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""

    def do_HEAD(self) -> None:
        self._file(body=False)

    def do_GET(self) -> None:
        if "/tree/" in self.path:
            files = self.server.files.items()
            tree = [
                {"type": "file", "path": k, "size": len(v), "oid": hashlib.sha1(v).hexdigest()}
                for k, v in files
            ]
            self._send(json.dumps(tree).encode(), "application/json", body=True)
        elif "/api/" in self.path:
            siblings = [{"rfilename": name} for name in self.server.files]
            answer = {"id": "Systran/faster-whisper-tiny", "sha": COMMIT, "siblings": siblings}
            self._send(json.dumps(answer).encode(), "application/json", body=True)
        else:
            self._file(body=True)

    def _file(self, body: bool) -> None:
        data = self.server.files.get(self.path.partition("?")[0].rsplit("/", 1)[-1])
        if data is None:
            self.send_error(404)
            return
        self._send(data, "application/octet-stream", body)

    def _send(self, data: bytes, kind: str, body: bool) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("ETag", f'"{hashlib.sha1(data).hexdigest()}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.end_headers()
        if not body:
            return
        stall_after = self.server.stall_after
        if stall_after is None or len(data) <= stall_after:
            self.wfile.write(data)
            return
        self.wfile.write(data[:stall_after])
        self.wfile.flush()
        self.server.over.wait()


@contextmanager
def hub(files: dict[str, bytes], stall_after: int | None = None) -> Iterator[SmallHub]:
    with SmallHub(files, stall_after) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server
        finally:
            server.over.set()
            server.shutdown()
            thread.join()


@contextmanager
def tarpit() -> Iterator[str]:
    """A server whose kernel takes connections and that never answers one."""
    with socket.create_server(("127.0.0.1", 0), backlog=50) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def put(folder: Path, files: dict[str, bytes]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder


def without(*names: str) -> dict[str, bytes]:
    return {name: data for name, data in FILES.items() if name not in names}


def fetch(model_dir: Path, endpoint: str, patience: Patience = PATIENT) -> Path:
    return weights.fetch(NAME, model_dir, patience, lambda size: None, endpoint)


def test_a_whole_folder_lacks_nothing(tmp_path: Path) -> None:
    assert weights.missing_files(put(tmp_path, FILES)) == ()


@pytest.mark.parametrize("name", ["model.bin", "config.json", "tokenizer.json"])
def test_a_missing_or_empty_file_is_named(tmp_path: Path, name: str) -> None:
    put(tmp_path, without(name))
    assert name in weights.missing_files(tmp_path)
    (tmp_path / name).touch()
    assert name in weights.missing_files(tmp_path)


def test_either_vocabulary_will_do(tmp_path: Path) -> None:
    put(tmp_path, without("vocabulary.txt"))
    assert weights.missing_files(tmp_path) == ("vocabulary.json or vocabulary.txt",)
    put(tmp_path, {"vocabulary.json": b"[]"})
    assert weights.missing_files(tmp_path) == ()


def test_a_model_with_128_mels_needs_its_preprocessor(tmp_path: Path) -> None:
    config = json.dumps({"lang_ids": list(range(50259, 50359))}).encode()
    put(tmp_path, FILES | {"config.json": config})
    assert weights.missing_files(tmp_path) == ("preprocessor_config.json",)


def test_only_a_whole_model_is_found(tmp_path: Path) -> None:
    put(tmp_path / NAME, without("tokenizer.json"))
    assert weights.find(NAME, tmp_path) is None
    put(tmp_path / NAME, FILES)
    assert weights.find(NAME, tmp_path) == tmp_path / NAME


def test_a_model_is_fetched_whole_and_only_then_in_its_place(tmp_path: Path) -> None:
    put(tmp_path / NAME, without("model.bin"))
    with hub(FILES) as server:
        folder = fetch(tmp_path, server.endpoint)
    assert folder == tmp_path / NAME
    assert weights.missing_files(folder) == ()
    assert (folder / "model.bin").read_bytes() == FILES["model.bin"]
    assert not (folder / "README.md").exists()
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


def test_a_hub_that_lacks_a_file_gives_no_model(tmp_path: Path) -> None:
    with hub(without("tokenizer.json")) as server, pytest.raises(NoWeights, match=r"tokenizer\.json"):
        fetch(tmp_path, server.endpoint)
    assert not (tmp_path / NAME).exists()


def test_a_hub_without_the_model(tmp_path: Path) -> None:
    with hub({}) as server, pytest.raises(NoWeights, match="lacks"):
        fetch(tmp_path, server.endpoint)


@pytest.mark.parametrize("endpoint", ["http://hub.invalid", "http://127.0.0.1:9"])
def test_a_hub_that_cannot_be_reached_is_given_up_quickly(tmp_path: Path, endpoint: str) -> None:
    begun = time.monotonic()
    with pytest.raises(NoWeights, match="cannot be reached"):
        fetch(tmp_path, endpoint, Patience())
    assert time.monotonic() - begun < 10


def test_a_silent_hub_is_left_after_the_first_limit(tmp_path: Path) -> None:
    begun = time.monotonic()
    with tarpit() as endpoint, pytest.raises(NoWeights, match=r"sent nothing for 1\.5 s"):
        fetch(tmp_path, endpoint, Patience(first_byte_s=1.5))
    assert time.monotonic() - begun < 10


def test_a_hub_that_falls_silent_half_way_is_left_and_taken_up_again(tmp_path: Path) -> None:
    with hub(FILES, stall_after=100_000) as server, pytest.raises(NoWeights, match="sent nothing"):
        fetch(tmp_path, server.endpoint, Patience(first_byte_s=30, stall_s=1.5))
    assert weights.find(NAME, tmp_path) is None
    with hub(FILES) as server:
        assert weights.missing_files(fetch(tmp_path, server.endpoint)) == ()


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NoWeights, match="cannot be written"):
        fetch(tmp_path / "file", "http://127.0.0.1:9")
