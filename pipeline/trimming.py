"""Sentences and cut words to moments of the film: where an edited clip begins, ends and is joined. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

from pipeline.cuts import Cuts, cuts_between_words, silent_cuts
from pipeline.errors import WishError
from pipeline.records import ClipPlan, Ms, Span, Transcript, Word

AFTER_MS: Ms = 120
"""A join lies at most this long after the last word that is kept: room for its sound to die away."""
BEFORE_MS: Ms = 80
"""And this long before the next one."""
SHORTEST_MS: Ms = 1_000
LONGEST_MS: Ms = 600_000
MOST_CUTS = 200
"""Joins in one clip; each costs a branch of the sound's filter graph."""


@dataclass(frozen=True, slots=True, order=True)
class WordRef:
    """A word by its sentence's id and its place in the sentence, counted from 0."""

    sentence: int
    word: int

    def __str__(self) -> str:
        return f"{self.sentence}.{self.word}"


def checked_range(first: int, last: int, transcript: Transcript) -> tuple[int, int]:
    """The range itself. Raises WishError when it is not in the transcript."""
    count = len(transcript.sentences)
    if not 0 <= first <= last < count:
        raise WishError(
            f"Sentences {first} to {last} can't be a clip; the talk has 0 to {count - 1}, first one first."
        )
    return first, last


def checked_word(ref: WordRef, first: int, last: int, transcript: Transcript) -> Word:
    """The word that is meant. Raises WishError when the clip `first..last` does not hold it."""
    if not first <= ref.sentence <= last:
        raise WishError(f"The word {ref} is not in the clip, which holds the sentences {first} to {last}.")
    words = transcript.sentences[ref.sentence].words
    if not 0 <= ref.word < len(words):
        raise WishError(
            f"Sentence {ref.sentence} has no word {ref.word}; its words are 0 to {len(words) - 1}."
        )
    return words[ref.word]


@dataclass(frozen=True, slots=True)
class Trimmed:
    """The stretch of the film, and what is cut out of its middle: sorted, disjoint, inside."""

    span: Span
    removed: tuple[Span, ...]


class Trimming:
    """The moments at which clips of one transcript may be cut, worked out once for all of them."""

    def __init__(self, transcript: Transcript, film_ms: Ms) -> None:
        self.transcript = transcript
        self._film_ms = film_ms

    @cached_property
    def _cuts(self) -> Cuts:
        silent = silent_cuts(self.transcript, self._film_ms)
        return cuts_between_words(silent, self.transcript, self._film_ms)

    def span(self, first: int, last: int) -> Span:
        """Where a clip of these sentences is cut: in silence, or between words where there is none."""
        checked_range(first, last, self.transcript)
        begin, end = self._cuts.begin[first], self._cuts.end[last]
        assert begin is not None and end is not None
        return _bounded(begin, min(end, self._film_ms))

    def clip(self, base: ClipPlan, first: int, last: int, cut: Collection[WordRef]) -> Trimmed:
        """The clip without the cut words; an edge that did not move stays where it was chosen.

        Raises WishError when no word is left or the length leaves its bounds.
        """
        checked_range(first, last, self.transcript)
        fresh = base.span if (first, last) == (base.first, base.last) else self.span(first, last)
        start = base.start_ms if first == base.first else fresh.start_ms
        end = base.end_ms if last == base.last else fresh.end_ms
        span = _bounded(start, end)
        gone = set(cut)
        words = [
            (word, WordRef(sentence.id, number) in gone)
            for sentence in self.transcript.sentences[first : last + 1]
            for number, word in enumerate(sentence.words)
        ]
        if not any(not is_cut and word.text.strip() for word, is_cut in words):
            raise WishError("A clip keeps at least one word; these were all of its words.")
        removed = _removed(words, span)
        if removed and removed[0].start_ms == span.start_ms:
            span, removed = Span(removed[0].end_ms, span.end_ms), removed[1:]
        if removed and removed[-1].end_ms == span.end_ms:
            span, removed = Span(span.start_ms, removed[-1].start_ms), removed[:-1]
        _check_length(span, removed)
        return Trimmed(span, tuple(removed))


def _bounded(start_ms: Ms, end_ms: Ms) -> Span:
    if end_ms <= start_ms:
        raise WishError("These sentences hold no time of the film; choose others.")
    return Span(start_ms, end_ms)


def _removed(words: Sequence[tuple[Word, bool]], span: Span) -> list[Span]:
    """One span for each run of cut words; never a moment of a word that is kept.

    Word times may overlap, so a span begins after the latest end of all kept words before it, and ends
    before the earliest start of all kept ones after it.
    """
    ends = list(accumulate((span.start_ms if cut else w.end_ms for w, cut in words), max))
    starts = list(accumulate((span.end_ms if cut else w.start_ms for w, cut in reversed(words)), min))[::-1]
    spans: list[Span] = []
    i = 0
    while i < len(words):
        j = i
        while j < len(words) and words[j][1]:
            j += 1
        if j > i:
            begin = span.start_ms if i == 0 else _join_after(ends[i - 1], words[i][0].start_ms)
            end = span.end_ms if j == len(words) else _join_before(starts[j], words[j - 1][0].end_ms)
            begin = max(begin, span.start_ms, spans[-1].end_ms if spans else 0)
            if begin < (end := min(end, span.end_ms)):
                spans.append(Span(begin, end))
        i = j + 1
    return spans


def _join_after(kept_end: Ms, cut_start: Ms) -> Ms:
    return min(max(kept_end, cut_start), kept_end + AFTER_MS)


def _join_before(kept_start: Ms, cut_end: Ms) -> Ms:
    return max(min(kept_start, cut_end), kept_start - BEFORE_MS)


def _check_length(span: Span, removed: Sequence[Span]) -> None:
    if len(removed) > MOST_CUTS:
        raise WishError(f"A clip may be cut at {MOST_CUTS} places at most, not {len(removed)}; cut fewer.")
    length = span.length_ms - sum(gap.length_ms for gap in removed)
    if not SHORTEST_MS <= length <= LONGEST_MS:
        raise WishError(
            f"The clip would last {length / 1000:.1f} s; it must last from {SHORTEST_MS // 1000} s "
            f"to {LONGEST_MS // 1000} s."
        )
