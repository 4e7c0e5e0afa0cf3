"""Picks to clip plans: known sentences, lengths within bounds, edges in silence, no overlap. Pure.

A chooser answers with sentence ids; here they become times. Where a sentence touches its neighbour
without a silence between them, no clip begins or ends.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from pipeline.errors import NothingChosen
from pipeline.records import Choice, ClipPlan, Edl, Ms, Pick, Rejected, Span, Transcript, Wish

LEAD_MS: Ms = 200
"""Room wanted before the first word: less sounds clipped, more sounds slow."""
TAIL_MS: Ms = 350
"""Room wanted after the last word: an ending needs a breath more than an opening."""
EDGE_MS: Ms = 40
"""A cut keeps this far from the voice where the silence is long enough: one frame at 25 fps."""


@dataclass(frozen=True, slots=True)
class _Cuts:
    """For each sentence, where a clip that begins (ends) with it may be cut; None: nowhere."""

    begin: tuple[Ms | None, ...]
    end: tuple[Ms | None, ...]

    def length_ms(self, first: int, last: int) -> Ms | None:
        begin, end = self.begin[first], self.end[last]
        return None if begin is None or end is None else end - begin


@dataclass(frozen=True, slots=True)
class _Candidate:
    pick: Pick
    start_ms: Ms
    end_ms: Ms


def settle(choice: Choice, transcript: Transcript, wish: Wish, film_ms: Ms) -> Edl:
    """Turn picks (best first) into at most `wish.count` plans in the order of the film.

    Keeps the chooser's order of preference; where that gives too few clips, takes the combination
    with the most clips, and then passages that nobody picked. Raises NothingChosen when the video
    holds not a single passage that fits.
    """
    cuts = _cuts(transcript, film_ms)
    rejected = list(choice.rejected)
    candidates: list[_Candidate] = []
    for pick in choice.picks:
        candidate, why = _candidate(pick, cuts, transcript, wish)
        if candidate is not None:
            candidates.append(candidate)
        else:
            rejected.append(Rejected(pick.first, pick.last, pick.score, why, pick.title))
    chosen = _greedy(candidates, wish.count)
    if len(chosen) < wish.count:
        chosen = _most(candidates, wish.count, chosen)
    if len(chosen) < wish.count:
        chosen = _most(candidates + list(_fillers(candidates, cuts, transcript, wish)), wish.count, chosen)
    if not chosen:
        raise NothingChosen(_why_nothing(transcript, wish))
    rejected += _not_taken(candidates, chosen)
    return Edl(
        clips=_plans(chosen),
        rejected=tuple(rejected),
        made_by=choice.made_by,
        shortfall=_shortfall(len(chosen), wish),
    )


# -- where a clip may be cut ----------------------------------------------------------------------


def _cuts(transcript: Transcript, film_ms: Ms) -> _Cuts:
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
    return _Cuts(tuple(begin), tuple(end))


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


# -- picks to candidates --------------------------------------------------------------------------


def _candidate(pick: Pick, cuts: _Cuts, transcript: Transcript, wish: Wish) -> tuple[_Candidate | None, str]:
    count = len(transcript.sentences)
    if not 0 <= pick.first <= pick.last < count:
        return None, f"names sentences {pick.first}-{pick.last}, but the transcript has 0-{count - 1}"
    for first, last in _nearby(pick, count):
        length = cuts.length_ms(first, last)
        if length is not None and wish.min_ms <= length <= wish.max_ms:
            begin, end = cuts.begin[first], cuts.end[last]
            assert begin is not None and end is not None
            return _Candidate(_moved(pick, first, last, transcript), begin, end), ""
    length = cuts.length_ms(pick.first, pick.last)
    if length is None:
        return None, "begins or ends where the talk runs on without a silence to cut in"
    return None, (f"lasts {length / 1000:.1f} s, asked were {wish.min_ms / 1000:g}-{wish.max_ms / 1000:g} s")


def _nearby(pick: Pick, count: int) -> Iterable[tuple[int, int]]:
    """The pick itself, then up to two sentences more or less at either end, nearest first."""
    moves = [(a, b) for a in (0, -1, 1, -2, 2) for b in (0, 1, -1, 2, -2)]
    for a, b in sorted(moves, key=lambda move: abs(move[0]) + abs(move[1])):
        first, last = pick.first + a, pick.last + b
        if 0 <= first <= last < count:
            yield first, last


def _moved(pick: Pick, first: int, last: int, transcript: Transcript) -> Pick:
    if (first, last) == (pick.first, pick.last):
        return pick
    hook = pick.hook if first == pick.first else transcript.sentences[first].text
    reason = pick.reason.rstrip(".") + "; moved by a sentence, to lie in silence and within the length."
    return replace(pick, first=first, last=last, reason=reason, hook=hook)


def _fillers(
    candidates: Sequence[_Candidate], cuts: _Cuts, transcript: Transcript, wish: Wish
) -> Iterable[_Candidate]:
    """Every other passage that fits: taken only to reach the number asked for."""
    known = {(c.start_ms, c.end_ms) for c in candidates}
    sentences = transcript.sentences
    for first in range(len(sentences)):
        begin = cuts.begin[first]
        if begin is None:
            continue
        for last in range(first, len(sentences)):
            end = cuts.end[last]
            if sentences[last].end_ms - begin > wish.max_ms:
                break
            if end is None or not wish.min_ms <= end - begin <= wish.max_ms or (begin, end) in known:
                continue
            title = sentences[first].text[:60]
            reason = "fills the number of clips asked for; no chooser picked it"
            yield _Candidate(Pick(first, last, title, 0, reason, title), begin, end)


# -- which of them --------------------------------------------------------------------------------


def _clear(candidate: _Candidate, taken: Iterable[_Candidate]) -> bool:
    return all(candidate.end_ms <= t.start_ms or t.end_ms <= candidate.start_ms for t in taken)


def _greedy(candidates: Sequence[_Candidate], count: int) -> list[_Candidate]:
    taken: list[_Candidate] = []
    for candidate in candidates:
        if len(taken) < count and _clear(candidate, taken):
            taken.append(candidate)
    return taken


def _most(candidates: Sequence[_Candidate], count: int, at_least: list[_Candidate]) -> list[_Candidate]:
    """The non-overlapping set with the most clips (up to `count`), then the highest score.

    Weighted interval scheduling with a limit on the number; O(n log n + n * count).
    """
    ordered = sorted(candidates, key=lambda c: (c.end_ms, c.start_ms))
    ends = [c.end_ms for c in ordered]
    previous = [bisect_right(ends, c.start_ms, hi=i) for i, c in enumerate(ordered)]
    # best[k][i]: (clips, score) of at most k clips among the first i candidates
    best = [[(0, 0)] * (len(ordered) + 1) for _ in range(count + 1)]
    for k in range(1, count + 1):
        for i, candidate in enumerate(ordered):
            clips, score = best[k - 1][previous[i]]
            best[k][i + 1] = max(best[k][i], (clips + 1, score + candidate.pick.score))
    if best[count][-1][0] <= len(at_least):
        return at_least
    taken, k, i = [], count, len(ordered)
    while k and i:
        if best[k][i] != best[k][i - 1]:
            taken.append(ordered[i - 1])
            i, k = previous[i - 1], k - 1
        else:
            i -= 1
    return taken


def _not_taken(candidates: Sequence[_Candidate], chosen: Sequence[_Candidate]) -> list[Rejected]:
    out = []
    for candidate in candidates:
        if candidate in chosen:
            continue
        pick = candidate.pick
        why = "enough better clips" if _clear(candidate, chosen) else "overlaps a clip that was taken"
        out.append(Rejected(pick.first, pick.last, pick.score, why, pick.title))
    return out


def _plans(chosen: Sequence[_Candidate]) -> tuple[ClipPlan, ...]:
    in_order = sorted(chosen, key=lambda c: c.start_ms)
    return tuple(
        ClipPlan(
            index=index,
            first=c.pick.first,
            last=c.pick.last,
            start_ms=c.start_ms,
            end_ms=c.end_ms,
            title=c.pick.title,
            hook=c.pick.hook,
            score=c.pick.score,
            reason=c.pick.reason,
            parts=c.pick.parts,
        )
        for index, c in enumerate(in_order, start=1)
    )


# -- words for the person -------------------------------------------------------------------------


def _seconds(wish: Wish) -> str:
    return f"{wish.min_ms / 1000:g}-{wish.max_ms / 1000:g} s"


def _shortfall(got: int, wish: Wish) -> str:
    if got >= wish.count:
        return ""
    return (
        f"{wish.count} clips of {_seconds(wish)} were asked for, but the video holds only {got} "
        "that begin and end on a sentence and do not overlap."
    )


def _why_nothing(transcript: Transcript, wish: Wish) -> str:
    spoken = sum(s.end_ms - s.start_ms for s in transcript.sentences) / 1000
    return (
        f"No passage of {_seconds(wish)} begins and ends on a sentence: the video holds {spoken:.0f} s "
        "of speech; ask for shorter clips with --min-seconds and --max-seconds."
    )
