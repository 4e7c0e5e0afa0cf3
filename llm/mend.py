"""MEND: a second look at only the openings and the endings, which may move, and other cuts of the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from llm.answer import read_object, whole
from llm.desk import Desk, Question, Read, told_of
from llm.film import Film
from llm.pool import Candidate
from llm.prompt import Schema, conversation, disarmed, integer, listing, record
from pipeline.records import Ms, Rejected

STEP = "mend"

CLIPS_PER_QUESTION = 4
OUTSIDE, OWN = 3, 3
"""Sentences shown beyond an edge, and of the passage itself."""
LONGEST_EDGE_LINE = 220
MOST_ALTERNATIVES = 2

KINDS = {
    "tight": "alternative: tighter",
    "with_question": "alternative: with the question",
    "with_reaction": "alternative: with the reaction",
}


@dataclass(frozen=True, slots=True)
class Edges:
    """The sentences shown of a passage: those it may begin with, and those it may end with."""

    opening: range
    ending: range


@dataclass(frozen=True, slots=True)
class Mended:
    """The candidates in the same order; `fault` says why some were left as they were."""

    candidates: tuple[Candidate, ...]
    moved: int
    fault: str
    repaired: int


def mend(desk: Desk, film: Film, candidates: Sequence[Candidate]) -> Mended:
    """Ask about the edges of all candidates, a few in each question, several questions at once."""
    size = CLIPS_PER_QUESTION
    groups = [candidates[at : at + size] for at in range(0, len(candidates), size)]
    answers = desk.ask_all([question_of(film, group) for group in groups])
    mended = [
        each
        for group, answer in zip(groups, answers, strict=True)
        for each in (answer.values[-1] if answer.values else group)
    ]
    faults = [answer.fault for answer in answers if answer.fault]
    moved = sum(
        (one.pick.first, one.pick.last) != (other.pick.first, other.pick.last)
        for one, other in zip(candidates, mended, strict=True)
    )
    return Mended(
        tuple(mended), moved, told_of(faults, len(groups)), sum(answer.repaired for answer in answers)
    )


def edges_of(film: Film, candidate: Candidate) -> Edges:
    """Up to three sentences on either side of each edge, within the film."""
    pick, count = candidate.pick, len(film.transcript.sentences)
    return Edges(
        opening=range(max(0, pick.first - OUTSIDE), min(pick.first + OWN, pick.last + 1)),
        ending=range(max(pick.first, pick.last - OWN + 1), min(count, pick.last + OUTSIDE + 1)),
    )


def question_of(film: Film, group: Sequence[Candidate]) -> Question[tuple[Candidate, ...]]:
    """The question about a few candidates; its answer is those candidates, mended."""
    blocks = "\n\n".join("\n".join(_lines(film, number, each)) for number, each in enumerate(group, start=1))
    seconds = film.seconds()
    messages = conversation(STEP, "mend_edges", seconds, {"lines": blocks, "count": len(group)})
    names = ", ".join(f'"{_name(number)}"' for number in range(1, len(group) + 1))
    expected = (
        f'an object with the one key "clips", in it {names}, each with `first`, `last` and `alternatives`; '
        f"only ids shown for that clip, {seconds['shortest']} to {seconds['longest']} seconds long."
    )
    return Question(
        STEP, messages, schema_of(film, group), expected, lambda answer: _read(answer, film, group)
    )


def schema_of(film: Film, group: Sequence[Candidate]) -> Schema:
    """Every clip under its own name, so that its ids can be bounded by what was shown of it."""
    clips = {}
    for number, candidate in enumerate(group, start=1):
        edges = edges_of(film, candidate)
        first = integer(edges.opening[0], edges.opening[-1])
        last = integer(edges.ending[0], edges.ending[-1])
        kind: Schema = {"type": "string", "enum": list(KINDS)}
        other = record({"kind": kind, "first": first, "last": last})
        clips[_name(number)] = record(
            {"first": first, "last": last, "alternatives": listing(other, MOST_ALTERNATIVES)}
        )
    return record({"clips": record(clips)})


def _name(number: int) -> str:
    return f"clip_{number}"


def _lines(film: Film, number: int, candidate: Candidate) -> Iterator[str]:
    pick, edges = candidate.pick, edges_of(film, candidate)
    yield f"{_name(number)} ({_told(film.length_ms(pick.first, pick.last))}, {pick.first} to {pick.last})"
    shown = sorted({*edges.opening, *edges.ending})
    for before, at in zip([None, *shown], shown, strict=False):
        if before is not None and at > before + 1:
            yield "(…)"
        text = disarmed(film.transcript.sentences[at].text, LONGEST_EDGE_LINE)
        yield f"{at} | {_place(at, pick.first, pick.last)} | {_told(film.length_ms(at, at))} | {text}"


def _place(at: int, first: int, last: int) -> str:
    if at < first:
        return "before"
    if at > last:
        return "after"
    return "first" if at == first else "last" if at == last else "inside"


def _told(length: Ms) -> str:
    return f"{length / 1000:.0f} s"


def _read(answer: str, film: Film, group: Sequence[Candidate]) -> Read[tuple[Candidate, ...]]:
    """What can be taken of the answer, clip by clip. Raises BadAnswer when it holds no clips."""
    told = read_object(answer, "clips")
    mended: list[Candidate] = []
    faults: list[str] = []
    for number, candidate in enumerate(group, start=1):
        item = told.get(_name(number))
        if not isinstance(item, dict):
            faults.append(f"{_name(number)} is missing")
            mended.append(candidate)
            continue
        moved, fault = _moved(film, candidate, item)
        if fault:
            faults.append(f"{_name(number)}: {fault}")
        mended.append(replace(moved, alternatives=tuple(_alternatives(film, candidate, moved, item))))
    # One good clip is enough: the others stay as they were found.
    return Read(tuple(mended), "; ".join(faults) if len(faults) == len(group) else "")


def _moved(film: Film, candidate: Candidate, item: dict[str, object]) -> tuple[Candidate, str]:
    """The candidate with both edges moved, or the one that keeps the length; and what was wrong."""
    pick, edges = candidate.pick, edges_of(film, candidate)
    first, last = whole(item.get("first")), whole(item.get("last"))
    if first not in edges.opening or last not in edges.ending:
        return candidate, "there are only the ids shown"
    assert first is not None and last is not None
    for begin, end in ((first, last), (first, pick.last), (pick.first, last)):
        if film.fits(begin, end):
            return replace(candidate, pick=replace(pick, first=begin, last=end)), ""
    length = film.length_ms(first, last) / 1000 if first <= last else 0
    return candidate, f"{first} to {last} is {length:.0f} s long"


def _alternatives(
    film: Film, shown: Candidate, moved: Candidate, item: dict[str, object]
) -> Iterator[Rejected]:
    """Other cuts with known ids and a fitting length."""
    edges, pick = edges_of(film, shown), moved.pick
    listed = item.get("alternatives")
    for other in listed[:MOST_ALTERNATIVES] if isinstance(listed, list) else ():
        if not isinstance(other, dict):
            continue
        first, last, kind = whole(other.get("first")), whole(other.get("last")), other.get("kind")
        if first not in edges.opening or last not in edges.ending or not isinstance(kind, str):
            continue
        assert first is not None and last is not None
        if kind in KINDS and film.fits(first, last):
            yield Rejected(first, last, pick.score, KINDS[kind])
