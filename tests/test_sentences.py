"""Words to sentences, and what is taken out of a recogniser's words: pure code, mostly properties."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.records import Sentence, Span, Word
from pipeline.speech import cleanup, language
from pipeline.speech.cleanup import Utterance
from pipeline.speech.sentences import capitalised, ends_sentence, joined, punctuated, sentences

TEXTS = st.sampled_from(
    ["so", "we", "went.", "Dr.", "3.5", "why?", "you,", "世", "界。", "مرحبا؟", "etc.", "no."]
)


@st.composite
def talks(draw: st.DrawFn) -> list[Word]:
    words, at = [], 0
    for text in draw(st.lists(TEXTS, max_size=150)):
        at += draw(st.sampled_from([0, 0, 20, 80, 300, 800, 4000]))
        words.append(Word(at, at + draw(st.integers(20, 900)), text))
        at = words[-1].end_ms
    return words


def spoken(text: str, word_ms: int = 250, pauses: dict[int, int] | None = None) -> list[Word]:
    """The words of a text said evenly; `pauses` maps a word's number to the silence before it."""
    words, at = [], 0
    for n, one in enumerate(text.split()):
        at += (pauses or {}).get(n, 10)
        words.append(Word(at, at + word_ms, one))
        at += word_ms
    return words


def texts(made: list[Sentence]) -> list[str]:
    return [one.text for one in made]


@settings(max_examples=150, deadline=None)
@given(talks())
def test_every_word_is_in_exactly_one_sentence_in_order(words: list[Word]) -> None:
    made = list(sentences(iter(words)))
    assert [word for one in made for word in one.words] == words
    assert [one.id for one in made] == list(range(len(made)))
    for one in made:
        assert (one.start_ms, one.end_ms) == (one.words[0].start_ms, one.words[-1].end_ms)
        assert len(one.words) <= 41
        assert one.text


@settings(max_examples=60, deadline=None)
@given(talks(), st.integers(0, 150))
def test_a_sentence_given_early_is_the_one_given_in_the_end(words: list[Word], heard: int) -> None:
    stream = iter(words)
    given_early: list[Sentence] = []
    maker = sentences(stream)
    for one in maker:
        given_early.append(one)
        if sum(len(done.words) for done in given_early) >= heard:
            break
    maker.close()
    assert list(sentences(words))[: len(given_early)] == given_early


def test_a_sentence_leaves_before_the_talk_is_over() -> None:
    pulled = 0

    def stream() -> object:
        nonlocal pulled
        for word in spoken("One two three. " * 100):
            pulled += 1
            yield word

    assert next(sentences(stream())).text == "One two three."  # type: ignore[arg-type]
    assert pulled <= 4


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("We met Dr. Smith. He was late.", ["We met Dr. Smith.", "He was late."]),
        ("It grew by 3.5 percent. Why?", ["It grew by 3.5 percent.", "Why?"]),
        ("See No. 7 today. The answer is no. Next.", ["See No. 7 today.", "The answer is no.", "Next."]),
        ("At 9 a.m. we left. It was 9 a.m. We left.", ["At 9 a.m. we left.", "It was 9 a.m.", "We left."]),
        ('He said "Stop!" Then he left.', ['He said "Stop!"', "Then he left."]),
        ("Well... maybe so. J. S. Bach wrote it.", ["Well... maybe so.", "J. S. Bach wrote it."]),
        ("هل أنت هنا؟ نعم.", ["هل أنت هنا؟", "نعم."]),
        ("क्या हाल है? ठीक है। चलो।", ["क्या हाल है?", "ठीक है।", "चलो।"]),
    ],
)
def test_punctuation_ends_sentences(text: str, expected: list[str]) -> None:
    made = list(sentences(spoken(text)))
    assert texts(made) == expected
    assert punctuated(made)


def test_chinese_is_joined_without_spaces_and_ends_at_its_own_stop() -> None:
    made = list(sentences(spoken("你 好， 世 界。 用 Python 写。")))
    assert texts(made) == ["你好，世界。", "用 Python 写。"]


def test_without_punctuation_pauses_end_sentences() -> None:
    made = list(sentences(spoken("so we went home and then it rained all day long", pauses={4: 800})))
    assert texts(made) == ["So we went home", "And then it rained all day long"]
    assert not punctuated(made)


def test_the_pause_follows_the_speaker() -> None:
    # A fast speaker who pauses only 300 ms, every ten words.
    words = spoken("word " * 400, word_ms=200, pauses={n: 300 for n in range(0, 400, 10)})
    sizes = sorted(len(one.words) for one in sentences(words))
    assert 8 <= sizes[len(sizes) // 2] <= 20


def test_without_any_pause_a_sentence_has_at_most_thirty_words_and_fifteen_seconds() -> None:
    made = list(sentences(spoken("word " * 200, word_ms=200)))
    assert all(len(one.words) <= 30 and one.end_ms - one.start_ms <= 15_000 for one in made)


def test_a_cut_without_pauses_prefers_a_comma() -> None:
    made = list(sentences(spoken("word " * 20 + "there, " + "word " * 40)))
    assert made[0].text.endswith("there,")


@pytest.mark.parametrize(
    ("word", "following", "expected"),
    [("end.", "Next", True), ("Mr.", "Fox", False), ("e.g.", "Fox", False), ("U.S.", "army", False),
     ("U.S.", "We", True), ("ok…", "and", False), ("I.", "We", True), ("etc.", "", True), ("no", "", False)],
)  # fmt: skip
def test_ends_sentence(word: str, following: str, expected: bool) -> None:
    assert ends_sentence(word, following) is expected


def test_joined_and_capitalised() -> None:
    assert joined(["안녕", "세계"]) == "안녕 세계"
    assert capitalised("“hello") == "“Hello"
    assert capitalised("straße") == "Straße"


# -- cleanup --------------------------------------------------------------------------------------


@st.composite
def rough_words(draw: st.DrawFn) -> list[Word]:
    times = st.integers(-500, 60_000)
    return [
        Word(draw(times), draw(times), draw(st.sampled_from(["a", " b ", "c."])), draw(st.floats(-1, 2)))
        for _ in range(draw(st.integers(0, 40)))
    ]


@settings(max_examples=150, deadline=None)
@given(rough_words(), st.lists(st.integers(0, 60_000), max_size=8, unique=True), st.integers(0, 1000))
def test_tidied_words_are_in_order_apart_and_long_enough(
    words: list[Word], edges: list[int], after_ms: int
) -> None:
    edges = sorted(edges)[: len(edges) // 2 * 2]
    speech = [Span(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True)]
    tidy = cleanup.tidied(words, speech, after_ms)
    assert [word.text for word in tidy] == [word.text.strip() for word in words]
    assert all(word.end_ms - word.start_ms >= 20 and 0 <= word.probability <= 1 for word in tidy)
    assert all(a.end_ms <= b.start_ms for a, b in pairwise(tidy))
    assert not tidy or tidy[0].start_ms >= after_ms


def test_a_word_stretched_over_a_pause_is_cut_to_the_voice() -> None:
    (word,) = cleanup.tidied([Word(1000, 4000, "well")], [Span(900, 1600), Span(3700, 5000)])
    assert (word.start_ms, word.end_ms) == (1000, 1600)


def utterance(text: str, probability: float = 0.9, **doubts: float) -> Utterance:
    words = tuple(Word(w.start_ms, w.end_ms, w.text, probability) for w in spoken(text))
    return Utterance(Span(0, 10_000), words, **doubts)


VOICE = [Span(0, 10_000)]


def test_what_is_believed() -> None:
    assert cleanup.believable(utterance("hello there"), VOICE)
    assert not cleanup.believable(utterance("hello there"), [])
    assert not cleanup.believable(utterance("hello there", avg_logprob=-1.5, no_speech=0.9), VOICE)
    assert cleanup.believable(utterance("Thank you for watching."), VOICE)
    assert not cleanup.believable(utterance("Thank you for watching.", 0.3), VOICE)
    assert not cleanup.believable(utterance("Subtitles by the Amara.org community", 0.3), VOICE)
    assert not cleanup.believable(utterance("Terima kasih telah menonton!", 0.3), VOICE)
    assert not cleanup.believable(utterance("Thanks for watching!"), [Span(0, 100)])


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("a b a b a b a b c", "a b c"),
        ("no no no", "no no no"),
        ("no no no no no no", "no no no"),
        ("we go on we go on", "we go on we go on"),
        ("I know. " * 5 + "yes", "I know. yes"),
    ],
)
def test_loops_collapse(said: str, kept: str) -> None:
    assert [word.text for word in cleanup.without_loops(spoken(said))] == kept.split()


def test_an_utterance_said_over_and_over_is_dropped() -> None:
    stream = [utterance("one"), *[utterance("And so.")] * 5, utterance("two")]
    assert [one.text for one in cleanup.without_echoes(stream)] == ["one", "and so", "and so", "two"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("this is what we have and that is the way it is", "en"),
        ("kita akan pergi ke sana dan tidak ada yang bisa saya lakukan untuk itu", "id"),
        ("das ist nicht ein problem und wir haben es auch", "de"),
        ("これは ペン です", "ja"),
        ("我们 今天 学习", "zh"),
        ("xyzzy plugh", language.UNKNOWN),
        ("", language.UNKNOWN),
    ],
)
def test_language_of_a_text(text: str, code: str) -> None:
    assert language.guess(text.split()) == code
