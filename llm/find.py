"""FIND: each part of the film is asked about in its own question; what comes back is checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from llm.claims import LONGEST_REASON, MOST_CLIPS, SUB_SCORES, Claim, Reading, read_claims
from llm.desk import Answered, Desk, Question, Read
from llm.film import Film
from llm.pool import Candidate
from llm.prompt import (
    LONGEST_LINE,
    SCORE,
    Schema,
    clock,
    conversation,
    disarmed,
    focus_line,
    integer,
    listing,
    record,
    text,
)
from llm.quotes import LONGEST_QUOTE
from pipeline.records import Chunk, Pick, Rejected

STEP = "find"


@dataclass(frozen=True, slots=True)
class Found:
    """What the model found. `failed` are parts whose answers were of no use, `fault` why the first was."""

    candidates: tuple[Candidate, ...]
    rejected: tuple[Rejected, ...]
    failed: tuple[Chunk, ...]
    fault: str
    repaired: int


def find(desk: Desk, film: Film) -> Found:
    """Ask about every part, several at once."""
    answers = desk.ask_all([question_of(film, part) for part in film.parts])
    readings = [_useful(answer) for answer in answers]
    failed = [
        (part, answer.fault)
        for part, answer, reading in zip(film.parts, answers, readings, strict=True)
        if reading is None
    ]
    good = [reading for reading in readings if reading is not None]
    return Found(
        candidates=tuple(Candidate(_as_pick(film, claim)) for each in good for claim in each.claims),
        rejected=tuple(rejected for each in good for rejected in each.rejected),
        failed=tuple(part for part, _ in failed),
        fault=failed[0][1] if failed else "",
        repaired=sum(answer.repaired for answer in answers),
    )


def question_of(film: Film, part: Chunk) -> Question[Reading]:
    """The question about one part."""
    seconds = film.seconds()
    sentences = film.sentences(part.first, part.last)
    lines = "\n".join(
        f"{s.id} | {clock(s.start_ms)} | {film.energy[s.id]} | {disarmed(s.text, LONGEST_LINE)}"
        for s in sentences
    )
    focus = focus_line(film.wish.focus, "Leave out what is about something else.")
    place = {"part": part.id + 1, "parts": len(film.parts), "first": part.first, "last": part.last}
    messages = conversation(
        STEP,
        "find_part",
        {**seconds, "most": MOST_CLIPS},
        {**seconds, **place, "focus": focus, "lines": lines},
    )
    expected = (
        f'an object with the one key "clips", ids from {part.first} to {part.last}, `first` not after '
        f"`last`, `quote` the opening words of sentence `first`, each passage {seconds['shortest']} to "
        f"{seconds['longest']} seconds long. An empty list is allowed."
    )
    return Question(STEP, messages, schema_of(part), expected, lambda answer: _read(answer, film, part))


def schema_of(part: Chunk) -> Schema:
    """What an answer about a part has to look like."""
    sentence = integer(part.first, part.last)
    clip = record(
        {
            "first": sentence,
            "quote": text(LONGEST_QUOTE),
            "last": sentence,
            "key": sentence,
            "reason": text(LONGEST_REASON),
            **dict.fromkeys(SUB_SCORES, SCORE),
            "score": SCORE,
        }
    )
    return record({"clips": listing(clip, MOST_CLIPS)})


def _read(answer: str, film: Film, part: Chunk) -> Read[Reading]:
    reading = read_claims(answer, part, film.transcript.sentences, film.windows, film.wish)
    # One usable claim is enough: asking again would cost more than the others are worth.
    return Read(reading, "" if reading.claims else "; ".join(reading.faults))


def _useful(answer: Answered[Reading]) -> Reading | None:
    """The last reading, unless nothing but faults came of it. An empty list is an answer."""
    return answer.values[-1] if answer.values and not answer.fault else None


def _as_pick(film: Film, claim: Claim) -> Pick:
    return Pick(
        first=claim.first,
        last=claim.last,
        title="",
        score=claim.score,
        reason=claim.reason or "The model gave no reason.",
        parts=claim.parts,
    )


def inside(pick: Pick, parts: Sequence[Chunk]) -> bool:
    """Whether a passage lies whole in one of these parts."""
    return any(part.first <= pick.first and pick.last <= part.last for part in parts)
