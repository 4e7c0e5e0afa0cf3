"""DOWNLOAD over real HTTP, with the real yt-dlp in its child process behind the real proxy."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import ffmpeg
import pytest

from pipeline.errors import NotMedia, Refused, SourceError, TooBig
from pipeline.ingest import fingerprint, ingest, ingest_address
from pipeline.media import Ffmpeg
from pipeline.net.egress import GuardedProxy
from pipeline.options import IngestOptions
from pipeline.records import Source, Wish
from tests.websites import SmallInternet, Website

PUBLIC = "93.184.215.14"
OPEN = IngestOptions(allow_private_addresses=True, retries=1, stall_timeout_s=20, total_timeout_s=60)
CLOSED = replace(OPEN, allow_private_addresses=False)
ENGINE = Ffmpeg.bundled()

PAGE = """<html><head><title>A talk of ours</title></head><body><video>
<source src="/talk.mp4" type="video/mp4">
<track kind="subtitles" src="/de.vtt" srclang="de"><track kind="subtitles" src="/en.vtt" srclang="en">
</video></body></html>"""
TWO_VIDEOS = '<html><title>Two</title><video src="/talk.mp4"></video><video src="/b/talk.mp4"></video></html>'
DASH = """<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"
 mediaPresentationDuration="PT3S" profiles="urn:mpeg:dash:profile:isoff-on-demand:2011"><Period>
<AdaptationSet mimeType="video/mp4"><Representation id="v" bandwidth="90000" width="320" height="180"
 codecs="avc1.42c00c"><BaseURL>picture.mp4</BaseURL></Representation></AdaptationSet>
<AdaptationSet mimeType="audio/mp4"><Representation id="a" bandwidth="64000" codecs="mp4a.40.2">
<BaseURL>sound.m4a</BaseURL></Representation></AdaptationSet></Period></MPD>"""
DESCRIBED = """<html><title>Talk</title><script type="application/ld+json">{"@context": "https://schema.org",
"@type": "VideoObject", "name": "Talk", "contentUrl": "{url}/talk.mp4", {more}}</script></html>"""
HLS = "#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\n{segment}\n#EXT-X-ENDLIST\n"
VTT = "WEBVTT\n\n00:00.000 --> 00:02.000\nHello.\n"


def make_media(folder: Path) -> None:
    """A 3 s film of 320x180 with a tone, whole, in two files, as WebM and as a transport stream."""
    picture = ffmpeg.input("testsrc2=size=320x180:rate=25:duration=3", f="lavfi")
    sound = ffmpeg.input("sine=frequency=440:duration=3", f="lavfi")
    plain = {"vcodec": "libx264", "acodec": "aac", "pix_fmt": "yuv420p", "preset": "ultrafast"}
    for name, streams, options in (
        ("talk.mp4", (picture, sound), plain),
        ("picture.mp4", (picture,), {"vcodec": "libx264", "pix_fmt": "yuv420p", "preset": "ultrafast"}),
        ("sound.m4a", (sound,), {"acodec": "aac"}),
        ("talk.ts", (picture, sound), plain),
        ("talk.webm", (picture, sound), {"vcodec": "libvpx-vp9", "acodec": "libopus", "cpu-used": 8}),
    ):
        ENGINE.run(ffmpeg.output(*streams, str(folder / name), **options), timeout_s=60)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Website]:
    folder = tmp_path_factory.mktemp("site")
    make_media(folder)
    (folder / "b").mkdir()
    shutil.copy(folder / "talk.mp4", folder / "b" / "talk.mp4")
    for name, text in (
        ("page.html", PAGE),
        ("two.html", TWO_VIDEOS),
        ("empty.html", "<html><body>Nothing to see.</body></html>"),
        ("dash.mpd", DASH),
        ("live.mpd", DASH.replace("static", "dynamic")),
        ("hls.m3u8", HLS.format(segment="talk.ts")),
        ("inward.m3u8", HLS.format(segment="http://127.0.0.1:1/talk.ts")),
        ("local.m3u8", HLS.format(segment="file:///etc/passwd")),
        ("local.html", '<html><video src="file:///etc/passwd"></video></html>'),
        ("en.vtt", VTT),
        ("de.vtt", VTT.replace("Hello", "Hallo")),
    ):
        (folder / name).write_text(text)
    with Website(folder) as running:
        long = DESCRIBED.replace("{url}", running.url).replace("{more}", '"duration": "PT5H"')
        (folder / "long.html").write_text(long)
        yield running


def quiet(fraction: float, message: str) -> None:
    assert 0 <= fraction <= 1 and message


def fetch(url: str, folder: Path, options: IngestOptions = OPEN, **wish: str) -> Source:
    return ingest(Wish(url, **wish), folder, options, ENGINE, quiet)  # type: ignore[arg-type]


# -- what works -----------------------------------------------------------------------------------


def test_a_direct_link_is_downloaded_and_checked(site: Website, tmp_path: Path) -> None:
    said: list[tuple[float, str]] = []
    source = ingest(
        Wish(f"{site.url}/talk.mp4"), tmp_path, OPEN, ENGINE, lambda done, text: said.append((done, text))
    )
    assert source.path == tmp_path / "source.mp4"
    assert source.path.read_bytes() == (site.folder / "talk.mp4").read_bytes()
    assert (source.title, source.url) == ("talk", f"{site.url}/talk.mp4")
    assert (source.width, source.height, source.fps, source.duration_ms) == (320, 180, 25, 3000)
    assert [done for done, _ in said] == sorted(done for done, _ in said) and said[-1][0] == 1.0
    assert [file.name for file in tmp_path.iterdir()] == ["source.mp4"]


def test_redirects_and_webm_work(site: Website, tmp_path: Path) -> None:
    webm = fetch(f"{site.url}/redirect?to=/talk.webm", tmp_path / "webm")
    assert (webm.video_codec, webm.audio_codec, webm.path.suffix) == ("vp9", "opus", ".webm")


@pytest.mark.slow
def test_hls_works(site: Website, tmp_path: Path) -> None:
    hls = fetch(f"{site.url}/hls.m3u8", tmp_path / "hls")
    assert (hls.video_codec, hls.duration_ms // 100) == ("h264", 30)


def test_picture_and_sound_that_come_apart_are_joined(site: Website, tmp_path: Path) -> None:
    source = fetch(f"{site.url}/dash.mpd", tmp_path)
    assert (source.video_codec, source.audio_codec) == ("h264", "aac")
    assert [file.name for file in tmp_path.iterdir()] == ["source.mp4"]


@pytest.mark.parametrize(
    ("language", "word"), [("de-AT", "Hallo"), pytest.param("fr", "", marks=pytest.mark.slow)]
)
def test_human_subtitles_come_in_the_language_of_the_wish(
    site: Website, tmp_path: Path, language: str, word: str
) -> None:
    source = fetch(f"{site.url}/page.html", tmp_path, language=language)
    assert source.title == "A talk of ours"
    if word:
        assert source.subtitles == tmp_path / "subtitles.vtt"
        assert word in source.subtitles.read_text()
        assert source.subtitles_language == language[:2]
    else:
        assert source.subtitles is None


@pytest.mark.slow
def test_a_broken_download_goes_on_where_it_stopped(site: Website, tmp_path: Path) -> None:
    whole = (site.folder / "talk.mp4").read_bytes()
    (tmp_path / "download.mp4.media.part").write_bytes(whole[:5000])
    site.asked.clear()
    assert fetch(f"{site.url}/talk.mp4", tmp_path).path.read_bytes() == whole
    assert "GET /talk.mp4 bytes=5000-" in site.asked


def test_the_cookies_file_is_read_and_never_written(site: Website, tmp_path: Path) -> None:
    cookies = tmp_path / "cookies.txt"
    cookies.write_text("# Netscape HTTP Cookie File\n127.0.0.1\tFALSE\t/\tFALSE\t0\tseat\t12\n")
    before = cookies.read_bytes()
    cookies.chmod(0o400)
    fetch(f"{site.url}/talk.mp4", tmp_path / "job", replace(OPEN, cookies_file=cookies))
    assert cookies.read_bytes() == before
    with pytest.raises(SourceError, match="cookies file"):
        fetch(f"{site.url}/talk.mp4", tmp_path / "job", replace(OPEN, cookies_file=tmp_path / "none"))


# -- what is refused, and in which words ----------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "error", "words"),
    [
        ("/status/403", Refused, "(403)"),
        pytest.param("/status/404", Refused, "(404)", marks=pytest.mark.slow),
        pytest.param("/status/500", SourceError, "in trouble itself (500)", marks=pytest.mark.slow),
        pytest.param("/empty.html", Refused, "site is not supported", marks=pytest.mark.slow),
        ("/two.html", Refused, "holds 2 videos"),
        ("/huge", TooBig, "larger than the 8.0 GB"),
    ],
)
def test_the_reason_is_named(
    site: Website, tmp_path: Path, path: str, error: type[SourceError], words: str
) -> None:
    with pytest.raises(error, match=re.escape(words)) as caught:
        fetch(site.url + path, tmp_path)
    assert caught.value.user_message.count(". ") == 0
    assert "kangklip:" not in caught.value.detail


def test_unknown_names_are_named(tmp_path: Path, site: Website) -> None:
    net = SmallInternet(site, {})
    with (
        GuardedProxy(resolve=net.resolve, connect=net.connect) as proxy,
        pytest.raises(SourceError, match="cannot be found"),
    ):
        ingest_address(Wish("http://nowhere.example/a.mp4"), tmp_path, CLOSED, ENGINE, quiet, proxy)


def test_an_endless_body_is_stopped_at_the_limit(site: Website, tmp_path: Path) -> None:
    with pytest.raises(TooBig, match="allowed"):
        fetch(f"{site.url}/endless", tmp_path, replace(OPEN, max_size_bytes=3_000_000))
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) < 8_000_000


@pytest.mark.parametrize(
    ("limit", "words"),
    [
        ("stall_timeout_s", "sent nothing for 3 s"),
        pytest.param("total_timeout_s", "more than the 3 s", marks=pytest.mark.slow),
    ],
)
def test_a_silent_site_is_given_up(site: Website, tmp_path: Path, limit: str, words: str) -> None:
    options = replace(OPEN, **{limit: 3})
    with pytest.raises(SourceError, match=words):
        fetch(f"{site.url}/stalled", tmp_path, options)


@pytest.mark.parametrize(
    ("page", "error", "words"),
    [("long.html", TooBig, "lasts 5:00:00, but at most 4:00:00"), ("live.mpd", Refused, "is a live stream")],
)
def test_long_and_live_are_refused_before_the_download(
    site: Website, tmp_path: Path, page: str, error: type[SourceError], words: str
) -> None:
    with pytest.raises(error, match=words):
        fetch(f"{site.url}/{page}", tmp_path)
    assert list(tmp_path.iterdir()) == []


# -- no way into a private network ----------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:{port}/talk.mp4",
        "http://2130706433:{port}/talk.mp4",
        "http://0177.0.0.1:{port}/talk.mp4",
        "http://[::ffff:127.0.0.1]:{port}/talk.mp4",
        "http://localhost:{port}/talk.mp4",
        "http://169.254.169.254/latest/meta-data/",
        "file:///etc/passwd",
        "ftp://127.0.0.1/talk.mp4",
        "gopher://127.0.0.1/",
        "data:video/mp4;base64,AAAA",
        "ytsearch:talk",
    ],
)
def test_addresses_that_are_refused_at_once(site: Website, tmp_path: Path, url: str) -> None:
    site.asked.clear()
    with pytest.raises(Refused):
        fetch(url.replace("{port}", str(site.server_port)), tmp_path, CLOSED)
    assert site.asked == []


MORE_WAYS_INSIDE = (
    "/redirect?to=http://inside.example/talk.mp4",
    "/redirect?to=http://[::1]:{port}/talk.mp4",
    "/redirect?to=http://0x7f000001:{port}/talk.mp4",
    "/redirect?to=http://169.254.169.254/talk.mp4",
    "/redirect?to=https://127.0.0.1:{port}/talk.mp4",
    "/redirect?to=/redirect%3Fto=http://127.0.0.1:{port}/talk.mp4",
    "/redirect?to=file:///etc/passwd",
    "/redirect?to=ftp://127.0.0.1:{port}/talk.mp4",
    "/local.m3u8",
)


@pytest.mark.parametrize(
    "path",
    [
        "/redirect?to=http://127.0.0.1:{port}/talk.mp4",
        "/inward.m3u8",
        "/local.html",
        *(pytest.param(path, marks=pytest.mark.slow) for path in MORE_WAYS_INSIDE),
    ],
)
def test_a_public_site_cannot_lead_inside(site: Website, tmp_path: Path, path: str) -> None:
    names = {"talks.example": [[PUBLIC]], "inside.example": [["10.0.0.5"]]}
    net = SmallInternet(site, names)
    url = "http://talks.example" + path.replace("{port}", str(site.server_port))
    site.asked.clear()
    with (
        GuardedProxy(resolve=net.resolve, connect=net.connect) as proxy,
        pytest.raises(SourceError),
    ):
        ingest_address(Wish(url), tmp_path, CLOSED, ENGINE, quiet, proxy)
    assert set(net.connections) == {PUBLIC}
    assert not [asked for asked in site.asked if "talk.mp4" in asked and "redirect" not in asked]


def test_a_name_that_changes_its_address_leads_nowhere(site: Website, tmp_path: Path) -> None:
    net = SmallInternet(site, {"rebinding.example": [[PUBLIC], ["127.0.0.1"]]})
    with (
        GuardedProxy(resolve=net.resolve, connect=net.connect) as proxy,
        pytest.raises(Refused, match="private network"),
    ):
        ingest_address(Wish("http://rebinding.example/talk.mp4"), tmp_path, CLOSED, ENGINE, quiet, proxy)
    assert len(net.lookups) >= 2
    assert net.connections == [PUBLIC]


@pytest.mark.slow
def test_a_public_name_works(site: Website, tmp_path: Path) -> None:
    net = SmallInternet(site, {"talks.example": [[PUBLIC]]})
    with GuardedProxy(resolve=net.resolve, connect=net.connect) as proxy:
        source = ingest_address(Wish("http://talks.example/talk.mp4"), tmp_path, CLOSED, ENGINE, quiet, proxy)
    assert source.duration_ms == 3000


# -- local files ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["-y talk.mp4", "talk: of\n'ours' \"&;$(x).mp4", "выступление 講演.mp4"])
def test_local_files_stay_where_they_are(
    site: Website, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(site.folder / "talk.mp4", tmp_path / name)
    monkeypatch.chdir(tmp_path)
    source = fetch(name, tmp_path / "job")
    assert source.path == tmp_path / name
    assert source.title and "\n" not in source.title
    assert not (tmp_path / "job").exists()


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    for name, words in (
        (str(tmp_path), "is a folder"),
        (str(tmp_path / "pipe.mp4"), "device or pipe"),
        ("/dev/zero", "device or pipe"),
        (str(tmp_path / "none.mp4"), "no file"),
        ("www.example.org/talk", "https://"),
        ("", "No video was named"),
    ):
        with pytest.raises(SourceError, match=words):
            fetch(name, tmp_path)


def test_the_limits_hold_for_local_files(site: Website, tmp_path: Path) -> None:
    talk = str(site.folder / "talk.mp4")
    with pytest.raises(TooBig, match=r"at most 1\.0 kB"):
        fetch(talk, tmp_path, replace(OPEN, max_size_bytes=1000))
    with pytest.raises(TooBig, match="at most 0:00:02"):
        fetch(talk, tmp_path, replace(OPEN, max_duration_s=2))
    with pytest.raises(NotMedia, match="no sound"):
        fetch(str(site.folder / "picture.mp4"), tmp_path)


def test_the_fingerprint_stands_for_the_content(site: Website, tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.write_bytes(b"abc")
    assert fingerprint(small) == hashlib.sha256((3).to_bytes(8, "big") + b"abc" * 3).hexdigest()
    copy = tmp_path / "copy"
    shutil.copy(site.folder / "talk.mp4", copy)
    assert fingerprint(copy) == fingerprint(site.folder / "talk.mp4")
    with copy.open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"\xff\xff")
    assert fingerprint(copy) != fingerprint(site.folder / "talk.mp4")


def test_the_child_of_a_download_starts_no_program_but_the_javascript_runtime():
    """YouTube needs deno; it runs under the child's memory limit, and nothing else runs at all."""
    script = """
import resource, subprocess, sys
from pathlib import Path
from pipeline.net.download import CHILD_MEMORY_BYTES
from pipeline.net.ytdlp import close_other_ways
resource.setrlimit(resource.RLIMIT_DATA, (CHILD_MEMORY_BYTES, CHILD_MEMORY_BYTES))
deno = str(Path(sys.executable).with_name("deno"))
close_other_ways("http://u:p@127.0.0.1:9", deno)
script = "console.log(6 * 7)"
said = subprocess.run([deno, "run", "--no-remote", "-"], input=script, capture_output=True, text=True)
try:
    subprocess.run(["ls"])
except PermissionError:
    print(said.stdout.strip(), "refused")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "42 refused", done.stderr
