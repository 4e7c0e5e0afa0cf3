"""The words to post a clip with: no platform's limit is passed, in any script."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from node.platforms import LIMITS, texts
from pipeline.records import ClipPlan, Source
from tests.test_studio import SOURCE, clip

ARABIC = "كيف نبدأ من جديد كل يوم؟ "
FAMILY = "👨‍👩‍👧‍👦"
JAPANESE = "一つの失敗から学んだこと。"
HINDI = "हम हर दिन फिर से शुरू करते हैं। "

TEXT = st.one_of(
    st.text(max_size=400),
    st.builds(
        lambda piece, times: piece * times,
        st.sampled_from([ARABIC, FAMILY, JAPANESE, HINDI, "word ", "x", "e\u0301", "🇮🇩", "👍🏽 "]),
        st.integers(0, 1500),
    ),
)


def made(title: str = "A title", hook: str = "", film: str = "", url: str = "") -> dict[str, str]:
    plan: ClipPlan = replace(clip(1, 0, 1), title=title, hook=hook)
    source: Source = replace(SOURCE, title=film, uploader="", url=url)
    return texts(plan, source)


def utf16(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def on_x(text: str) -> int:
    """X's own counting: Latin, Arabic and the like are one, everything later two."""
    light = [(0, 4351), (8192, 8205), (8208, 8223), (8242, 8247)]
    return sum(1 if any(low <= ord(c) <= high for low, high in light) else 2 for c in text)


@given(TEXT, TEXT, TEXT)
@example(FAMILY * 300, FAMILY * 3000, JAPANESE)
@settings(max_examples=30, deadline=None)
def test_no_limit_is_passed_by_any_text(title, hook, film):
    for platform, text in made(title, hook, film).items():
        title_limit, limit = LIMITS[platform]
        if title_limit:
            # the title may hold empty lines of its own, so only the whole can be measured
            assert utf16(text) <= title_limit + 2 + limit
        else:
            assert utf16(text) <= limit
    assert on_x(made(title, hook, film)["x"]) <= 280


def test_a_title_of_its_own_is_cut_on_its_own():
    text = made("a title of words " * 50, "the hook")["youtube"]
    title, _, body = text.partition("\n\n")
    assert (
        len(title) <= 100 and title.endswith("…") and title[:-1].split()[-1] in ("a", "title", "of", "words")
    )
    assert body == "the hook"


def test_short_texts_are_whole_and_name_the_film():
    for platform, text in made("T", "The hook.", "A talk", "https://films.example/1").items():
        assert text == "T\n\nThe hook.\n\nFrom: A talk\n\nhttps://films.example/1", platform
    assert made("Only a title")["tiktok"] == "Only a title\n\n"


def test_every_platform_that_is_offered_is_there():
    assert set(made()) == set(LIMITS)


@pytest.mark.parametrize("text", [ARABIC * 40, HINDI * 40, "word " * 400])
def test_a_text_is_cut_between_words(text):
    body = made(text)["x"].removesuffix("…")
    assert text.startswith(body) and text[len(body)] == " "


@pytest.mark.parametrize("letter", [FAMILY, "e\u0301", "👍🏽", "\u0915\u094d"])
def test_a_cut_leaves_accents_and_joined_emoji_whole(letter):
    for ahead in range(12):
        body = made("x" * ahead + letter * 300)["x"].removesuffix("…")[ahead:]
        assert body == letter * (len(body) // len(letter)), ahead
