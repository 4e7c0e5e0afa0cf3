"""Share links that cannot be made up, and a page that shows hostile words as words."""

from __future__ import annotations

import html
import json
import stat
from html.parser import HTMLParser
from pathlib import Path

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.web.share import TOKEN_LETTERS, Shares, page
from tests.sessions import session

HOSTILE = "</title><script>alert(1)</script>\"' onerror=x & <b>"


class Tags(HTMLParser):
    """Every element with its attributes, and all text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data


def read(text: str) -> Tags:
    tags = Tags()
    tags.feed(text)
    return tags


def clip(**more):
    return {
        "title": "A title",
        "reason": "A reason.",
        "length_ms": 12_499,
        "preview": "gradio_api/file=/r/c.mp4",
    } | more


@pytest.fixture
def shares(tmp_path) -> Shares:
    return Shares(tmp_path)


def test_a_link_leads_to_its_job_and_outlives_a_restart(shares, tmp_path):
    link = shares.address("kk_one").removeprefix("share/")
    assert shares.job_of(link) == "kk_one" and Shares(tmp_path).job_of(link) == "kk_one"
    assert len(link.partition(".")[2]) == TOKEN_LETTERS
    assert stat.S_IMODE((tmp_path / "share.key").stat().st_mode) == 0o600


def test_a_link_of_another_key_or_job_leads_nowhere(shares, tmp_path):
    link = shares.address("kk_one").removeprefix("share/")
    sign = link.partition(".")[2]
    assert Shares(tmp_path / "other").job_of(link) is None
    for other in ("kk_two", "kk_on", "kk_one ", "KK_ONE", ""):
        assert shares.job_of(f"{other}.{sign}") is None


@pytest.mark.parametrize(
    "change",
    [
        lambda sign: "", lambda sign: sign[:-1], lambda sign: sign + "a", lambda sign: sign.upper(),
        lambda sign: "a" + sign[1:] if sign[0] != "a" else "b" + sign[1:], lambda sign: f".{sign}",
        lambda sign: sign[:-1] + "é", lambda sign: "é" * 26, lambda sign: sign + "\0",
    ],
)  # fmt: skip
def test_a_changed_signature_leads_nowhere(shares, change):
    sign = shares.address("kk_one").partition(".")[2]
    assert shares.job_of(f"kk_one.{change(sign)}") is None


@given(link=st.text() | st.text().map(lambda sign: f"kk_one.{sign}"))
@settings(max_examples=100)
def test_no_text_is_a_link(tmp_path_factory, link):
    folder = tmp_path_factory.getbasetemp() / "made-up-links"
    assert Shares(folder).job_of(link) is None


def test_hostile_words_stay_words():
    text = page(HOSTILE, [clip(title=HOSTILE, reason=HOSTILE, preview=f"file={HOSTILE}")])
    tags = read(text)
    names = [name for name, _ in tags.tags]
    assert "script" not in names and "b" not in names
    assert names == [
        "html", "head", "meta", "meta", "meta", "title", "style", "body", "header", "p", "h1", "main",
        "article", "video", "h2", "p", "p",
    ]  # fmt: skip
    assert tags.text.count("alert(1)") == 4
    video = dict(tags.tags)["video"]
    assert video["aria-label"] == HOSTILE and set(video) == {
        "controls",
        "playsinline",
        "preload",
        "src",
        "aria-label",
    }
    assert video["src"] == f"../file={HOSTILE}#t=0.5"


@given(st.text(st.characters(blacklist_categories=["Cs", "Cc"])))
@settings(max_examples=100, deadline=None)
def test_every_title_is_shown_as_it_is(title):
    assert [dict(tags.tags)["video"]["aria-label"] for tags in [read(page(title, [clip(title=title)]))]] == [
        title
    ]


def test_a_page_without_a_title_or_clips_says_so():
    text = page("", [])
    assert '<h1 dir="auto">Clips</h1>' in text and "no clips to see yet" in text
    assert "noindex" in text


def test_a_length_is_told_in_seconds():
    assert '<p class="facts">12 s</p>' in page("T", [clip()])


@pytest.mark.slow
def test_a_shared_job_is_seen_by_who_has_the_link_and_nobody_else(tmp_path, film, subtitles):
    """Alone on a laptop, over a real session: the words of the film are what somebody else wrote."""
    hostile = tmp_path / "hostile.json"
    cues = json.loads(subtitles.read_text(encoding="utf-8"))
    for cue in cues:
        words = cue["text"].split()
        cue["text"] = " ".join(["<img/src=x/onerror=alert(1)>", *words[1:]])
    hostile.write_text(json.dumps(cues), encoding="utf-8")
    with session(tmp_path / "session") as made, made.client() as visitor:
        done = made.result(
            "generate_clips", upload=made.upload(film), transcript=made.upload(hostile),
            min_seconds=8, max_seconds=16, count=1,
        )  # fmt: skip
        shared = made.page()("share_job", job_id=done["job_id"])["value"]["url"]
        answer = visitor.get(shared)
        assert answer.status_code == 200 and "default-src 'none'" in answer.headers["content-security-policy"]
        tags = read(answer.text)
        assert "img" not in [name for name, _ in tags.tags] and "onerror" in html.unescape(answer.text)
        preview = dict(tags.tags)["video"]["src"]
        assert visitor.get(f"{made.base}share/{preview}").headers["content-type"] == "video/mp4"
        sign = shared.partition(".")[2]
        wrong = [f"{shared}a", shared[:-1], f"share/kk_other.{sign}", f"share/{done['job_id']}.", "share/x",
                 f"share/{done['job_id']}.{'a' * 26}", f"share/{done['job_id']}.{'%C3%A9' * 26}"]  # fmt: skip
        for link in wrong:
            refusal = visitor.get(link)
            assert refusal.status_code == 404 and done["job_id"] not in refusal.text, link
        assert Path(preview).name.startswith("clip_01.preview.mp4")
        assert httpx.get(f"{made.base}{shared}", headers={"host": "evil.example"}).status_code == 403
