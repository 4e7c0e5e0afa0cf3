"""Where a clip may be cut: in the silence before and after each sentence. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.records import Ms, Span, Transcript

LEAD_MS: Ms = 200
"""Room wanted before the first word: less sounds clipped, more sounds slow."""
TAIL_MS: Ms = 350
"""Room wanted after the last word: an ending needs a breath more than an opening."""
EDGE_MS: Ms = 40
"""A cut keeps this far from the voice where the silence is long enough: one frame at 25 fps."""


@dataclass(frozen=True, slots=True)
class Cuts:
    """For each sentence, where a clip that begins (ends) with it may be cut; None: nowhere."""

    begin: tuple[Ms | None, ...]
    end: tuple[Ms | None, ...]

    def length_ms(self, first: int, last: int) -> Ms | None:
        begin, end = self.begin[first], self.end[last]
        return None if begin is None or end is None else end - begin


def silent_cuts(transcript: Transcript, film_ms: Ms) -> Cuts:
    """Cuts in silence: LEAD_MS before a sentence and TAIL_MS after it, or as near as it is silent."""
    sentences = transcript.sentences
    begin: list[Ms | None] = []
    end: list[Ms | None] = []
    quiet = _silences(transcript.speech, film_ms)
    starts = [s.start_ms for s in quiet]
    for i, sentence in enumerate(sentences):
        before = sentences[i - 1].end_ms if i else 0
        after = sentences[i + 1].start_ms if i + 1 < len(sentences) else film_ms
        begin.append(_cut_before(quiet, starts, before, sentence.start_ms))
        end.append(_cut_after(quiet, starts, sentence.end_ms, min(after, film_ms)))
    if begin and begin[0] is None:
        begin[0] = 0  # where the film itself begins nothing is cut off
    if end and end[-1] is None:
        end[-1] = film_ms
    return Cuts(tuple(begin), tuple(end))


def _silences(speech: Sequence[Span], film_ms: Ms) -> list[Span]:
    silences, at = [], 0
    for span in speech:
        if span.start_ms > at:
            silences.append(Span(at, min(span.start_ms, film_ms)))
        at = max(at, span.end_ms)
    if at < film_ms:
        silences.append(Span(at, film_ms))
    return [s for s in silences if s.length_ms > 0]


def _within(quiet: Sequence[Span], starts: Sequence[Ms], low: Ms, high: Ms) -> list[Span]:
    """The silences between two words, shortened by EDGE_MS from the voice where they are long."""
    found = []
    for i in range(max(0, bisect_right(starts, low) - 1), len(quiet)):
        if quiet[i].start_ms > high:
            break
        start, end = max(low, quiet[i].start_ms), min(high, quiet[i].end_ms)
        if start <= end:
            edge = min(EDGE_MS, (end - start) // 2)
            found.append(Span(start + edge, end - edge))
    return found


def _cut_before(quiet: Sequence[Span], starts: Sequence[Ms], low: Ms, word_ms: Ms) -> Ms | None:
    spans = _within(quiet, starts, min(low, word_ms), word_ms)
    if not spans:
        return None
    return max(spans[-1].start_ms, min(spans[-1].end_ms, word_ms - LEAD_MS))


def _cut_after(quiet: Sequence[Span], starts: Sequence[Ms], word_ms: Ms, high: Ms) -> Ms | None:
    spans = _within(quiet, starts, word_ms, max(high, word_ms))
    if not spans:
        return None
    return min(spans[0].end_ms, max(spans[0].start_ms, word_ms + TAIL_MS))


def cuts_between_words(silent: Cuts, transcript: Transcript, film_ms: Ms) -> Cuts:
    """The same, and where no silence is heard the middle between the last word and the next.

    Needed under music and for people who never draw breath; the clip says so.
    """
    sentences = transcript.sentences
    begin, end = list(silent.begin), list(silent.end)
    for i, sentence in enumerate(sentences):
        before = sentences[i - 1].end_ms if i else 0
        after = sentences[i + 1].start_ms if i + 1 < len(sentences) else film_ms
        if begin[i] is None:
            begin[i] = max(before, sentence.start_ms - LEAD_MS, (before + sentence.start_ms) // 2)
        if end[i] is None:
            end[i] = min(after, sentence.end_ms + TAIL_MS, -(-(after + sentence.end_ms) // 2))
    return Cuts(tuple(begin), tuple(end))
