"""Storage over real files and real HTTP: moto's S3 server with a server full of faults in front."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import random
import signal
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from hypothesis import given, settings
from hypothesis import strategies as st
from moto.server import ThreadedMotoServer

from pipeline.errors import StorageError
from pipeline.options import StorageOptions
from pipeline.storage import FolderStorage, Storage, open_storage, sha256_of
from pipeline.stores.names import is_name
from pipeline.stores.presigned import PresignedStorage
from pipeline.stores.s3 import S3Storage
from tests.s3_faults import FaultyServer, faulty_server

JOB = "kk_01JC9Z5T8Q3V7W2X4Y6B0D1F3H"
KEY, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMIsecret"
BUCKET, PREFIX = "clips", "node/7"
CLIP = f"/{BUCKET}/{PREFIX}/jobs/{JOB}/clip_01.mp4"
MIB = 1 << 20
SESSION = boto3.session.Session()
NAMES = ("clip_01.mp4", "clip_01.jpg", "edl.json", "stages/select.json")


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    """host:port of an S3 server."""
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"{host}:{port}"
    server.stop()


@pytest.fixture(scope="module")
def bucket(moto: str) -> Iterator[Any]:
    """A boto3 client that looks behind the faults."""
    client = _client(f"http://{moto}")
    client.create_bucket(Bucket=BUCKET)
    yield client
    client.close()


@pytest.fixture(scope="module")
def proxy(moto: str) -> Iterator[FaultyServer]:
    with faulty_server(moto) as server:
        yield server


@pytest.fixture(scope="module")
def urls(proxy: FaultyServer) -> str:
    """A file of URLs as a signer hands it over."""
    return json.dumps(_sign(proxy))


@pytest.fixture(scope="module")
def s3_store(proxy: FaultyServer) -> S3Storage:
    return S3Storage(_options(proxy), part_bytes=5 * MIB, attempts=4, read_timeout_s=1)


@pytest.fixture
def server(proxy: FaultyServer, bucket: Any) -> Iterator[FaultyServer]:
    proxy.forget()
    yield proxy
    proxy.forget()
    for entry in bucket.list_objects_v2(Bucket=BUCKET).get("Contents", ()):
        bucket.delete_object(Bucket=BUCKET, Key=entry["Key"])


@pytest.fixture
def s3(server: FaultyServer, s3_store: S3Storage) -> S3Storage:
    return s3_store


@pytest.fixture
def urls_file(server: FaultyServer, urls: str, tmp_path: Path) -> Path:
    file = tmp_path / "urls.json"
    file.write_text(urls)
    return file


@pytest.fixture
def presigned(urls_file: Path) -> PresignedStorage:
    return PresignedStorage(urls_file, attempts=3, first_wait_s=0.01, silence_s=1)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return _film(tmp_path / "made" / "clip.mp4", 300_000)


@pytest.fixture(params=["folder", "s3", "presigned"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    if request.param == "folder":
        return FolderStorage(tmp_path / "out")
    chosen: Storage = request.getfixturevalue(request.param)
    return chosen


def _client(endpoint: str) -> Any:
    return SESSION.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=KEY,
        aws_secret_access_key=SECRET,
        config=Config(signature_version="s3v4", s3={"addressing_style": "path"}),
    )


def _options(server: FaultyServer, **changes: Any) -> StorageOptions:
    settings = {"endpoint": server.url, "bucket": BUCKET, "prefix": f"/{PREFIX}/"}
    settings |= {"access_key_id": KEY, "secret_access_key": SECRET}
    return StorageOptions(**(settings | changes))


def _sign(server: FaultyServer, names: tuple[str, ...] = NAMES) -> dict[str, dict[str, str]]:
    client = _client(server.url)

    def signed(operation: str, name: str) -> str:
        key = f"{PREFIX}/jobs/{JOB}/{name}"
        url: str = client.generate_presigned_url(operation, Params={"Bucket": BUCKET, "Key": key})
        return url

    urls = {
        "put": {name: signed("put_object", name) for name in names},
        "get": {name: signed("get_object", name) for name in names},
    }
    client.close()
    return urls


def _film(path: Path, size_bytes: int, seed: int = 1) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(random.Random(seed).randbytes(size_bytes))
    return path


def _everything(error: BaseException) -> str:
    """All that a log could show of an error, its causes included."""
    text = "".join(traceback.format_exception(error))
    return text + repr(error) + (error.detail if isinstance(error, StorageError) else "")


# -- what every storage promises ------------------------------------------------------------------


def test_what_is_put_is_listed_and_comes_back_the_same(store: Storage, clip: Path, tmp_path: Path) -> None:
    edl = tmp_path / "edl.json"
    edl.write_text('{"schema": "kangklip/edl/1"}')
    seen: list[int] = []

    stored = store.put(JOB, "clip_01.mp4", clip, seen.append)
    store.put(JOB, "stages/select.json", edl)

    assert (stored.name, stored.size_bytes) == ("clip_01.mp4", 300_000)
    assert stored.sha256 == hashlib.sha256(clip.read_bytes()).hexdigest() == sha256_of(clip)
    assert seen == sorted(seen) and seen[-1] == 300_000
    assert store.names(JOB) == ("clip_01.mp4", "stages/select.json")
    target = tmp_path / "elsewhere" / "clip.mp4"
    assert store.get(JOB, "clip_01.mp4", target)
    assert target.read_bytes() == clip.read_bytes()
    assert [path.name for path in target.parent.iterdir()] == ["clip.mp4"]
    assert JOB in store.location(JOB) and JOB in stored.location


def test_what_was_never_put_is_not_there(store: Storage, tmp_path: Path) -> None:
    target = tmp_path / "edl.json"
    target.write_text("kept")
    assert store.get(JOB, "edl.json", target) is False
    assert store.names(JOB) == ()
    assert target.read_text() == "kept"


def test_new_content_under_a_name_takes_the_place_of_the_old(store: Storage, tmp_path: Path) -> None:
    store.put(JOB, "clip_01.mp4", _film(tmp_path / "a", 1000, seed=1))
    newer = _film(tmp_path / "b", 1000, seed=2)
    store.put(JOB, "clip_01.mp4", newer)
    assert store.get(JOB, "clip_01.mp4", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == newer.read_bytes()


def test_an_empty_file_can_be_stored(store: Storage, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.touch()
    assert store.put(JOB, "edl.json", empty).size_bytes == 0
    store.put(JOB, "edl.json", empty)
    assert store.names(JOB) == ("edl.json",)
    assert store.get(JOB, "edl.json", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == b""


def test_a_missing_file_is_named(store: Storage, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"'gone.mp4' cannot be stored: there is no such file"):
        store.put(JOB, "clip_01.mp4", tmp_path / "gone.mp4")


HOSTILE_NAMES = [
    "../x",
    "/etc/passwd",
    "a/../b",
    "a/b/c",
    "a//b",
    ".",
    "..",
    ".hidden",
    "a b",
    "x\n",
    "é",
    "",
]
HOSTILE_NAMES += ["a\\b", "x\0", "stages/", "stages/.x", "x" * 181]


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_names_that_could_lead_elsewhere_are_refused(
    name: str, s3: S3Storage, presigned: PresignedStorage, server: FaultyServer, clip: Path, tmp_path: Path
) -> None:
    for store in (FolderStorage(tmp_path / "out"), s3, presigned):
        with pytest.raises(StorageError, match="cannot be stored"):
            store.put(JOB, name, clip)
        with pytest.raises(StorageError, match="cannot be stored"):
            store.get(JOB, name, tmp_path / "back")
    assert not (tmp_path / "out").exists() and not (tmp_path / "back").exists()
    assert server.requests == []


@pytest.mark.parametrize("job_id", ["..", "a/b", "", "x" * 65, "kk_\n", "."])
def test_job_ids_that_could_lead_elsewhere_are_refused(store: Storage, job_id: str, clip: Path) -> None:
    for use in (
        lambda: store.put(job_id, "edl.json", clip),
        lambda: store.get(job_id, "edl.json", clip),
        lambda: store.names(job_id),
        lambda: store.location(job_id),
    ):
        with pytest.raises(StorageError, match="job id"):
            use()


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="./a_-\\\0\n é", max_size=12))
def test_a_good_name_stays_inside_its_folder(name: str) -> None:
    if is_name(name):
        inside = Path(os.path.normpath(Path("/out/jobs/x") / name))
        assert inside.is_relative_to("/out/jobs/x") and inside != Path("/out/jobs/x")
        assert str(inside) == f"/out/jobs/x/{name}"


def test_the_options_choose_the_place(server: FaultyServer, tmp_path: Path) -> None:
    folder = open_storage(StorageOptions(folder=tmp_path))
    bucket = open_storage(_options(server))
    urls = open_storage(StorageOptions(presigned_file=tmp_path / "urls.json"))
    assert [store.keeps_source for store in (folder, bucket, urls)] == [False, True, True]
    assert folder.location(JOB) == str(tmp_path / "jobs" / JOB)
    assert bucket.location(JOB) == f"s3://{BUCKET}/{PREFIX}/jobs/{JOB}/"
    with pytest.raises(StorageError, match="only one"):
        open_storage(_options(server, presigned_file=tmp_path / "urls.json"))


# -- the folder -----------------------------------------------------------------------------------


def test_on_one_disk_a_stored_file_takes_no_room(clip: Path, tmp_path: Path) -> None:
    stored = Path(FolderStorage(tmp_path / "out").put(JOB, "clip_01.mp4", clip).location)
    assert stored.samefile(clip)
    newer = _film(clip.with_name("newer"), 10)
    newer.replace(clip)
    assert stored.stat().st_size == 300_000


def test_a_file_that_lies_in_its_place_already_stays(tmp_path: Path) -> None:
    store = FolderStorage(tmp_path)
    placed = _film(tmp_path / "jobs" / JOB / "clip_01.mp4", 1000)
    before = placed.stat()
    assert store.put(JOB, "clip_01.mp4", placed).location == str(placed)
    assert store.get(JOB, "clip_01.mp4", placed)
    after = placed.stat()
    assert (after.st_ino, after.st_ctime_ns) == (before.st_ino, before.st_ctime_ns)


def test_the_same_content_is_not_written_again(clip: Path, tmp_path: Path) -> None:
    store = FolderStorage(tmp_path / "out")
    stored = Path(store.put(JOB, "clip_01.mp4", clip).location)
    before = stored.stat().st_ino
    twin = tmp_path / "twin"
    twin.write_bytes(clip.read_bytes())
    store.put(JOB, "clip_01.mp4", twin)
    assert stored.stat().st_ino == before


def test_a_film_behind_a_symbolic_link_is_stored_itself(clip: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.mp4"
    link.symlink_to(clip)
    stored = Path(FolderStorage(tmp_path / "out").put(JOB, "clip_01.mp4", link).location)
    assert not stored.is_symlink() and stored.read_bytes() == clip.read_bytes()


def test_another_disk_gets_a_copy(tmp_path: Path) -> None:
    memory = Path("/dev/shm")
    if not memory.is_dir() or memory.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no second file system here")
    film = memory / f"kangklip-test-{os.getpid()}"
    try:
        _film(film, 1000)
        stored = Path(FolderStorage(tmp_path).put(JOB, "clip_01.mp4", film).location)
        assert stored.read_bytes() == film.read_bytes()
        assert [path.name for path in stored.parent.iterdir()] == ["clip_01.mp4"]
    finally:
        film.unlink(missing_ok=True)


@pytest.mark.parametrize("linked", ["jobs", f"jobs/{JOB}", f"jobs/{JOB}/stages"])
def test_a_symbolic_link_inside_the_folder_is_not_followed(linked: str, clip: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    link = tmp_path / "out" / linked
    link.parent.mkdir(parents=True)
    link.symlink_to(outside)
    store = FolderStorage(tmp_path / "out")
    with pytest.raises(StorageError, match="is a symbolic link"):
        store.put(JOB, "stages/select.json", clip)
    assert list(outside.iterdir()) == []


def test_a_symbolic_link_in_a_files_place_is_replaced_and_never_read(clip: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    place = tmp_path / "out" / "jobs" / JOB / "edl.json"
    place.parent.mkdir(parents=True)
    place.symlink_to(secret)
    store = FolderStorage(tmp_path / "out")
    assert store.names(JOB) == () and not store.get(JOB, "edl.json", tmp_path / "back")
    store.put(JOB, "edl.json", clip)
    assert secret.read_text() == "secret"
    assert place.read_bytes() == clip.read_bytes() and not place.is_symlink()


def test_a_folder_that_cannot_be_written_is_named(clip: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file, not a folder")
    with pytest.raises(StorageError, match=r"'clip_01.mp4' could not be written to .*Not a directory"):
        FolderStorage(tmp_path / "out").put(JOB, "clip_01.mp4", clip)


FLIP = """
import sys
from pathlib import Path
from pipeline.storage import FolderStorage
store, films = FolderStorage(Path(sys.argv[1])), [Path(name) for name in sys.argv[2:]]
print("ready", flush=True)
while True:
    for film in films:
        store.put("job", "clip_01.mp4", film)
"""


def test_a_killed_writer_leaves_a_whole_file(tmp_path: Path) -> None:
    films = [_film(tmp_path / name, 2 * MIB, seed) for seed, name in enumerate("ab")]
    whole = {sha256_of(film) for film in films}
    out = tmp_path / "out"
    for wait_s in (0.01, 0.03, 0.05):
        child = _spawn(FLIP, out, *films)
        assert child.stdout and child.stdout.readline() == b"ready\n"
        _until(lambda: FolderStorage(out).names("job") != ())
        time.sleep(wait_s)
        _kill(child)
        assert FolderStorage(out).names("job") == ("clip_01.mp4",)
        assert sha256_of(out / "jobs" / "job" / "clip_01.mp4") in whole
    FolderStorage(out).put("job", "clip_01.mp4", _film(tmp_path / "c", 5))
    assert [path.name for path in (out / "jobs" / "job").iterdir()] == ["clip_01.mp4"]


FETCH = """
import json, sys
from pathlib import Path
from pipeline.options import StorageOptions
from pipeline.storage import open_storage
settings = json.loads(sys.argv[1])
if "presigned_file" in settings:
    settings["presigned_file"] = Path(settings["presigned_file"])
open_storage(StorageOptions(**settings)).get(sys.argv[2], "clip_01.mp4", Path(sys.argv[3]))
"""


@pytest.mark.parametrize("kind", ["s3", "presigned"])
def test_a_killed_download_shows_nothing_under_the_final_name(
    kind: str, s3: S3Storage, server: FaultyServer, urls_file: Path, clip: Path, tmp_path: Path
) -> None:
    s3.put(JOB, "clip_01.mp4", clip)
    place = {"endpoint": server.url, "bucket": BUCKET, "prefix": PREFIX}
    place |= {"access_key_id": KEY, "secret_access_key": SECRET}
    settings = place if kind == "s3" else {"presigned_file": str(urls_file)}
    target = tmp_path / "work" / "clip_01.mp4"

    server.faults.stall_gets = True
    child = _spawn(FETCH, json.dumps(settings), JOB, target)
    _until(lambda: target.parent.is_dir() and any(target.parent.iterdir()) and server.count("GET") > 0)
    _kill(child)
    assert not target.exists() and len(list(target.parent.iterdir())) == 1

    server.faults.stall_gets = False
    assert s3.get(JOB, "clip_01.mp4", target)
    assert [path.name for path in target.parent.iterdir()] == ["clip_01.mp4"]


def _spawn(program: str, *arguments: object) -> subprocess.Popen[bytes]:
    root = Path(__file__).resolve().parents[1]
    return subprocess.Popen(
        [sys.executable, "-c", program, *map(str, arguments)], cwd=root, stdout=subprocess.PIPE
    )


def _kill(child: subprocess.Popen[bytes]) -> None:
    child.send_signal(signal.SIGKILL)
    child.communicate(timeout=10)
    assert child.returncode == -signal.SIGKILL


def _until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 15
    while not true():
        assert time.monotonic() < deadline, "waited 15 s in vain"
        time.sleep(0.02)


# -- S3 -------------------------------------------------------------------------------------------


def test_an_object_says_what_it_is(s3: S3Storage, bucket: Any, clip: Path) -> None:
    types = {"clip_01.mp4": "video/mp4", "clip_01.jpg": "image/jpeg", "clip_01.vtt": "text/vtt"}
    types |= {"clip_01.srt": "application/x-subrip", "edl.json": "application/json"}
    for name, content_type in types.items():
        s3.put(JOB, name, clip)
        head = bucket.head_object(Bucket=BUCKET, Key=f"{PREFIX}/jobs/{JOB}/{name}")
        assert head["ContentType"] == content_type
        assert head["Metadata"]["sha256"] == sha256_of(clip)
        assert head["CacheControl"] == "private, no-cache"


def test_a_big_file_travels_in_parts_and_only_once(
    s3: S3Storage, server: FaultyServer, bucket: Any, tmp_path: Path
) -> None:
    film = _film(tmp_path / "film.mp4", 11 * MIB)
    seen: list[int] = []
    s3.put(JOB, "source.mp4", film, seen.append)
    assert seen[-1] == 11 * MIB and len(seen) > 2
    assert server.count("PUT") == 3
    etag = bucket.head_object(Bucket=BUCKET, Key=f"{PREFIX}/jobs/{JOB}/source.mp4")["ETag"]
    assert etag.strip('"').endswith("-3")

    s3.put(JOB, "source.mp4", film, seen.append)
    assert server.count("PUT") == 3
    assert s3.get(JOB, "source.mp4", tmp_path / "back")
    assert sha256_of(tmp_path / "back") == sha256_of(film)


def test_more_names_than_one_page_of_the_listing(
    s3: S3Storage, bucket: Any, server: FaultyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "5")  # how long the server makes a page
    for index in range(12):
        bucket.put_object(Bucket=BUCKET, Key=f"{PREFIX}/jobs/{JOB}/clip_{index:02d}.jpg")
    bucket.put_object(Bucket=BUCKET, Key=f"{PREFIX}/jobs/{JOB}/a/b/hostile")
    bucket.put_object(Bucket=BUCKET, Key=f"{PREFIX}/jobs/{JOB}2/other.jpg")
    assert s3.names(JOB) == tuple(f"clip_{index:02d}.jpg" for index in range(12))
    assert server.count("GET") == 3


def test_an_object_of_somebody_else_without_a_checksum_is_read(
    s3: S3Storage, bucket: Any, tmp_path: Path
) -> None:
    bucket.put_object(Bucket=BUCKET, Key=f"{PREFIX}/jobs/{JOB}/edl.json", Body=b"{}")
    assert s3.get(JOB, "edl.json", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == b"{}"


@pytest.mark.parametrize("statuses", [[500], [503, 503]])
def test_s3_is_asked_again_after_a_server_error(
    statuses: list[int], s3: S3Storage, server: FaultyServer, clip: Path, tmp_path: Path
) -> None:
    server.faults.statuses = list(statuses)
    s3.put(JOB, "clip_01.mp4", clip)
    server.faults.statuses = list(statuses)
    assert s3.get(JOB, "clip_01.mp4", tmp_path / "back")
    assert server.faults.statuses == []


def test_a_reset_in_the_middle_of_an_upload_is_made_good(
    store: Storage, server: FaultyServer, tmp_path: Path
) -> None:
    film = _film(tmp_path / "film.mp4", 6 * MIB)
    server.faults.resets = 0 if isinstance(store, FolderStorage) else 2
    seen: list[int] = []
    store.put(JOB, "clip_01.mp4", film, seen.append)
    assert server.faults.resets == 0 and seen[-1] == 6 * MIB
    assert store.get(JOB, "clip_01.mp4", tmp_path / "back")
    assert sha256_of(tmp_path / "back") == sha256_of(film)


@pytest.mark.parametrize("fault", ["truncated", "damaged"])
@pytest.mark.parametrize("kind", ["s3", "presigned"])
def test_a_download_cut_short_or_damaged_is_fetched_again(
    kind: str, fault: str, s3: S3Storage, presigned: PresignedStorage, server: FaultyServer, clip: Path
) -> None:
    s3.put(JOB, "clip_01.mp4", clip)
    store: Storage = s3 if kind == "s3" else presigned
    setattr(server.faults, fault, 2)
    back = clip.with_name("back")
    assert store.get(JOB, "clip_01.mp4", back)
    assert getattr(server.faults, fault) == 0
    assert back.read_bytes() == clip.read_bytes()


@pytest.mark.parametrize("kind", ["s3", "presigned"])
def test_a_download_that_stays_damaged_is_an_error_and_leaves_no_file(
    kind: str, s3: S3Storage, presigned: PresignedStorage, server: FaultyServer, clip: Path
) -> None:
    s3.put(JOB, "clip_01.mp4", clip)
    store: Storage = s3 if kind == "s3" else presigned
    server.faults.damaged = 99
    back = clip.with_name("back")
    with pytest.raises(StorageError, match=r"clip_01.mp4'") as caught:
        store.get(JOB, "clip_01.mp4", back)
    assert "damaged" in str(caught.value) + caught.value.detail
    assert [path.name for path in clip.parent.iterdir()] == ["clip.mp4"]


def test_s3_gives_up_after_a_bounded_number_of_attempts(
    s3: S3Storage, server: FaultyServer, clip: Path
) -> None:
    server.faults.refuse_all = 503
    with pytest.raises(StorageError, match=rf"clip_01.mp4' could not be stored in the bucket '{BUCKET}'"):
        s3.put(JOB, "clip_01.mp4", clip)
    assert len(server.requests) == 4


def test_a_silent_s3_server_is_given_up(server: FaultyServer, clip: Path) -> None:
    server.faults.silence_s = 30
    store = S3Storage(_options(server), attempts=2, read_timeout_s=0.2)
    with pytest.raises(StorageError, match="could not be reached or broke off 2 times"):
        store.put(JOB, "clip_01.mp4", clip)


def test_s3_errors_say_what_to_do_and_hold_no_secret(server: FaultyServer, clip: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{closed.getsockname()[1]}"

    def used(**changes: Any) -> StorageError:
        with pytest.raises(StorageError) as caught:
            S3Storage(_options(server, **changes), attempts=1).put(JOB, "clip_01.mp4", clip)
        return caught.value

    errors = {
        "there is no such bucket; check R2_BUCKET": used(bucket="missing"),
        "check R2_ENDPOINT and the network": used(endpoint=nobody),
        "R2_ENDPOINT must be an http or https address": used(endpoint="not an address"),
        "set R2_ACCESS_KEY_ID and R2_SECRET_ACCESS_KEY": used(access_key_id=""),
        "'a bucket'": used(bucket="a bucket"),
    }
    server.faults.refuse_all = 403
    errors["the server refuses the keys; check R2_ACCESS_KEY_ID"] = used()
    for sentence, error in errors.items():
        assert sentence in error.user_message
        assert KEY not in _everything(error) and SECRET not in _everything(error)
    assert SECRET not in repr(vars(S3Storage(_options(server))))


# -- presigned URLs -------------------------------------------------------------------------------


def test_a_put_is_streamed_with_its_length_and_type(
    presigned: PresignedStorage, server: FaultyServer, clip: Path
) -> None:
    presigned.put(JOB, "clip_01.mp4", clip)
    method, path = server.requests[-1]
    assert (method, path) == ("PUT", CLIP)
    assert server.headers[-1]["content-length"] == "300000"
    assert server.headers[-1]["content-type"] == "video/mp4"
    assert "transfer-encoding" not in server.headers[-1]


def test_the_same_content_is_not_sent_through_a_url_again(
    presigned: PresignedStorage, server: FaultyServer, clip: Path
) -> None:
    for _ in range(2):
        presigned.put(JOB, "clip_01.mp4", clip)
    assert server.count("PUT") == 1 and server.count("HEAD") == 0


@pytest.mark.parametrize("statuses", [[500, 503], [429, 429]])
def test_a_url_is_tried_again_after_a_server_error(
    statuses: list[int], presigned: PresignedStorage, server: FaultyServer, clip: Path
) -> None:
    server.faults.statuses = list(statuses)
    presigned.put(JOB, "clip_01.mp4", clip)
    server.faults.statuses = list(statuses)
    assert presigned.names(JOB) == ("clip_01.mp4",)
    server.faults.statuses = list(statuses)
    assert presigned.get(JOB, "clip_01.mp4", clip.with_name("back"))


def test_one_connection_serves_a_whole_listing(presigned: PresignedStorage, server: FaultyServer) -> None:
    presigned.names(JOB)
    assert server.count("GET") == len(NAMES) and server.connections == 1


def test_a_name_without_a_url(presigned: PresignedStorage, clip: Path) -> None:
    with pytest.raises(StorageError, match=r"no presigned PUT URL for 'clip_02.mp4'"):
        presigned.put(JOB, "clip_02.mp4", clip)
    assert presigned.get(JOB, "clip_02.mp4", clip.with_name("back")) is False


def test_fresh_urls_are_used_as_soon_as_they_are_there(
    server: FaultyServer, moto: str, urls_file: Path, clip: Path
) -> None:
    store = PresignedStorage(urls_file, attempts=2, first_wait_s=0.01, silence_s=1)
    server.faults.refuse_all = 403
    with pytest.raises(StorageError, match=r"refuses its presigned URL \(403\).*hand over fresh URLs"):
        store.put(JOB, "clip_01.mp4", clip)
    with faulty_server(moto) as fresh:
        urls_file.write_text(json.dumps(_sign(fresh)))
        store.put(JOB, "clip_01.mp4", clip)
        assert store.names(JOB) == ("clip_01.mp4",)


def test_an_upload_needs_no_get_url_that_works(
    presigned: PresignedStorage, server: FaultyServer, clip: Path
) -> None:
    """AWS answers 403 to a GET of what is not there when the signer may not list the bucket."""
    server.faults.statuses = [403]
    presigned.put(JOB, "clip_01.mp4", clip)
    assert server.requests[-1] == ("PUT", CLIP)


def test_redirects_are_not_followed(presigned: PresignedStorage, server: FaultyServer, clip: Path) -> None:
    server.faults.redirect_to = f"{server.url}/elsewhere"
    with pytest.raises(StorageError, match=r"redirects \(307\), which is not followed"):
        presigned.put(JOB, "clip_01.mp4", clip)
    assert [path for _, path in server.requests] == [CLIP]


def test_a_silent_storage_is_given_up(server: FaultyServer, urls_file: Path, clip: Path) -> None:
    server.faults.silence_s = 30
    store = PresignedStorage(urls_file, attempts=2, first_wait_s=0.01, silence_s=0.2)
    with pytest.raises(StorageError, match="in 2 attempts"):
        store.put(JOB, "clip_01.mp4", clip)
    assert len(server.requests) == 2


@pytest.mark.parametrize("fault", ["expired", "down", "redirect", "closed"])
def test_no_url_gets_into_an_error_a_repr_or_a_log(
    fault: str,
    presigned: PresignedStorage,
    server: FaultyServer,
    clip: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    presigned.put(JOB, "clip_01.mp4", clip)
    server.faults.refuse_all = {"expired": 403, "down": 503}.get(fault, 0)
    server.faults.redirect_to = f"{server.url}/?X-Amz-Signature=abc" if fault == "redirect" else ""
    if fault == "closed":
        server.faults.truncated = 99
    with pytest.raises(StorageError) as caught:
        presigned.get(JOB, "clip_01.mp4", clip.with_name("back"))
    # moto's own server logs in this process too.
    logged = [record.getMessage() for record in caplog.records if record.name != "werkzeug"]
    assert any("httpcore" in record.name for record in caplog.records)
    shown = _everything(caught.value) + "\n".join(logged) + repr(presigned) + repr(vars(presigned))
    assert "clip_01.mp4" in shown
    assert "X-Amz-" not in shown and server.url not in shown


BAD_FILES = {
    "not JSON": '{"put": {"edl.json": "https://s3.test/?X-Amz-Signature=abc"',
    "no JSON object": "[]",
    "something else than names": '{"put": ["edl.json"]}',
    "URL for 'edl.json'": '{"get": {"edl.json": "file:///etc/passwd?X-Amz-Signature=abc"}}',
    "URL for 'clip_01.mp4'": '{"put": {"clip_01.mp4": 5}}',
    "URL for 'clip_01.jpg'": '{"put": {"clip_01.jpg": "https://s3.test:port/?X-Amz-Signature=abc"}}',
    "URL for 'clip_01.srt'": '{"put": {"clip_01.srt": "https://s3..test/?X-Amz-Signature=abc"}}',
    "URL for 'clip_01.vtt'": '{"put": {"clip_01.vtt": "https:///jobs?X-Amz-Signature=abc"}}',
    "cannot be stored": '{"put": {"../edl.json": "https://s3.test/?X-Amz-Signature=abc"}}',
}


@pytest.mark.parametrize("sentence", BAD_FILES)
def test_a_bad_file_of_urls_is_named_and_not_quoted(sentence: str, clip: Path, tmp_path: Path) -> None:
    file = tmp_path / "urls.json"
    file.write_text(BAD_FILES[sentence])
    with pytest.raises(StorageError) as caught:
        PresignedStorage(file).put(JOB, "edl.json", clip)
    assert sentence in str(caught.value)
    assert "X-Amz-" not in _everything(caught.value)


def test_a_missing_file_of_urls_is_named(clip: Path, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"urls.json'.*put the file there"):
        PresignedStorage(tmp_path / "urls.json").names(JOB)
