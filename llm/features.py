"""What the heuristic measures on each sentence: one array entry per sentence of the film.

Everything a window of sentences needs is either a property of its first sentence (hook, opening), of
its last (closing), or a sum over its sentences, so that every window is scored with prefix sums.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from llm.openings import Cue, cues_of, is_notice, is_question, is_reply, leans_back, stays_open
from llm.terms import carries_meaning, stem, words_of
from llm.wordlists import words_for
from llm.worth import Weights, shipped_weights, worth_of
from pipeline.records import Sentence, Transcript

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

BLOCK_MS = 60_000
"""A term's spread over the talk is counted in blocks of a minute, about one topic each."""

LONG_PAUSE_MS = 700
"""Longer than the gaps inside a phrase (up to some 0.4 s): the speaker finished something."""

_TERMINALS = tuple(".!?…。！？।۔؟\"'”’)」』")


@dataclass(frozen=True, slots=True)
class Features:
    """Arrays over the film's sentences; shares and scores 0..1, times in ms.

    `opening` and `closing` say how well a clip may begin or end there, `hook` how much the sentence
    makes one listen, `cues` why. `worth` is what people are likely to find in it.
    """

    start_ms: Ints
    end_ms: Ints
    words: Floats
    worth: Floats
    notices: Floats
    silence_ms: Floats
    pause_after_ms: Floats
    probability: Floats
    hook: Floats
    opening: Floats
    closing: Floats
    cues: tuple[tuple[Cue, ...], ...]
    terms: tuple[tuple[str, ...], ...]
    importance: dict[str, float]
    rarity: dict[str, float]


def measure(transcript: Transcript, weights: Weights | None = None) -> Features:
    """Read every sentence once; `weights` in place of the shipped ones says what sentences are worth."""
    sentences = transcript.sentences
    language = transcript.language.partition("-")[0].lower()
    lists = words_for(language)
    spoken = [words_of(sentence.text) for sentence in sentences]
    terms = _terms(spoken, language)
    start = np.array([s.start_ms for s in sentences], dtype=np.int64)
    end = np.array([s.end_ms for s in sentences], dtype=np.int64)
    rarity, importance = _term_weights(terms, start)
    weight = np.array([sum(importance[term] for term in row) for row in terms], dtype=np.float64)
    counts = np.array([len(words) for words in spoken], dtype=np.float64)
    before, after = _pauses(start, end)
    cues = tuple(
        cues_of(sentence.text, words, lists) for sentence, words in zip(sentences, spoken, strict=True)
    )
    replies = np.array([is_reply(words, lists) for words in spoken], dtype=np.float64)
    notices = np.array([is_notice(words, lists) for words in spoken], dtype=np.float64)
    return Features(
        start_ms=start,
        end_ms=end,
        words=counts,
        worth=worth_of(start, end, spoken, _vectors(terms, rarity), language, weights or shipped_weights()),
        notices=counts * notices,
        silence_ms=np.array([_silence_inside(sentence) for sentence in sentences], dtype=np.float64),
        pause_after_ms=after,
        probability=np.array([_probability(sentence) for sentence in sentences], dtype=np.float64),
        hook=_hooks(cues, weight / np.maximum(counts, 1), counts, replies + notices > 0),
        opening=_openings(transcript, spoken, before),
        closing=_closings(transcript, spoken, after),
        cues=cues,
        terms=terms,
        importance=importance,
        rarity=rarity,
    )


def _terms(spoken: Sequence[Sequence[str]], language: str) -> tuple[tuple[str, ...], ...]:
    stop = words_for(language).stop
    return tuple(
        tuple(stem(word, language) for word in words if carries_meaning(word, stop)) for words in spoken
    )


def _vectors(terms: Sequence[Sequence[str]], rarity: dict[str, float]) -> list[dict[str, float]]:
    return [{term: math.log1p(count) * rarity[term] for term, count in Counter(row).items()} for row in terms]


def sentence_vectors(transcript: Transcript) -> list[dict[str, float]]:
    """Each sentence's terms, weighted by how rare they are in the film."""
    language = transcript.language.partition("-")[0].lower()
    terms = _terms([words_of(sentence.text) for sentence in transcript.sentences], language)
    start = np.array([sentence.start_ms for sentence in transcript.sentences], dtype=np.int64)
    return _vectors(terms, _term_weights(terms, start)[0])


def _term_weights(
    terms: Sequence[Sequence[str]], start_ms: Ints
) -> tuple[dict[str, float], dict[str, float]]:
    """Rarity (idf over one-minute blocks) and importance of each term.

    Importance is log-frequency times rarity: what the talk keeps coming back to, but not all the
    time, is what it is about (Luhn 1958; Spärck Jones 1972).
    """
    frequency = Counter(term for row in terms for term in row)
    places = {(term, int(at) // BLOCK_MS) for row, at in zip(terms, start_ms, strict=True) for term in row}
    spread = Counter(term for term, _ in places)
    blocks = len({int(at) // BLOCK_MS for at in start_ms})
    rarity = {term: math.log(1 + blocks / spread[term]) for term in frequency}
    return rarity, {term: math.log1p(frequency[term]) * rarity[term] for term in frequency}


def _pauses(start: Ints, end: Ints) -> tuple[Floats, Floats]:
    """Silence before and after each sentence; the film's own ends count as long pauses."""
    if len(start) == 0:
        return np.zeros(0), np.zeros(0)
    gaps = np.maximum(0, start[1:] - np.maximum.accumulate(end)[:-1]).astype(np.float64)
    edge = np.array([2.0 * LONG_PAUSE_MS])
    return np.concatenate([edge, gaps]), np.concatenate([gaps, edge])


def _silence_inside(sentence: Sentence) -> float:
    gaps = [after.start_ms - word.end_ms for word, after in pairwise(sentence.words)]
    return float(sum(gap for gap in gaps if gap > LONG_PAUSE_MS))


def _probability(sentence: Sentence) -> float:
    if not sentence.words:
        return 1.0
    return sum(word.probability for word in sentence.words) / len(sentence.words)


def _hooks(
    cues: Sequence[Sequence[Cue]], density: Floats, words: Floats, empty: npt.NDArray[np.bool_]
) -> Floats:
    """How much each sentence makes one listen, as the first of a clip.

    Cues are independent chances to catch the ear, so they combine as 1 − Π(1 − strength). A first
    sentence full of the talk's own terms is a cue too. A reply or a notice catches nobody.
    """
    missed = np.array([math.prod(1 - cue.strength for cue in row) for row in cues], dtype=np.float64)
    filled = density[density > 0]
    typical = float(np.median(filled)) if len(filled) else 1.0
    strong = 0.35 * density / (density + typical)
    hook = 1 - missed * (1 - strong)
    # Beyond some 30 words the promise of the first sentence comes too late (about 10 s of speech).
    hook = hook * np.where(words > 30, 0.8, 1.0) * np.where(words < 4, 0.6, 1.0)
    return np.asarray(np.where(empty, 0.2 * hook, hook), dtype=np.float64)


def _openings(transcript: Transcript, spoken: Sequence[Sequence[str]], before: Floats) -> Floats:
    lists = words_for(transcript.language)
    pause = np.clip(before / LONG_PAUSE_MS, 0, 1)
    # Punctuation already marks thoughts, so the pause only confirms; without it the pause is all.
    scores = 0.8 + 0.2 * pause if transcript.punctuated else 0.3 + 0.7 * pause
    for i, (sentence, words) in enumerate(zip(transcript.sentences, spoken, strict=True)):
        if leans_back(words, lists):
            scores[i] *= 0.35
        elif transcript.punctuated and sentence.text[:1].islower():
            scores[i] *= 0.6
        if i and is_question(transcript.sentences[i - 1].text, spoken[i - 1], lists):
            scores[i] *= 0.6  # an answer without its question
    return scores


def _closings(transcript: Transcript, spoken: Sequence[Sequence[str]], after: Floats) -> Floats:
    lists = words_for(transcript.language)
    pause = np.clip(after / LONG_PAUSE_MS, 0, 1)
    scores = 0.75 + 0.25 * pause if transcript.punctuated else 0.2 + 0.8 * pause
    for i, (sentence, words) in enumerate(zip(transcript.sentences, spoken, strict=True)):
        text = sentence.text.rstrip()
        if stays_open(words, lists):
            scores[i] *= 0.3
        elif is_question(text, words, lists):
            scores[i] *= 0.5  # the answer would be missing
        elif transcript.punctuated and not text.endswith(_TERMINALS):
            scores[i] *= 0.6
        if i + 1 < len(spoken) and leans_back(spoken[i + 1], lists):
            scores[i] *= 0.85  # the thought goes on
    return scores
