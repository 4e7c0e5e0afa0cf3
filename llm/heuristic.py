"""Choosing highlights without a model: every window of sentences is scored, the best set taken."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from llm.best_set import BestSet, best_set
from llm.features import Features, Floats, measure
from llm.reasons import reason_for, why_not
from llm.terms import terms_of
from llm.titles import hook_of, title_of
from llm.windows import Windows, about, bounds_of, score_windows
from llm.worth import Weights
from pipeline.records import Choice, MadeBy, Pick, Rejected, Transcript, Wish

NAME = "heuristic"
VERSION = "2"

# Words of a wish that name no subject: "the part where she talks about money" is about money.
_WISH_WORDS = frozenset(
    ("clip", "clips", "moment", "moments", "part", "parts", "talk", "talks", "video", "videos")
)


def choose_heuristic(
    transcript: Transcript, wish: Wish, *, fallback: str = "", weights: Weights | None = None
) -> Choice:
    """The best passages by hook, completeness, substance and delivery, best first.

    The first `wish.count` picks lie apart and differ in topic; what follows is a reserve. `fallback`
    says why a model did not choose; `weights` replace the shipped ones. Gives no picks when no window of
    sentences fits the bounds; the settings in `made_by` then say so.
    """
    features = measure(transcript, weights)
    windows = score_windows(features, transcript.sound, wish)
    total, note = _steered(features, windows, transcript, wish)
    found = best_set(features, windows, total, wish.count)
    picks = tuple(
        _pick(transcript, features, windows, total, index) for index in (*found.chosen, *found.reserves)
    )
    rejected = tuple(_rejections(transcript, features, windows, total, found))
    made_by = MadeBy(NAME, VERSION, _settings(windows, wish, note), fallback)
    return Choice(picks, rejected, made_by, tuple(_notes(transcript, wish, note)))


def _notes(transcript: Transcript, wish: Wish, focus_note: str) -> Iterator[str]:
    if focus_note:
        yield focus_note[0].upper() + focus_note[1:]
    wanted = wish.output_language.partition("-")[0].lower()
    spoken = transcript.language.partition("-")[0].lower()
    if wanted not in ("auto", spoken):
        yield f"The titles stay in the language spoken ({spoken}): only a model can write them in {wanted}"


def _settings(windows: Windows, wish: Wish, note: str) -> str:
    shortest, longest = bounds_of(wish)
    text = f"{len(windows.first)} windows of {shortest / 1000:g}–{longest / 1000:g} s"
    return f"{text}; {note}" if note else text


def _steered(features: Features, windows: Windows, transcript: Transcript, wish: Wish) -> tuple[Floats, str]:
    """The totals bent towards the wish's subject, and what to tell about it."""
    if not wish.focus.strip():
        return windows.total, ""
    language = transcript.language.partition("-")[0].lower()
    plain = " ".join(word for word in wish.focus.split() if word.casefold() not in _WISH_WORDS)
    wanted = frozenset(terms_of(plain, language))
    match = about(features, windows, wanted)
    matching = int(np.count_nonzero(match))
    if not matching:
        return windows.total, f"nothing in the video matches the focus {wish.focus!r}, so it was left aside"
    # Nothing off the subject is offered; among what is on it, more of it wins over better craft.
    bent = np.where(match > 0, windows.total * (0.2 + 0.8 * match), 0.0)
    return bent, f"focus {wish.focus!r} matched by {matching} windows"


def _score(value: float) -> int:
    return max(0, min(100, round(100 * value)))


def _pick(transcript: Transcript, features: Features, windows: Windows, total: Floats, index: int) -> Pick:
    first, last = int(windows.first[index]), int(windows.last[index])
    sentences = transcript.sentences[first : last + 1]
    return Pick(
        first=sentences[0].id,
        last=sentences[-1].id,
        title=title_of(sentences, features, transcript.language, transcript.punctuated),
        score=_score(float(total[index])),
        reason=reason_for(features, transcript, first, last),
        hook=hook_of(sentences),
        parts=windows.parts(index),
    )


def _rejections(
    transcript: Transcript, features: Features, windows: Windows, total: Floats, found: BestSet
) -> list[Rejected]:
    rejected = []
    for index, relation, place in found.left:
        first, last = int(windows.first[index]), int(windows.last[index])
        sentences = transcript.sentences[first : last + 1]
        rejected.append(
            Rejected(
                first=sentences[0].id,
                last=sentences[-1].id,
                score=_score(float(total[index])),
                why=why_not(features, transcript, windows, float(total[index]), index, relation, place),
                title=title_of(sentences, features, transcript.language, transcript.punctuated),
            )
        )
    return rejected
