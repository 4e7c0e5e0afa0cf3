"""RANK: the whole pool against each other, twice, the second time with the order turned round."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from llm.answer import rating, read_list, whole
from llm.desk import Desk, Question, Read
from llm.film import Film
from llm.pool import Candidate, best_first
from llm.prompt import (
    MOST_FOREIGN_CHARS,
    SCORE,
    Schema,
    conversation,
    disarmed,
    excerpt,
    focus_line,
    integer,
    listing,
    record,
)

STEP = "rank"

MOST_RANKED = 30
"""More candidates would leave each too few words to be judged by."""

LONGEST_SHOWN_REASON = 150
MOST_SHOWN_CHARS = 1_200
HEADING_CHARS = 80

DISAGREEMENT_POINTS = 20
"""What a candidate loses that was first in one round and last in the other: the model does not know."""

DOUBT_POINTS = 5
"""What it loses when only one round found it good."""


@dataclass(frozen=True, slots=True)
class Place:
    """What one round says of a candidate: its place from 0 (best) to 1, its score, whether it is good."""

    place: float
    score: int
    good: bool


Round = tuple[Place, ...]
"""A place for every candidate, in the order of the pool."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """The candidates best first; `rounds` of them could be used, `fault` says why not both."""

    candidates: tuple[Candidate, ...]
    rounds: int
    fault: str
    repaired: int


def rank(desk: Desk, film: Film, candidates: Sequence[Candidate]) -> Ranked:
    """Ask for both orders at once. Without a usable round the candidates stay as they are."""
    if not candidates:
        return Ranked((), 0, "", 0)
    backwards = list(reversed(candidates))
    orders = [list(candidates), backwards] if len(candidates) > 1 else [list(candidates)]
    answers = desk.ask_all([question_of(film, order) for order in orders])
    rounds: list[Round] = []
    for turned, answer in enumerate(answers):
        if answer.values and not answer.fault:
            seen = answer.values[-1]
            rounds.append(tuple(reversed(seen)) if turned else seen)
    faults = [answer.fault for answer in answers if answer.fault]
    return Ranked(
        candidates=tuple(_judged(candidates, rounds)),
        rounds=len(rounds),
        fault=faults[0] if faults else "",
        repaired=sum(answer.repaired for answer in answers),
    )


def question_of(film: Film, order: Sequence[Candidate]) -> Question[Round]:
    """The question in one order; candidates are numbered by their place in it."""
    count = len(order)
    room = MOST_FOREIGN_CHARS // max(1, count) - LONGEST_SHOWN_REASON - HEADING_CHARS
    room = min(room, MOST_SHOWN_CHARS)
    lines = "\n\n".join(_shown(film, number, each, room) for number, each in enumerate(order, start=1))
    focus = focus_line(film.wish.focus, "What is about something else comes last and is not good.")
    messages = conversation(STEP, "rank_pool", {}, {"focus": focus, "lines": lines, "count": count})
    expected = (
        f'an object with the one key "ranking", in it the numbers 1 to {count}, each exactly once, '
        "best first, each with `candidate`, `score` and `good`."
    )
    return Question(STEP, messages, schema_of(count), expected, lambda answer: read_ranking(answer, count))


def schema_of(count: int) -> Schema:
    """All candidates, each with a score and whether it is good."""
    entry = record({"candidate": integer(1, count), "score": SCORE, "good": {"type": "boolean"}})
    return record({"ranking": listing(entry, count, count)})


def _shown(film: Film, number: int, candidate: Candidate, room: int) -> str:
    pick = candidate.pick
    seconds = round(film.length_ms(pick.first, pick.last) / 1000)
    return (
        f"candidate {number} | {seconds} s | sentences {pick.first} to {pick.last}\n"
        f"chosen because: {disarmed(pick.reason, LONGEST_SHOWN_REASON)}\n"
        f"words: {excerpt(film.text(pick.first, pick.last), room)}"
    )


def read_ranking(answer: str, count: int) -> Read[Round]:
    """A place for each of `count` candidates; those left out come last, unknown and repeated numbers go.

    The order is what the model was asked for, so its scores are handed out along it from the highest. A
    ranking that leaves out more than half is a fault. Raises BadAnswer when there is none at all.
    """
    entries: dict[int, tuple[int, bool]] = {}
    for item in read_list(answer, "ranking"):
        number = whole(item.get("candidate")) if isinstance(item, dict) else None
        if number is not None and 1 <= number <= count and number not in entries:
            entries[number] = (rating(item.get("score")), item.get("good") is True)
    scores = sorted((score for score, _ in entries.values()), reverse=True)
    lowest = scores[-1] if scores else 0
    left_out = [number for number in range(1, count + 1) if number not in entries]
    order = [*entries, *left_out]
    scores += [lowest] * len(left_out)
    places = {
        number: Place(at / max(1, count - 1), scores[at], entries.get(number, (0, False))[1])
        for at, number in enumerate(order)
    }
    fault = f"{len(left_out)} of {count} candidates are left out" if 2 * len(left_out) > count else ""
    return Read(tuple(places[number] for number in range(1, count + 1)), fault)


def _judged(candidates: Sequence[Candidate], rounds: Sequence[Round]) -> list[Candidate]:
    """The candidates by what the rounds agree on."""
    if not rounds:
        return list(candidates)
    judged = best_first(
        [_as_seen(candidate, [seen[at] for seen in rounds]) for at, candidate in enumerate(candidates)]
    )
    worst_good = min((each.pick.score for each in judged if each.good), default=100)
    # A score is shown to people: none that comes later may look better.
    return [
        each if each.good else replace(each, pick=replace(each.pick, score=min(each.pick.score, worst_good)))
        for each in judged
    ]


def _as_seen(candidate: Candidate, seen: Sequence[Place]) -> Candidate:
    apart = max(each.place for each in seen) - min(each.place for each in seen)
    good = [each.good for each in seen]
    score = sum(each.score for each in seen) / len(seen) - DISAGREEMENT_POINTS * apart
    # In doubt it stays good, for less: to turn a passage down both rounds have to.
    score -= DOUBT_POINTS * (any(good) and not all(good))
    pick = replace(candidate.pick, score=max(0, min(100, round(score))))
    return replace(candidate, pick=pick, good=any(good))
