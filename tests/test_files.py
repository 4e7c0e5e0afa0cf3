"""Released files over real HTTP: ranges, types, and everything that is not a released file."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from node.web.door import Door, Rules
from node.web.files import Files
from node.web.showcase import Showcase
from node.web.token import digest
from tests.nodes import Node, serving

FILM = bytes(range(256)) * 4096
TOKEN = "files-token"


class Behind:
    """An app that must never be reached."""

    reached = 0

    async def __call__(self, scope, receive, send):
        if scope["type"] == "http":
            Behind.reached += 1
            raise RuntimeError("a file request came through the door")


class Place:
    def __init__(self, folder: Path) -> None:
        self.job = folder / "jobs" / "kk_1"
        self.job.mkdir(parents=True)
        (self.job / "clip_01.mp4").write_bytes(FILM)
        self.temp = folder / "temp"
        self.showcase = Showcase(self.temp)
        self.path = self.showcase.release(self.job, "clip_01.mp4")
        self.node = Node(0, folder)

    def put(self, name: str, data: bytes = b"data") -> Path:
        (self.job / name).write_bytes(data)
        return self.showcase.release(self.job, name)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    place = Place(tmp_path_factory.mktemp("files").resolve())
    rules = Rules(digest(TOKEN), frozenset(), lambda: "", frozenset())
    with serving(Door(Behind(), rules, Files(place.temp))) as port:
        place.node = Node(port, place.job, TOKEN)
        yield place


@pytest.fixture
def client(place: Place) -> Iterator[httpx.Client]:
    with place.node.client() as client:
        yield client


def get(client, place, **headers):
    return client.get(place.showcase.url(place.path), headers=headers)


def test_the_whole_file_comes_with_its_type_and_an_etag(client, place):
    answer = get(client, place)
    assert answer.status_code == 200 and answer.content == FILM
    assert answer.headers["content-type"] == "video/mp4"
    assert answer.headers["content-disposition"] == 'inline; filename="clip_01.mp4"'
    assert answer.headers["cache-control"] == "private, max-age=3600"
    assert answer.headers["accept-ranges"] == "bytes"
    again = get(client, place, **{"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304 and not again.content


SIZE = len(FILM)


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-", 0, SIZE),
        ("bytes=1000-", 1000, SIZE),
        ("bytes=0-0", 0, 1),
        ("bytes=5-700000", 5, 700001),
        (f"bytes=10-{SIZE * 2}", 10, SIZE),
        ("bytes=-7", SIZE - 7, SIZE),
        (f"bytes=-{SIZE * 3}", 0, SIZE),
    ],
)
def test_a_range_is_answered_with_just_that_range(client, place, asked, start, end):
    answer = get(client, place, Range=asked)
    assert answer.status_code == 206
    assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/{SIZE}"
    assert answer.content == FILM[start:end]


def test_several_ranges_come_as_parts(client, place):
    answer = get(client, place, Range="bytes=0-3,1000-1003,-4")
    assert answer.status_code == 206
    boundary = re.fullmatch(r"multipart/byteranges; boundary=(\w+)", answer.headers["content-type"])[1]
    parts = answer.content.split(f"--{boundary}".encode())[1:-1]
    bodies = [part.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n") for part in parts]
    assert bodies == [FILM[:4], FILM[1000:1004], FILM[-4:]]
    assert len(answer.content) == int(answer.headers["content-length"])


@pytest.mark.parametrize("asked", [f"bytes={SIZE}-", f"bytes={SIZE + 5}-{SIZE + 9}", "bytes=-0"])
def test_a_range_past_the_end_is_416_with_the_size(client, place, asked):
    answer = get(client, place, Range=asked)
    assert answer.status_code == 416 and answer.headers["content-range"] == f"bytes */{SIZE}"


@pytest.mark.parametrize(
    "asked",
    ["bytes=", "bytes=-", "bytes=a-b", "bytes=9-3", "lines=1-2", "5-9", "bytes=1_0-20", "bytes=١-٢",
     "bytes=0x1-5", "bytes=1-2-3", "bytes=--5", "bytes=" + "9" * 40 + "-",
     "bytes=" + ",".join(["0-1"] * 500)],
)  # fmt: skip
def test_what_is_no_range_gives_the_whole_file(client, place, asked):
    answer = client.get(place.showcase.url(place.path), headers={"Range": asked.encode()})
    assert answer.status_code == 200 and answer.content == FILM


def test_a_range_of_a_file_that_changed_gives_the_whole(client, place):
    etag = get(client, place).headers["etag"]
    assert get(client, place, Range="bytes=0-9", **{"If-Range": etag}).status_code == 206
    assert get(client, place, Range="bytes=0-9", **{"If-Range": '"other"'}).content == FILM


def test_head_says_the_same_without_the_file(client, place):
    answer = client.head(place.showcase.url(place.path))
    assert answer.status_code == 200 and not answer.content
    assert int(answer.headers["content-length"]) == SIZE
    ranged = client.head(place.showcase.url(place.path), headers={"Range": "bytes=0-9"})
    assert ranged.status_code == 206 and ranged.headers["content-length"] == "10"


def test_an_empty_file_is_served(client, place):
    path = place.put("empty.json", b"")
    assert client.get(place.showcase.url(path)).content == b""
    assert client.get(place.showcase.url(path), headers={"Range": "bytes=0-"}).status_code == 416


@pytest.mark.parametrize(
    ("name", "kind", "manner"),
    [
        ("clip_01.jpg", "image/jpeg", "inline"),
        ("clip_01.srt", "text/plain; charset=utf-8", "attachment"),
        ("clip_01.vtt", "text/vtt; charset=utf-8", "attachment"),
        ("edl.json", "application/json", "attachment"),
        ("project.zip", "application/zip", "attachment"),
        ("page.html", "application/octet-stream", "attachment"),
        ("drawing.svg", "application/octet-stream", "attachment"),
        ("noname", "application/octet-stream", "attachment"),
    ],
)
def test_only_films_and_pictures_are_shown_in_place(client, place, name, kind, manner):
    answer = client.get(place.showcase.url(place.put(name, b"<script>alert(1)</script>")))
    assert answer.headers["content-type"] == kind
    assert answer.headers["content-disposition"] == f'{manner}; filename="{name}"'
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_no_request_header_comes_back(client, place):
    secret = "s3cr3t-value"
    headers = {
        "Cookie": secret, "Authorization": secret, "X-Node-Secret": secret, "User-Agent": secret,
        "X-Forwarded-Host": secret, "X-Kangklip-Inner": secret,
    }  # fmt: skip
    for ranged in ({}, {"Range": "bytes=0-99"}, {"Range": "bytes=0-"}, {"Range": "bytes=0-1,5-6"}):
        answer = client.head(place.showcase.url(place.path), headers=headers | ranged)
        assert secret not in str(answer.headers) and TOKEN not in str(answer.headers)


def hostile(place):
    good = str(place.path)
    sha = "d" * 64
    own = place.temp / sha
    own.mkdir(exist_ok=True)
    (own / "secret.mp4").write_bytes(b"the visitor's own film")
    folder = place.path.parent
    if not (folder / "link.mp4").is_symlink():
        (folder / "link.mp4").symlink_to("/etc/passwd")
        (folder.parent / ("e" * 32)).symlink_to(own)
        (folder / ".hidden.mp4").write_bytes(b"hidden")
        (folder / "folder.mp4").mkdir()
    return [
        "/etc/passwd", "etc/passwd", "", "/", ".", "..", "/proc/self/environ", "~/.bashrc", "settings.py",
        str(own / "secret.mp4"), str(place.job / "clip_01.mp4"), str(folder), str(folder.parent), ".env",
        f"{folder}/",
        f"{folder}/link.mp4", f"{folder.parent}/{'e' * 32}/secret.mp4", f"{folder}/.hidden.mp4",
        f"{folder}/folder.mp4", f"{folder}/../{folder.name}/clip_01.mp4", f"{folder}/./clip_01.mp4",
        f"{folder}//clip_01.mp4", f"/{good}", f"{good}/", f"{good}/.", f"{good}\0", f"{good}\n", f"{good}%00",
        f"{good}\\..\\x", good.upper(), f"{folder}/%2e%2e/clip_01.mp4", f"{folder}/absent.mp4", f"{good} ",
        f"{folder.parent}/{sha}/secret.mp4", f"file://{good}", f"FILE:{good}", "http://127.0.0.1:9/x",
        "https://example.com/a.mp4", "HTTPS://example.com", "http:/example.com", "//example.com/x",
        "data:text/html,x",
        good.lstrip("/"), f"{place.temp}/../jobs/kk_1/clip_01.mp4", f"{good}?x", f"{good};x", "\ufffd", "é",
    ]  # fmt: skip


def test_nothing_else_is_given_out_however_it_is_written(place):
    Behind.reached = 0
    for path in hostile(place):
        for form in (quote(path), quote(path, safe=""), quote(quote(path))):
            answer = place.node.get_raw(f"/gradio_api/file={form}")
            status = int(answer[9:12])
            assert status in (400, 403, 404), (path, form, answer[:300])
            assert b"root:" not in answer and FILM[:64] not in answer and b"own film" not in answer
    assert Behind.reached == 0


def test_links_elsewhere_are_refused_with_a_sentence(client):
    for link in ("http://127.0.0.1:9/x", "https://example.com/a"):
        answer = client.get(f"/gradio_api/file={quote(link, safe='')}")
        assert answer.status_code in (403, 404) and "detail" in answer.json()
    assert client.get("/gradio_api/file=https:x").status_code == 403


def test_a_withdrawn_file_is_gone(client, place):
    other = place.job.parent / "kk_2"
    other.mkdir(exist_ok=True)
    (other / "clip_01.mp4").write_bytes(b"short")
    url = place.showcase.url(place.showcase.release(other, "clip_01.mp4"))
    assert client.get(url).content == b"short"
    place.showcase.withdraw("kk_2")
    gone = client.get(url)
    assert gone.status_code == 404 and "gone" in gone.json()["detail"]
