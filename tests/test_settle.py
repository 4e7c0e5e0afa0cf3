"""Whatever a chooser answers, the clips are whole sentences, in bounds, in silence and apart."""

from itertools import combinations, pairwise

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pipeline.cuts import cuts_between_words, silent_cuts
from pipeline.errors import NothingChosen
from pipeline.records import Choice, MadeBy, Pick, Span, Wish
from pipeline.settle import settle
from tests.talks import make_sentence, talk, transcript_of

WISH = Wish(source="x", count=3, min_ms=20_000, max_ms=30_000)


def picks(limit=70):
    one = st.builds(
        lambda a, b, score: Pick(a, b, f"clip {a}", score, "because"),
        st.integers(-3, limit),
        st.integers(-3, limit),
        st.integers(0, 100),
    )
    return st.lists(one, max_size=12)


def decide(chosen, transcript, wish=WISH):
    film_ms = transcript.sentences[-1].end_ms + 500
    return settle(Choice(tuple(chosen), (), MadeBy("test")), transcript, wish, film_ms)


def try_decide(chosen, transcript, wish=WISH):
    try:
        return decide(chosen, transcript, wish)
    except NothingChosen:
        return None


@settings(deadline=None, max_examples=300)
@given(talk(), picks(), st.integers(1, 5))
def test_plans_hold_whatever_was_picked(sentences, chosen, count):
    transcript = transcript_of(sentences)
    wish = Wish(source="x", count=count, min_ms=20_000, max_ms=30_000)
    edl = try_decide(chosen, transcript, wish)
    assume(edl is not None)
    assert 1 <= len(edl.clips) <= count
    assert bool(edl.shortfall) == (len(edl.clips) < count)
    assert [c.index for c in edl.clips] == list(range(1, len(edl.clips) + 1))
    for clip in edl.clips:
        assert wish.min_ms <= clip.length_ms <= wish.max_ms
        first, last = sentences[clip.first], sentences[clip.last]
        assert clip.start_ms <= first.start_ms and last.end_ms <= clip.end_ms
        if clip.first:
            assert sentences[clip.first - 1].end_ms <= clip.start_ms
        if clip.last + 1 < len(sentences):
            assert clip.end_ms <= sentences[clip.last + 1].start_ms
    for before, after in pairwise(edl.clips):
        assert before.end_ms <= after.start_ms


@settings(deadline=None, max_examples=200)
@given(talk(), picks())
def test_edges_lie_in_silence_and_never_inside_a_word(sentences, chosen):
    transcript = transcript_of(sentences)
    edl = try_decide(chosen, transcript)
    assume(edl is not None)
    words = [w for s in sentences for w in s.words]
    for clip in edl.clips:
        for edge in (clip.start_ms, clip.end_ms):
            assert not any(w.start_ms < edge < w.end_ms for w in words)
            in_voice = any(span.start_ms < edge < span.end_ms for span in transcript.speech)
            assert not in_voice or "between two words" in clip.reason


@settings(deadline=None, max_examples=100)
@given(talk(max_sentences=14, longest_ms=15_000))
def test_the_number_asked_for_is_delivered_whenever_the_video_holds_it(sentences):
    """Against brute force over all sets of passages that fit."""
    transcript = transcript_of(sentences)
    film_ms = sentences[-1].end_ms + 500
    cuts = cuts_between_words(silent_cuts(transcript, film_ms), transcript, film_ms)
    fitting = [
        (cuts.begin[i], cuts.end[j])
        for i in range(len(sentences))
        for j in range(i, len(sentences))
        if WISH.min_ms <= cuts.length_ms(i, j) <= WISH.max_ms
    ]
    most = max(
        (k for k in range(WISH.count + 1) if any(map(apart, combinations(fitting, k)))),
    )
    edl = try_decide([], transcript)
    assert (len(edl.clips) if edl else 0) == most


def apart(spans):
    return all(a[1] <= b[0] or b[1] <= a[0] for a, b in combinations(spans, 2))


@settings(deadline=None, max_examples=50)
@given(talk(), picks())
def test_the_same_choice_gives_the_same_plan(sentences, chosen):
    transcript = transcript_of(sentences)
    assert try_decide(chosen, transcript) == try_decide(chosen, transcript)


def even_talk(count, length_ms=5_000, pause_ms=600):
    return tuple(make_sentence(i, i * (length_ms + pause_ms), [length_ms]) for i in range(count))


def test_the_choosers_order_of_preference_is_kept():
    transcript = transcript_of(even_talk(40))
    wish = Wish(source="x", count=1, min_ms=20_000, max_ms=30_000)
    edl = decide([Pick(20, 23, "best", 50, "r"), Pick(2, 5, "second", 90, "r")], transcript, wish)
    assert [c.title for c in edl.clips] == ["best"]
    assert [(r.title, r.why) for r in edl.rejected] == [("second", "enough better clips")]


def test_a_first_pick_in_the_way_gives_room_for_the_number_asked_for():
    transcript = transcript_of(even_talk(8))
    wish = Wish(source="x", count=2, min_ms=20_000, max_ms=23_000)
    edl = decide([Pick(2, 5, "middle", 99, "r")], transcript, wish)
    assert len(edl.clips) == 2
    assert not edl.shortfall


def test_unknown_reversed_and_far_too_long_picks_are_told_apart():
    transcript = transcript_of(even_talk(20))
    edl = decide([Pick(90, 95, "a", 9, "r"), Pick(5, 2, "b", 9, "r"), Pick(0, 19, "c", 9, "r")], transcript)
    why = {r.title: r.why for r in edl.rejected}
    assert "0-19" in why["a"] and "0-19" in why["b"] and "lasts" in why["c"]


def test_a_video_with_too_little_speech_says_so():
    with pytest.raises(NothingChosen, match="holds 10 s of speech"):
        decide([], transcript_of(even_talk(2)))


def test_where_the_voice_never_rests_clips_are_cut_between_words_and_say_so():
    sentences = [make_sentence(i, i * 5_000, [4_900]) for i in range(12)]
    transcript = transcript_of(sentences, speech=[Span(0, 60_500)])
    edl = decide([Pick(2, 6, "music", 70, "r")], transcript, Wish("x", 1, 20_000, 30_000))
    assert (edl.clips[0].first, edl.clips[0].last) == (2, 6)
    assert "between two words" in edl.clips[0].reason


def test_no_clip_begins_where_the_talk_runs_on():
    """Sentence 3 touches sentence 2 and the voice detector hears no gap: 3 cannot open a clip."""
    sentences = list(even_talk(12))
    sentences[3] = make_sentence(3, sentences[2].end_ms, [5_600])
    transcript = transcript_of(
        sentences,
        speech=[Span(s.start_ms, s.end_ms) for s in sentences[:2]]
        + [Span(sentences[2].start_ms, sentences[3].end_ms)]
        + [Span(s.start_ms, s.end_ms) for s in sentences[4:]],
    )
    edl = decide([Pick(3, 6, "runs on", 99, "r")], transcript, Wish("x", 1, 20_000, 30_000))
    assert edl.clips[0].first != 3
    assert "moved" in edl.clips[0].reason
