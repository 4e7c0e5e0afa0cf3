"""Picks to clip plans: known sentences, lengths within bounds, edges in silence, no overlap. Pure.

A chooser answers with sentence ids; here they become times. Where a sentence touches its neighbour
without a silence between them, no clip begins or ends.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from pipeline.cuts import Cuts, cuts_between_words, silent_cuts
from pipeline.errors import NothingChosen
from pipeline.records import Choice, ClipPlan, Edl, Ms, Pick, Rejected, Transcript, Wish


@dataclass(frozen=True, slots=True)
class _Candidate:
    pick: Pick
    start_ms: Ms
    end_ms: Ms


def settle(choice: Choice, transcript: Transcript, wish: Wish, film_ms: Ms) -> Edl:
    """Turn picks (best first) into at most `wish.count` plans in the order of the film.

    Keeps the chooser's order of preference. Where that gives too few clips it takes, in this order and
    no more than needed: the combination of picks with the most clips, picks that can only be cut
    between two words, passages that were rejected, any passage. Raises NothingChosen when nothing fits.
    """
    silent = silent_cuts(transcript, film_ms)
    between_words = cuts_between_words(silent, transcript, film_ms)
    picked, rejected = _candidates(choice.picks, silent, transcript, wish)
    candidates = list(picked)
    chosen = _most(candidates, wish.count, _greedy(candidates, wish.count))
    for others in _reserves(choice, silent, between_words, transcript, wish):
        if len(chosen) == wish.count:
            break
        known = {(c.start_ms, c.end_ms) for c in candidates}
        candidates += [c for c in others if (c.start_ms, c.end_ms) not in known]
        chosen = _most(candidates, wish.count, chosen)
    if not chosen:
        raise NothingChosen(_why_nothing(transcript, wish))
    taken = {(c.pick.first, c.pick.last) for c in chosen}
    rejected = [r for r in (*choice.rejected, *rejected) if (r.first, r.last) not in taken]
    rejected += _not_taken(picked, chosen)
    return Edl(
        clips=_plans(chosen),
        rejected=tuple(rejected),
        made_by=choice.made_by,
        shortfall=_shortfall(len(chosen), wish),
        notes=choice.notes,
    )


def _reserves(
    choice: Choice, silent: Cuts, between_words: Cuts, transcript: Transcript, wish: Wish
) -> Iterator[list[_Candidate]]:
    """What may be taken where the picks give too few clips, better things first."""
    yield [_noted(c) for c in _candidates(choice.picks, between_words, transcript, wish)[0]]
    second = [_second_choice(r, transcript) for r in choice.rejected]
    yield _candidates(second, silent, transcript, wish)[0]
    yield list(_fillers(silent, transcript, wish))
    yield [_noted(c) for c in _fillers(between_words, transcript, wish)]


def _second_choice(rejected: Rejected, transcript: Transcript) -> Pick:
    reason = f"Taken to reach the number of clips asked for; not picked at first: {rejected.why}."
    known = 0 <= rejected.first < len(transcript.sentences)
    opening = transcript.sentences[rejected.first].text if known else ""
    title = rejected.title or opening[:60]
    return Pick(rejected.first, rejected.last, title, rejected.score, reason, opening)


def _noted(candidate: _Candidate) -> _Candidate:
    reason = candidate.pick.reason.rstrip(".") + "; the voice runs on here, so it is cut between two words."
    return replace(candidate, pick=replace(candidate.pick, reason=reason))


# -- picks to candidates --------------------------------------------------------------------------


def _candidates(
    picks: Iterable[Pick], cuts: Cuts, transcript: Transcript, wish: Wish
) -> tuple[list[_Candidate], list[Rejected]]:
    candidates, rejected = [], []
    for pick in picks:
        candidate, why = _candidate(pick, cuts, transcript, wish)
        if candidate is not None:
            candidates.append(candidate)
        else:
            rejected.append(Rejected(pick.first, pick.last, pick.score, why, pick.title))
    return candidates, rejected


def _candidate(pick: Pick, cuts: Cuts, transcript: Transcript, wish: Wish) -> tuple[_Candidate | None, str]:
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


def _fillers(cuts: Cuts, transcript: Transcript, wish: Wish) -> Iterable[_Candidate]:
    """Every passage that fits: taken only to reach the number asked for."""
    sentences = transcript.sentences
    for first in range(len(sentences)):
        begin = cuts.begin[first]
        if begin is None:
            continue
        for last in range(first, len(sentences)):
            end = cuts.end[last]
            if sentences[last].end_ms - begin > wish.max_ms:
                break
            if end is None or not wish.min_ms <= end - begin <= wish.max_ms:
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
