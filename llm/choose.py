"""The one door to choosing: a model when one is configured, the heuristic otherwise or when it fails.

    FIND per part -> MEND the edges -> RANK the pool twice -> NAME what was taken

What goes wrong in a step costs that step alone: what the step before made stays. Whoever chose, and why
the other did not, is in the result.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from llm.account import Account, fallback_of, notes_of, settings_of, unusable
from llm.answers import Answers
from llm.best_set import REJECTED, RESERVES
from llm.client import ChatClient, ModelUnusable
from llm.desk import Desk
from llm.film import Film, film_of
from llm.find import Found, find, inside
from llm.heuristic import choose_heuristic
from llm.mend import mend
from llm.name import name, with_name
from llm.pool import Candidate, apart, best_first, turned_away
from llm.prompt import PROMPT_VERSION, disarmed
from llm.rank import MOST_RANKED, rank
from pipeline.options import ModelOptions
from pipeline.records import Choice, Chunk, MadeBy, Pick, Rejected, Transcript, Wish

MOST_POOLED = 100
"""Of what many parts give only this much, the best by their own scores, is compared and told about."""

NAMED_RESERVES = 3
"""Titles beyond the clips asked for: a pick may fail to find a silence to be cut in."""


def choose(
    transcript: Transcript,
    chunks: Sequence[Chunk],
    wish: Wish,
    options: ModelOptions,
    keep: Path | None = None,
) -> Choice:
    """Passages worth a clip, best first, and those considered and not taken.

    The first `wish.count` picks lie apart and differ in topic (fewer where the film holds fewer); what
    follows is a reserve in order. Whatever goes wrong with the model, the step before or the heuristic
    decides instead, and `made_by.fallback` says why. Answers are kept in the folder `keep`, so that the
    same question is not asked again.
    """
    if not options.api_base.strip():
        return choose_heuristic(transcript, wish, fallback="no model is configured")
    if not options.model.strip():
        return choose_heuristic(
            transcript, wish, fallback="LLM_API_BASE is set, but LLM_MODEL_NAME names no model"
        )
    film = film_of(transcript, chunks, wish)
    if not film.parts or not len(film.windows.first):
        return choose_heuristic(transcript, wish, fallback="the video holds no passage to ask a model about")
    try:
        with ChatClient(options) as client:
            return _chosen(Desk(client, options.model, Answers(keep)), film)
    except ModelUnusable as exc:
        return choose_heuristic(transcript, wish, fallback=str(exc))


def _chosen(desk: Desk, film: Film) -> Choice:
    """The four steps, and what they came to."""
    began = time.monotonic()
    found = find(desk, film)
    if len(found.failed) == len(film.parts):
        return choose_heuristic(film.transcript, film.wish, fallback=unusable(found))
    second = choose_heuristic(film.transcript, film.wish)
    pool, away = apart(film, best_first(_pooled(found, second.picks))[:MOST_POOLED])
    tried = 3 * film.wish.count + 4
    mended = mend(desk, film, pool[:tried])
    pool, repeated = apart(film, best_first([*mended.candidates, *pool[tried:]]))
    ranked = rank(desk, film, pool[:MOST_RANKED])
    order = [*ranked.candidates, *pool[MOST_RANKED:]]
    wanted, to_name = film.wish.count + RESERVES, film.wish.count + NAMED_RESERVES
    taken = order[:wanted]
    if len(order) < wanted:
        taken = apart(film, [Candidate(pick) for pick in second.picks], order)[0][:wanted]
    named = name(desk, film, taken[:to_name])
    final = [*named.candidates, *(with_name(film, each) for each in taken[to_name:])]
    rejected = [
        *(replace(other, score=each.pick.score) for each in final for other in each.alternatives),
        *turned_away(film, [*away, *repeated, *order[wanted:]], final),
        *found.rejected,
        *second.rejected,
    ]
    account = Account(film, found, mended, ranked, named, len(order), desk.use, time.monotonic() - began)
    return _choice(film, desk.model, final, rejected, account)


def _choice(
    film: Film, model: str, final: Sequence[Candidate], rejected: Sequence[Rejected], account: Account
) -> Choice:
    picks = tuple(_marked(each) for each in final)
    made_by = MadeBy(
        disarmed(model, 100), f"prompt {PROMPT_VERSION}", settings_of(account), fallback_of(account)
    )
    return Choice(picks, _others(film, rejected, picks), made_by, notes_of(account))


def _pooled(found: Found, second: Sequence[Pick]) -> list[Candidate]:
    """What the model found, and what the heuristic found in the parts that the model failed at."""
    missed = [Candidate(pick) for pick in second if inside(pick, found.failed)]
    return [*found.candidates, *missed]


def _marked(candidate: Candidate) -> Pick:
    """The pick, which says so when the model saw it beside the others and would not publish it."""
    if candidate.good is not False:
        return candidate.pick
    reason = candidate.pick.reason.rstrip(".") + "; the model would not publish it as it is."
    return replace(candidate.pick, reason=reason)


def _others(film: Film, rejected: Sequence[Rejected], picks: Sequence[Pick]) -> tuple[Rejected, ...]:
    """The rejected passages without doubles and without what was picked after all, each with a title."""
    seen = {(pick.first, pick.last) for pick in picks}
    others: list[Rejected] = []
    for each in rejected:
        if (each.first, each.last) not in seen and len(others) < REJECTED:
            seen.add((each.first, each.last))
            others.append(replace(each, title=each.title or film.own_title(each.first, each.last)))
    return tuple(others)
