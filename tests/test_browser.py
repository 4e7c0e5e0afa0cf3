"""A person's way through the page in a real browser: start, watch, reload, edit, take away, share, cancel."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path

import ffmpeg
import pytest

from tests.browsers import DESKTOP, PHONE, needs_chromium, visitor
from tests.films import TALK, WORDS
from tests.sessions import session
from tests.slow_line import slowed

NAMELESS = (Path(__file__).parent / "nameless.js").read_text(encoding="utf-8")
SHIFTS = (Path(__file__).parent / "shifts.js").read_text(encoding="utf-8")
CONTRAST = (Path(__file__).parent / "contrast.js").read_text(encoding="utf-8")

pytestmark = [pytest.mark.slow, needs_chromium]


@pytest.fixture(scope="module")
def open_session(tmp_path_factory):
    with session(tmp_path_factory.mktemp("browser")) as made:
        yield made


@pytest.fixture(scope="module")
def sample_words(tmp_path_factory):
    """The sample talk's true sentences, so that it needn't be listened to."""
    path = tmp_path_factory.mktemp("words") / "own.json"
    sentences = json.loads(WORDS.read_text(encoding="utf-8"))["sentences"]
    cues = [{"start": s["start_ms"] / 1000, "end": s["end_ms"] / 1000, "text": s["text"]} for s in sentences]
    path.write_text(json.dumps(cues), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def done(open_session, film, subtitles):
    """The id of a finished job of two clips."""
    made = open_session.result(
        "generate_clips", upload=open_session.upload(film), transcript=open_session.upload(subtitles),
        count=2, min_seconds=8, max_seconds=16,
    )  # fmt: skip
    return made["job_id"]


@pytest.fixture(params=[DESKTOP, PHONE], ids=["desktop", "phone"])
def shape(request):
    return request.param


@pytest.fixture
def wrong():
    """What the browser complained of; nothing, in the end."""
    found: list[str] = []
    yield found
    assert not found


@pytest.fixture(scope="module")
def silent(tmp_path_factory, engine):
    """A film in which nobody speaks."""
    path = tmp_path_factory.mktemp("silent") / "silent.mp4"
    picture = ffmpeg.input("testsrc2=size=320x180:rate=15:duration=30", f="lavfi")
    sound = ffmpeg.input("anullsrc=duration=30", f="lavfi")
    engine.run(
        picture.output(sound, str(path), shortest=None, **{"c:v": "libx264", "preset": "ultrafast"}),
        timeout_s=60,
    )
    return path


def opened(page, open_session, job_id):
    page.goto(f"{open_session.base}?job={job_id}")
    page.wait_for_selector(".kk-word")
    return page


def fresh(page):
    """Wait until the preview shows the clip as it is edited."""
    page.wait_for_function("document.querySelector('.kk-veil').hidden", timeout=90_000)


def test_the_sample_becomes_clips_and_a_reload_comes_back_to_it(open_session, sample_words, wrong, shape):
    with visitor(wrong, **shape) as page:
        page.goto(open_session.base)
        page.click("#kk-advanced button")
        page.set_input_files("#kk-transcript input[type=file]", str(sample_words))
        page.wait_for_selector("#kk-transcript :text('own.json')")
        assert page.input_value("#kk-shortest textarea, #kk-shortest input") == ""
        page.fill("#kk-longest textarea, #kk-longest input", "30")
        page.click("#kk-style label:has-text('Bold')")
        page.click("#kk-sample")
        page.wait_for_url("**job=kk_*")
        page.wait_for_selector(".kk-stage.kk-running")
        assert page.locator(".kk-stage").count() == 6
        assert page.locator(".kk-receipt").count() == 0
        address = page.url
        page.reload()
        assert page.url == address
        page.wait_for_selector(".kk-live-list li")
        page.wait_for_selector(".kk-card", timeout=120_000)
        assert page.locator(".kk-side .kk-live-list li, .kk-map").count(), "the transcript stays beside it"
        page.wait_for_function("document.querySelector('.kk-video').readyState >= 2")
        page.wait_for_selector(".kk-map", timeout=120_000)
        assert page.locator(".kk-card").count() == 3
        lengths = re.findall(r"· ([\d.]+) s", page.locator(".kk-cards").inner_text())
        assert len(lengths) == 3 and all(20 <= float(length) <= 30 for length in lengths)
        assert page.locator(".kk-status-SUCCEEDED").count() == 1
        assert "forecast" in page.locator(".kk-receipt").inner_text()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing sticks out"


def test_a_link_that_cannot_be_used_is_refused_with_a_sentence(open_session, wrong, shape):
    with visitor(wrong, **shape) as page:
        page.goto(open_session.base)
        page.fill("#kk-link input, #kk-link textarea", "ftp://example.com/a.mp4")
        page.click("#kk-go")
        page.wait_for_selector(".kk-toast:has-text('begins with http')")
        assert "job=" not in page.url


def test_an_upload_tells_how_far_it_is(open_session, wrong, shape):
    with slowed(open_session.port, 2.5e6) as port, visitor(wrong, **shape) as page:
        page.goto(f"http://127.0.0.1:{port}/")
        page.set_input_files("#kk-upload input[type=file]", str(TALK))
        told = []
        page.wait_for_selector(".kk-upload")
        while (shown := page.locator(".kk-upload")).count() and len(told) < 1000:
            told += shown.all_inner_texts()
        percents = [int(text.partition("%")[0]) for text in told]
        assert percents == sorted(percents) and len(set(percents)) > 5 and 0 < percents[-1] <= 100
        assert any(re.search(r"· 0:0\d left", text) for text in told)
        page.wait_for_selector("#kk-forecast [data-forecast]")


def test_nothing_jumps_while_the_page_comes_up(open_session, done, wrong, shape):
    with visitor(wrong, **shape) as page:
        page.goto(open_session.base)
        page.wait_for_selector("#kk-go")
        page.wait_for_timeout(1000)
        assert page.evaluate(SHIFTS) < 0.01
        opened(page, open_session, done)
        page.wait_for_timeout(1000)
        assert page.evaluate(SHIFTS) < 0.01


def test_a_file_that_is_no_film_is_refused_at_once(open_session, tmp_path, wrong, shape):
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no film at all" * 1000)
    with visitor(wrong, **shape) as page:
        page.goto(open_session.base)
        page.set_input_files("#kk-upload input[type=file]", str(broken))
        page.wait_for_selector("#kk-forecast .kk-bad", timeout=60_000)
        page.click("#kk-go")
        page.wait_for_selector(".kk-toast:has-text('broken.mp4')")
        assert page.locator(".kk-toast span").inner_text().endswith(".")
        assert "job=" not in page.url


def test_a_job_that_fails_says_why_and_what_to_do(open_session, silent, wrong, shape):
    with visitor(wrong, **shape) as page:
        page.goto(open_session.base)
        page.set_input_files("#kk-upload input[type=file]", str(silent))
        page.wait_for_selector("#kk-forecast [data-forecast]", timeout=60_000)
        page.click("#kk-go")
        page.wait_for_selector(".kk-problem.kk-bad", timeout=60_000)
        assert page.locator(".kk-problem-text").inner_text().endswith(".")
        page.click("[data-key=leave]")
        page.wait_for_selector("#kk-go")


def test_a_running_job_can_be_cancelled_and_taken_up_again(open_session, wrong, shape):
    with visitor(wrong, **shape) as page:
        page.on("dialog", lambda asked: asked.accept())
        page.goto(open_session.base)
        page.click("#kk-sample")
        page.wait_for_selector(".kk-live-list li", timeout=60_000)
        page.click("[data-key=cancel]")
        page.wait_for_selector(".kk-status-CANCELLED", timeout=30_000)
        page.click("[data-key=retry]")
        page.wait_for_selector(".kk-status-RUNNING, .kk-status-QUEUED")
        page.click("[data-key=cancel]")
        page.wait_for_selector(".kk-status-CANCELLED", timeout=30_000)


def test_words_are_cut_corrected_and_brought_back(open_session, done, wrong, shape):
    with visitor(wrong, **shape) as page:
        opened(page, open_session, done)
        length = page.locator(".kk-card .kk-quiet").first.inner_text()
        had_steps = not page.is_disabled("[data-key=tool-undo]")
        page.locator(".kk-word").nth(4).click()
        page.wait_for_selector(".kk-word.kk-cut")
        fresh(page)
        assert page.locator(".kk-card .kk-quiet").first.inner_text() != length
        page.click("[data-key=mode-fix] + span")
        page.locator(".kk-word").nth(1).click()
        page.fill(".kk-word-input", "KangKlip")
        page.keyboard.press("Enter")
        page.wait_for_selector(".kk-word.kk-changed:has-text('KangKlip')")
        fresh(page)
        page.click("[data-key=tool-undo]")
        page.wait_for_function("!document.querySelector('.kk-word.kk-changed')")
        page.locator("h2").first.click()
        page.keyboard.press("z")
        page.wait_for_function("!document.querySelector('.kk-word.kk-cut')")
        fresh(page)
        assert page.locator(".kk-card .kk-quiet").first.inner_text() == length
        assert page.is_disabled("[data-key=tool-undo]") is not had_steps
        page.keyboard.press("Shift+Z")
        page.wait_for_selector(".kk-word.kk-cut")
        page.click("[data-key=reset]")
        page.wait_for_function("!document.querySelector('.kk-word.kk-cut')")
        fresh(page)


def test_the_edges_move_by_sentences_also_beyond_the_choice(open_session, done, wrong, shape):
    with visitor(wrong, **shape) as page:
        opened(page, open_session, done)
        page.click(".kk-card >> nth=1")
        page.wait_for_selector(".kk-outside")
        before = page.locator(".kk-inside").count()
        page.click("[data-key=start-earlier]")
        page.wait_for_function(f"document.querySelectorAll('.kk-inside').length === {before + 1}")
        page.locator(".kk-outside:not(.kk-inside ~ *) .kk-link").first.click()
        page.wait_for_function(f"document.querySelectorAll('.kk-inside').length > {before + 1}")
        page.click("[data-key=tool-undo]")
        page.click("[data-key=tool-undo]")
        page.wait_for_function(f"document.querySelectorAll('.kk-inside').length === {before}")
        fresh(page)


def test_every_offered_look_is_there_and_changes_the_preview(open_session, done, wrong, shape):
    with visitor(wrong, **shape) as page:
        opened(page, open_session, done)
        page.click("[data-key=tab-look]")
        for option in ("captions", "position", "layout", "title_card"):
            assert page.locator(f"[name=kk-look-{option}]").count() >= 2, option
        before = page.get_attribute(".kk-video", "src")
        page.check("[data-key=look-position-top]", force=True)
        page.wait_for_function(
            f"document.querySelector('.kk-video').getAttribute('src') !== {before!r}", timeout=60_000
        )
        fresh(page)
        page.fill("[data-key=title-input]", "A title of my own")
        page.keyboard.press("Tab")
        page.wait_for_selector(".kk-editor-head h2:has-text('A title of my own')")
        page.click("[data-key=reset]")
        page.wait_for_function("!document.querySelector('[data-key=reset]')")
        fresh(page)


def test_a_passage_of_the_ledger_becomes_a_clip_and_goes_again(open_session, done, wrong, shape):
    with visitor(wrong, **shape) as page:
        opened(page, open_session, done)
        cards = page.locator(".kk-card").count()
        page.locator(".kk-rejected").first.click()
        page.locator(".kk-ledger button").first.click()
        page.wait_for_function(f"document.querySelectorAll('.kk-card').length === {cards + 1}")
        fresh(page)
        page.click("[data-key=tool-drop]")
        page.wait_for_function(f"document.querySelectorAll('.kk-card').length === {cards}")
        page.wait_for_selector(".kk-dropped")


def test_a_clip_the_zip_and_the_text_are_taken_away(open_session, done, wrong, shape, tmp_path):
    with visitor(wrong, **shape, permissions=["clipboard-read", "clipboard-write"]) as page:
        opened(page, open_session, done)
        page.click("[data-key=tab-away]")
        page.wait_for_selector("[data-key=download], [data-key=render]")
        if page.locator("[data-key=render]").count():
            page.click("[data-key=render]")
        page.wait_for_selector("[data-key=download]", timeout=90_000)
        for key, name in (
            ("download", "clip_01.mp4"),
            ("file-srt", "clip_01.srt"),
            ("file-poster", "clip_01.jpg"),
        ):
            with page.expect_download() as fetched:
                page.click(f"[data-key={key}]")
            assert fetched.value.suggested_filename == name
            assert fetched.value.path().stat().st_size > 100
        with page.expect_download() as fetched:
            page.click("[data-key=zip]")
        with zipfile.ZipFile(fetched.value.path()) as archive:
            assert "clip_01.mp4" in archive.namelist()
        page.click("[data-key=copy-youtube]")
        page.wait_for_selector("[data-key=copy-youtube]:has-text('Copied')")
        assert len(page.evaluate("navigator.clipboard.readText()")) > 10


def test_a_share_link_shows_previews_and_nothing_to_change(open_session, done, wrong, shape):
    with visitor(wrong, **shape) as page:
        opened(page, open_session, done)
        page.click("[data-key=tab-away]")
        page.click("[data-key=share]")
        link = page.input_value("dialog .kk-input")
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/share/[\w.]+", link)
        page.goto(link)
        page.wait_for_function("document.querySelector('video').readyState >= 1")
        assert page.locator("article").count() >= 2
        assert page.locator("button, input, form, script").count() == 0
        assert all(
            ".preview." in src or ".draft." in src
            for src in page.locator("video").evaluate_all("all => all.map(v => v.src)")
        )
        assert page.goto(link[:-3] + "abc").status == 404
        assert "nothing under this link" in page.inner_text("body")
    wrong[:] = [said for said in wrong if "404" not in said]


def test_keys_move_play_and_help(open_session, done, wrong):
    with visitor(wrong) as page:
        opened(page, open_session, done)
        page.keyboard.press("]")
        page.wait_for_selector(".kk-card.kk-on >> nth=0")
        page.wait_for_function("document.querySelectorAll('.kk-card')[1].classList.contains('kk-on')")
        page.keyboard.press("[")
        page.wait_for_function("document.querySelectorAll('.kk-card')[0].classList.contains('kk-on')")
        page.keyboard.press("k")
        page.wait_for_function("!document.querySelector('.kk-video').paused")
        page.wait_for_selector(".kk-word.kk-said")
        page.keyboard.press("k")
        page.keyboard.press("?")
        page.wait_for_selector("dialog .kk-keys")
        page.keyboard.press("Escape")
        page.wait_for_function("!document.querySelector('dialog')")


def test_the_interface_speaks_indonesian(open_session, done, wrong):
    with visitor(wrong, locale="id-ID") as page:
        page.goto(open_session.base)
        page.wait_for_selector("button:has-text('Buat klip')")
        assert "Video panjang" in page.inner_text("#kk-hero")
        opened(page, open_session, done)
        page.wait_for_selector("button:has-text('Urungkan')")


def test_a_lost_connection_is_told_and_mended(open_session, done, wrong, shape):
    with visitor(wrong, **shape) as page:
        opened(page, open_session, done)
        page.context.set_offline(True)
        page.wait_for_selector("[data-banner=offline]", timeout=30_000)
        page.context.set_offline(False)
        page.wait_for_selector("[data-banner=offline]", state="detached", timeout=30_000)
    wrong.clear()  # the browser itself complains of the lost connection


def test_a_session_that_is_about_to_close_warns_and_stays_for_who_goes_on(tmp_path, wrong, shape):
    idle_s = 12
    with session(tmp_path, IDLE_MINUTES=str(idle_s / 60)) as made, visitor(wrong, **shape) as page:
        page.goto(made.base)
        page.wait_for_selector("[data-banner=idle]")
        page.wait_for_timeout(1000 * idle_s / 2)
        page.click("[data-banner=idle] button")
        page.wait_for_timeout(1000 * idle_s / 2 + 1000)
        assert made.child.poll() is None, "it would have closed by now"
        page.wait_for_selector("[data-banner=offline]:has-text('nobody used it')", timeout=60_000)
        assert made.child.wait(timeout=30) == 0
    wrong.clear()  # the browser itself complains of the closed session


def test_an_unknown_job_leads_back_to_the_start(open_session, wrong, shape):
    with visitor(wrong, **shape) as page:
        page.goto(f"{open_session.base}?job=kk_unknown")
        page.click(".kk-problem button")
        page.wait_for_selector("#kk-go")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_names_and_contrast(open_session, done, wrong, scheme, shape):
    with visitor(wrong, color_scheme=scheme, **shape) as page:
        opened(page, open_session, done)
        nameless = page.evaluate(NAMELESS)
        assert nameless == []
        assert page.evaluate(CONTRAST) == []
        page.goto(open_session.base)
        page.wait_for_selector("#kk-go")
        assert page.evaluate(NAMELESS) == []
        assert page.evaluate(CONTRAST) == []
