"""Gradio's page behind the door in a real browser, as a launcher shows it."""

import shutil
from pathlib import Path

import pytest

from tests.films import ROOT
from tests.nodes import TOKEN, running
from tests.token_proxy import proxied

CHROMIUM = shutil.which("chromium")

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")]


def use(url: str, wrong: list[str]) -> str:
    """Open the page, show the film, upload a file; gives the film's address."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        page.on("console", lambda m: wrong.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("response", lambda r: wrong.append(f"{r.status} {r.url}") if r.status >= 400 else None)
        page.goto(f"{url}/")
        page.wait_for_selector(".made")
        page.click("text=Show the film")
        page.wait_for_selector("video")
        page.wait_for_function("document.querySelector('video').readyState >= 2")
        page.set_input_files("input[type=file]", str(ROOT / "README.md"))
        page.wait_for_function(
            "[...document.querySelectorAll('input,textarea')].some(e => e.value == 'upload.md')"
        )
        film = str(page.eval_on_selector("video", "v => v.currentSrc"))
        browser.close()
    return film


@pytest.mark.parametrize(("token", "prefix"), [("", ""), (TOKEN, "/s/abc")])
def test_the_page_works_and_the_browser_complains_of_nothing(tmp_path: Path, token: str, prefix: str):
    wrong: list[str] = []
    with running(tmp_path, token, prefix) as node:
        shutil.copy(ROOT / "assets" / "sample" / "talk.mp4", tmp_path / "jobs" / "one" / "clip_01.mp4")
        if token:
            with proxied(node) as url:
                film = use(url, wrong)
        else:
            url = node.base
            film = use(url, wrong)
    assert not wrong
    assert film.startswith(f"{url}/gradio_api/file=") and "/released/" in film
