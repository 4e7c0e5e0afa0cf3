"""Captions show every word once, in time, on lines that stay inside the picture."""

import re
from itertools import pairwise

import pysubs2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.captions.ass import escaped, to_ass
from pipeline.captions.cues import clip_words, joiner_for, lay_out
from pipeline.captions.measure import font_measure, missing_letters
from pipeline.captions.sidecar import to_srt, to_vtt
from pipeline.captions.styles import STYLES, sheet, style_named
from pipeline.errors import WishError
from pipeline.options import CaptionOptions
from pipeline.records import ClipPlan, Word
from tests.talks import even_words, make_sentence, transcript_of

texts = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=30)


@st.composite
def spoken(draw):
    at, words = 0, []
    for text in draw(st.lists(texts, min_size=1, max_size=40)):
        at += draw(st.sampled_from([0, 0, 0, 90, 400, 1500]))
        length = draw(st.integers(20, 900))
        words.append(Word(at, at + length, text))
        at += length
    return words


def laid_out(words, options=None, size=(1080, 1920)):
    s = sheet(options or CaptionOptions(), *size)
    measure = font_measure(s.font, s.font_size)
    return lay_out(words, s, measure), s, measure


@settings(deadline=None, max_examples=150)
@given(spoken(), st.sampled_from(sorted(STYLES)), st.sampled_from([(1080, 1920), (720, 1280), (270, 480)]))
def test_no_line_is_wider_or_more_than_allowed(words, style, size):
    cues, s, measure = laid_out(words, CaptionOptions(style=style), size)
    for cue in cues:
        assert 1 <= len(cue.lines) <= s.max_lines
        for line, text in zip(cue.lines, cue.texts, strict=True):
            one_letter = len(line) == 1 and len(line[0].text) <= 2
            assert one_letter or (measure(text) <= s.line_width and len(text) <= s.max_chars)


@settings(deadline=None, max_examples=150)
@given(spoken())
def test_every_letter_is_shown_once_and_in_order(words):
    cues, _, _ = laid_out(words)
    shown = "".join(w.text for c in cues for w in c.words)
    assert shown.replace("-", "") == "".join(w.text for w in words).replace("-", "")


@settings(deadline=None, max_examples=150)
@given(spoken())
def test_cues_follow_each_other_and_hold_their_words(words):
    cues, _, _ = laid_out(words)
    for cue in cues:
        assert cue.start_ms <= cue.words[0].start_ms and cue.words[-1].end_ms <= cue.end_ms
    for before, after in pairwise(cues):
        assert before.end_ms <= after.start_ms


@settings(deadline=None, max_examples=80)
@given(spoken())
def test_ass_and_srt_are_read_back_with_the_same_words(words):
    cues, s, _ = laid_out(words)
    srt = pysubs2.SSAFile.from_string(to_srt(cues), format_="srt", keep_unknown_html_tags=True)
    assert len(srt) == len(cues)
    ass = pysubs2.SSAFile.from_string(to_ass(cues, s, 10**9))
    assert all(a.end <= b.start for a, b in pairwise(ass))


def test_a_spoken_override_block_stays_text():
    assert escaped(r"{\b1}a\Nb") == "\\{\\\u2060b1\\}a\\\u2060Nb"
    assert escaped("a\nb\x00c") == "abc"


def test_exactly_one_word_is_lit_and_only_its_colour_changes():
    cues, s, _ = laid_out(even_words("one two three four five six seven eight"))
    bare = {}
    for event in pysubs2.SSAFile.from_string(to_ass(cues, s, 60_000)):
        assert len(re.findall(r"\{\\c&H0000D4FF&\}", event.text)) <= 1
        assert set(re.findall(r"\{(.*?)\}", event.text)) <= {r"\c&H0000D4FF&", r"\c&H00FFFFFF&"}
        bare.setdefault(event.plaintext, 0)
        bare[event.plaintext] += 1
    assert sum(bare.values()) >= 8 and len(bare) == len(cues)


def test_vtt_has_word_times():
    cues, _, _ = laid_out(even_words("a <b> & c"))
    assert "<00:00:00.400>&lt;b&gt;" in to_vtt(cues)


def test_words_of_a_clip_are_cut_to_its_edges():
    sentences = [make_sentence(i, i * 2_000, [500, 500]) for i in range(4)]
    plan = ClipPlan(1, 1, 2, 1_900, 5_200, "t", "h", 1, "r")
    words = clip_words(plan, transcript_of(sentences))
    assert [(w.start_ms, w.end_ms) for w in words] == [(100, 600), (600, 1100), (2100, 2600), (2600, 3100)]


def test_the_first_versions_settings_are_honoured():
    s = sheet(
        CaptionOptions(font_size=100, max_chars=12, max_lines=1, margin_h=200, margin_v=333), 1080, 1920
    )
    assert (s.font_size, s.max_chars, s.max_lines, s.margin_h, s.margin_v) == (100, 12, 1, 200, 333)
    plain = sheet(CaptionOptions(style="classic"), 1080, 1920)
    assert (plain.font_size, plain.max_chars, plain.max_lines, plain.margin_h) == (68, 22, 3, 120)


def test_an_unknown_style_is_refused_with_the_names_there_are():
    with pytest.raises(WishError, match="karaoke"):
        style_named("comic")


def test_letters_without_a_glyph_are_known():
    assert missing_letters("Café naïve") == ""
    assert missing_letters("ab 漢字 ع") == "漢字ع"


def test_scripts_without_spaces_are_joined_without():
    assert joiner_for("ja") == "" and joiner_for("en") == " " and joiner_for("zh-TW") == ""
