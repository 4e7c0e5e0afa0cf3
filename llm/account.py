"""What the manifest and the person are told of a choice by a model: settings, shortfalls, notes."""

from __future__ import annotations

from dataclasses import dataclass

from llm.desk import Use
from llm.film import Film
from llm.find import Found
from llm.mend import Mended
from llm.name import Named
from llm.rank import Ranked
from llm.titles import shortened

LONGEST_REASON = 160
"""Of what was wrong with an answer; the first of many faults tells enough."""


@dataclass(frozen=True, slots=True)
class Account:
    """What each step came to. `by_model`: candidates before the heuristic filled up what was missing."""

    film: Film
    found: Found
    mended: Mended
    ranked: Ranked
    named: Named
    by_model: int
    use: Use
    seconds: float

    @property
    def count(self) -> int:
        return self.film.wish.count

    @property
    def parts(self) -> int:
        return len(self.film.parts)

    @property
    def good(self) -> int:
        """How many the model would publish, of all it ranked."""
        return sum(each.good is True for each in self.ranked.candidates)


def settings_of(account: Account) -> str:
    """How it was chosen and what that cost."""
    steps = (account.found, account.mended, account.ranked, account.named)
    pieces = [f"{account.parts} parts, {sum(step.repaired for step in steps)} asked twice, temperature 0"]
    if account.by_model < account.count:
        pieces.append(f"picks from number {account.by_model + 1} on by the heuristic")
    if account.mended.moved:
        pieces.append(f"{account.mended.moved} of {len(account.mended.candidates)} edges mended")
    if account.ranked.rounds:
        pieces.append(f"{account.good} of {len(account.ranked.candidates)} candidates good")
    if account.named.own_words:
        refused = f" ({account.named.refused})" if account.named.refused else ""
        pieces.append(f"{account.named.own_words} titles in the clip's own words{refused}")
    return "; ".join([*pieces, account.use.told(account.seconds)])


def fallback_of(account: Account) -> str:
    """Which step failed and why, and where the heuristic had a hand in it; empty when all went well."""
    found, count, by_model = account.found, account.count, account.by_model
    told = []
    if found.failed:
        why = shortened(found.fault, LONGEST_REASON)
        told.append(f"{len(found.failed)} of {account.parts} parts were judged by the heuristic ({why})")
    if not by_model:
        told.append("the model found nothing worth a clip, the heuristic chose")
    elif by_model < count:
        told.append(f"the model found {by_model} of {count} clips, the heuristic chose the rest")
    return "; ".join([*told, *_steps_left_out(account)])


def unusable(found: Found) -> str:
    """Why the heuristic chose alone."""
    return f"the model's answers could not be used: {shortened(found.fault, LONGEST_REASON)}"


def _steps_left_out(account: Account) -> list[str]:
    """The steps after FIND that failed, those with the same reason together."""
    order = "rank ordered once only" if account.ranked.rounds else "rank left each part's own scores"
    by_reason: dict[str, list[str]] = {}
    for what, why in (
        ("mend left edges as they were found", account.mended.fault),
        (order, account.ranked.fault),
        ("name left titles in the clips' own words", account.named.fault),
    ):
        if why:
            by_reason.setdefault(shortened(why, LONGEST_REASON), []).append(what)
    return [f"{', '.join(steps)} ({why})" for why, steps in by_reason.items()]


def notes_of(account: Account) -> tuple[str, ...]:
    """What the person should know: that the film holds fewer good clips than were asked for."""
    if not account.ranked.rounds or account.good >= account.count:
        return ()
    number = account.good or "none"
    return (
        f"The model would publish {number} of the {account.count} clips as they are; "
        "the others fill the number asked for.",
    )
