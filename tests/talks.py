"""Made-up talks for the property tests: sentences with word times, speech spans, transcripts."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from pipeline.records import MadeBy, Sentence, Sound, Span, Transcript, Word


def make_sentence(id_: int, start_ms: int, word_ms: Sequence[int], gap_ms: int = 0) -> Sentence:
    words, at = [], start_ms
    for number, length in enumerate(word_ms):
        words.append(Word(at, at + length, f"w{id_}x{number}", 0.9))
        at += length + gap_ms
    end = words[-1].end_ms
    return Sentence(id_, start_ms, end, " ".join(w.text for w in words) + ".", tuple(words))


@st.composite
def talk(
    draw: st.DrawFn,
    *,
    max_sentences: int = 60,
    longest_ms: int = 20_000,
    longest_pause_ms: int = 4_000,
) -> tuple[Sentence, ...]:
    """Sentences of one to five words with pauses between them; some touch, some are far apart."""
    at = draw(st.integers(0, 5_000))
    sentences = []
    for id_ in range(draw(st.integers(1, max_sentences))):
        words = draw(st.lists(st.integers(50, longest_ms // 5), min_size=1, max_size=5))
        sentence = make_sentence(id_, at, words)
        sentences.append(sentence)
        at = sentence.end_ms + draw(st.sampled_from([0, 0, 80, 300, 900, longest_pause_ms]))
    return tuple(sentences)


def transcript_of(
    sentences: Sequence[Sentence], *, speech: Sequence[Span] | None = None, punctuated: bool = True
) -> Transcript:
    """A transcript whose speech spans are the sentences, merged where they touch."""
    if speech is None:
        merged: list[Span] = []
        for s in sentences:
            if merged and s.start_ms <= merged[-1].end_ms:
                merged[-1] = Span(merged[-1].start_ms, s.end_ms)
            else:
                merged.append(Span(s.start_ms, s.end_ms))
        speech = merged
    length = (sentences[-1].end_ms if sentences else 0) // 100 + 30
    return Transcript(
        language="en",
        sentences=tuple(sentences),
        speech=tuple(speech),
        sound=Sound(100, (-30,) * length),
        made_by=MadeBy("test"),
        punctuated=punctuated,
    )


def even_words(text: str, word_ms: int = 400) -> list[Word]:
    """The words of a text, one after the other, all equally long."""
    return [Word(i * word_ms, (i + 1) * word_ms, w) for i, w in enumerate(text.split())]
