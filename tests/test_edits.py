"""Edits as data: what they do to a plan, what they refuse, and that each can be taken back."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pipeline.captions import cues
from pipeline.captions.card import MOST_LINES, title_card
from pipeline.captions.measure import font_measure
from pipeline.captions.styles import sheet
from pipeline.changes import (
    ClipEdit,
    CutWords,
    Drop,
    Reset,
    RestoreWords,
    Restyle,
    Retitle,
    Reword,
    Trim,
    changed,
)
from pipeline.edits import MOST_STEPS, Added, Edits, History, added, apply
from pipeline.errors import WishError
from pipeline.looks import offered, restyled
from pipeline.options import CaptionOptions
from pipeline.records import ClipPlan, Edl, Look, MadeBy, Rejected, Rewording, Span
from pipeline.splice import Splice
from pipeline.trimming import AFTER_MS, BEFORE_MS, WordRef
from tests.talks import make_sentence, talk, transcript_of

SENTENCES = tuple(make_sentence(i, 1_000 + i * 5_000, [400] * 6, gap_ms=200) for i in range(8))
TALK = transcript_of(SENTENCES)
FILM_MS = SENTENCES[-1].end_ms + 3_000


def plan(index=1, first=1, last=3):
    start, end = SENTENCES[first].start_ms - 200, SENTENCES[last].end_ms + 300
    return ClipPlan(index, first, last, start, end, "Title", "hook", 50, "reason")


CHOSEN = Edl((plan(), plan(2, 5, 6)), (Rejected(4, 4, 40, "shorter", "Passed over"),), MadeBy("test"))


def after(*changes, edl=CHOSEN, transcript=TALK, film_ms=FILM_MS, index=1):
    """The clip after the changes."""
    base = next(p for p in edl.clips if p.index == index)
    edit = ClipEdit()
    for change in changes:
        edit = changed(edit, change, base, transcript)
    made = apply(edl, Edits("x", (), (History(index, edit),)), transcript, film_ms)
    return next((p for p in made.clips if p.index == index), None)


def refs(*pairs):
    return tuple(WordRef(*pair) for pair in pairs)


def test_without_edits_the_choice_is_the_same():
    assert apply(CHOSEN, Edits("x"), TALK, FILM_MS) == CHOSEN
    assert apply(CHOSEN, Edits("x", (), (History(1), History(2))), TALK, FILM_MS) == CHOSEN


def test_words_cut_from_the_middle_leave_a_join_in_the_gaps():
    made = after(CutWords(refs((2, 2), (2, 3))))
    kept_before, kept_after = SENTENCES[2].words[1], SENTENCES[2].words[4]
    assert made.removed == (Span(kept_before.end_ms + AFTER_MS, kept_after.start_ms - BEFORE_MS),)
    assert (made.start_ms, made.end_ms) == (plan().start_ms, plan().end_ms)
    assert made.length_ms == plan().length_ms - made.removed[0].length_ms


def test_words_cut_at_an_end_move_the_edge():
    made = after(CutWords(refs((1, 0), (1, 1), (3, 5))))
    assert made.removed == ()
    assert made.start_ms == SENTENCES[1].words[2].start_ms - BEFORE_MS
    assert made.end_ms == SENTENCES[3].words[4].end_ms + AFTER_MS


def test_restored_words_are_back():
    words = refs((2, 2), (2, 3))
    assert after(CutWords(words), RestoreWords(words)) == plan()


def test_trimming_keeps_what_still_lies_inside():
    made = after(CutWords(refs((1, 2), (2, 2))), Reword(WordRef(2, 4), "new"), Trim(2, 4))
    assert (made.first, made.last) == (2, 4)
    assert len(made.removed) == 1
    assert Rewording(2, 4, "new") in made.words and all(r.sentence == 2 for r in made.words)
    assert made.hook == SENTENCES[2].text
    assert made.start_ms <= SENTENCES[2].start_ms and made.end_ms >= SENTENCES[4].end_ms


def test_an_edge_that_is_not_trimmed_stays_where_it_was_chosen():
    made = after(Trim(1, 5))
    assert made.start_ms == plan().start_ms and made.end_ms > SENTENCES[5].end_ms


def test_a_word_given_its_own_text_is_not_reworded():
    heard = SENTENCES[2].words[3].text
    assert after(Reword(WordRef(2, 3), "x"), Reword(WordRef(2, 3), heard)) == plan()


def test_reset_takes_everything_back():
    assert after(Retitle("New"), Restyle("layout", "fit"), CutWords(refs((2, 2))), Reset()) == plan()


def test_a_dropped_clip_is_gone_and_the_others_keep_their_numbers():
    assert after(Drop()) is None
    made = apply(CHOSEN, Edits("x", (), (History(1, ClipEdit(dropped=True)),)), TALK, FILM_MS)
    assert [p.index for p in made.clips] == [2]


def test_a_new_clip_gets_the_next_number_and_the_title_that_was_noted():
    edits, index = added(CHOSEN, Edits("x"), 4, 4, "", TALK)
    made = apply(CHOSEN, edits, TALK, FILM_MS)
    assert index == 3 and made.clips[:2] == CHOSEN.clips
    assert (made.clips[2].title, made.clips[2].score) == ("Passed over", 40)
    assert added(CHOSEN, edits, 0, 0, "Mine", TALK)[1] == 4


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (Trim(3, 2), "can't be a clip"),
        (Trim(0, 8), "has 0 to 7"),
        (Trim(-1, 2), "can't be a clip"),
        (CutWords(refs((0, 0))), "not in the clip"),
        (CutWords(refs((2, 6))), "no word 6"),
        (CutWords(tuple(WordRef(s, w) for s in (1, 2, 3) for w in range(6))), "at least one word"),
        (CutWords(tuple(WordRef(s, w) for s in (1, 2, 3) for w in range(6) if (s, w) != (2, 2))), "1 s"),
        (Reword(WordRef(2, 0), "x" * 81), "80 letters"),
        (Reword(WordRef(2, 0), "two\nlines"), r"can't hold '\\n'"),
        (Retitle("x" * 10_000), "200 letters"),
        (Retitle("  "), "can't be empty"),
        (Retitle("a\x1b[2J"), "can't hold"),
        (Restyle("layout", "round"), "auto, follow, fit"),
        (Restyle("__class__", "x"), "no option"),
        (Restyle("captions", "none"), "karaoke"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(change, sentence):
    with pytest.raises(WishError, match=sentence):
        after(change)


def test_the_last_clip_cannot_be_dropped():
    gone = tuple(History(i, ClipEdit(dropped=True)) for i in (1, 2))
    with pytest.raises(WishError, match="at least one clip"):
        apply(CHOSEN, Edits("x", (), gone), TALK, FILM_MS)


def test_a_job_has_twenty_clips_at_most():
    many = tuple(Added(i, 4, 4, "t") for i in range(3, 22))
    with pytest.raises(WishError, match="20 clips"):
        apply(CHOSEN, Edits("x", many), TALK, FILM_MS)
    assert len(apply(CHOSEN, Edits("x", many[:-1]), TALK, FILM_MS).clips) == 20


def test_a_clip_of_more_than_ten_minutes_is_refused():
    long = transcript_of([make_sentence(i, i * 60_000, [9_000] * 5) for i in range(15)])
    edl = Edl((ClipPlan(1, 0, 0, 0, 46_000, "t", "h", 1, "r"),), (), MadeBy("test"))
    with pytest.raises(WishError, match="600 s"):
        after(Trim(0, 12), edl=edl, transcript=long, film_ms=900_000)


def test_arabic_words_and_titles_are_taken_as_they_are():
    made = after(Reword(WordRef(2, 0), "می\u200cخواهم"), Retitle("{\\b1}عنوان"))
    assert Rewording(2, 0, "می\u200cخواهم") in made.words and made.title == "{\\b1}عنوان"


# -- properties -----------------------------------------------------------------------------------


@st.composite
def cut_talks(draw):
    sentences = draw(talk(max_sentences=12))
    transcript = transcript_of(sentences)
    first = draw(st.integers(0, len(sentences) - 1))
    last = draw(st.integers(first, len(sentences) - 1))
    words = [WordRef(s.id, i) for s in sentences[first : last + 1] for i in range(len(s.words))]
    cut = draw(st.sets(st.sampled_from(words)))
    return transcript, first, last, tuple(sorted(cut))


@given(cut_talks())
@settings(max_examples=100, deadline=None)
def test_removed_spans_lie_in_order_inside_and_touch_no_kept_word(drawn):
    transcript, first, last, cut = drawn
    film_ms = transcript.sentences[-1].end_ms + 1_000
    start, end = transcript.sentences[first].start_ms, transcript.sentences[last].end_ms
    edl = Edl((ClipPlan(1, first, last, start, end, "t", "h", 1, "r"),), (), MadeBy("test"))
    try:
        made = after(CutWords(cut), edl=edl, transcript=transcript, film_ms=film_ms)
    except WishError:
        assume(False)
    assert all(a.end_ms <= b.start_ms for a, b in pairwise(made.removed))
    assert all(made.start_ms < s.start_ms < s.end_ms < made.end_ms for s in made.removed)
    for fps in (Fraction(25), Fraction(30000, 1001), Fraction(12)):
        splice = Splice.of(made, fps)
        for sentence in transcript.sentences[first : last + 1]:
            for number, word in enumerate(sentence.words):
                if WordRef(sentence.id, number) in cut:
                    continue
                assert made.start_ms <= word.start_ms and word.end_ms <= made.end_ms
                whole = Span(word.start_ms, word.end_ms)
                assert not any(whole.length_ms and whole.overlaps(s) for s in made.removed)
                shown = splice.clip_ms(word.end_ms) - splice.clip_ms(word.start_ms)
                assert abs(shown - whole.length_ms) <= 1
        assert 0 <= splice.length_ms - made.length_ms <= len(made.removed) * 2 * 1000 / fps + 1000 / fps
        shown = cues.clip_words(made, transcript, splice.clip_ms)
        assert all(a.end_ms <= b.start_ms for a, b in pairwise(shown))
        assert not shown or shown[-1].end_ms <= splice.length_ms
        assert not {w.text for w in shown} & {
            transcript.sentences[r.sentence].words[r.word].text for r in cut
        }


STATES = st.builds(ClipEdit, title=st.one_of(st.none(), st.text(max_size=3)), dropped=st.booleans())


@given(st.lists(STATES, max_size=12), STATES)
def test_undo_takes_a_step_back_and_redo_makes_it_again(states, last):
    history = History(1)
    for state in states:
        history = history.then(state)
    assume(last != history.now)
    stepped = history.then(last)
    assert stepped.undone().now == history.now
    assert stepped.undone().redone() == stepped
    assert replace(stepped.undone(), future=()) == replace(history, future=())


def test_a_hundred_steps_can_be_undone_and_no_more():
    history = History(1)
    for number in range(MOST_STEPS + 50):
        history = history.then(ClipEdit(title=str(number)))
    for _ in range(MOST_STEPS):
        history = history.undone()
    assert history.now.title == "49"
    with pytest.raises(WishError, match="nothing to undo in clip 1"):
        history.undone()


def test_a_new_step_forgets_what_was_undone():
    history = History(1).then(ClipEdit(title="a")).undone().then(ClipEdit(title="b"))
    with pytest.raises(WishError, match="nothing to redo"):
        history.redone()


# -- looks and the card ---------------------------------------------------------------------------


def test_every_value_that_is_offered_can_be_set():
    for offer in offered():
        assert offer.default in [value.name for value in offer.values]
        for value in offer.values:
            assert getattr(restyled(Look(), offer.name, value.name), offer.name) == value.name
            assert value.description


@given(st.text(max_size=200))
@settings(max_examples=60, deadline=None)
def test_a_title_card_never_leaves_its_place(title):
    laid_out = sheet(CaptionOptions(), 1080, 1920)

    def measure_at(size):
        return font_measure("Roboto", size)

    card = title_card(title, laid_out, measure_at)
    assert (card is None) == (not title.split())
    if card:
        assert len(card.lines) <= MOST_LINES
        width = measure_at(card.font_size)
        room = 1080 - 2 * laid_out.margin_h
        assert all(width(line) <= room or len(line) == 1 for line in card.lines)
