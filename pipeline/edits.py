"""What a person changes in a clip, as data beside what the chooser decided. Pure.

Each clip has a history of `ClipEdit`s; `apply` lays the present ones over the chosen `Edl`. Nothing here
holds a time: times come from the transcript, through `pipeline.cuts` and `pipeline.trimming`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Self

from pipeline.changes import LONGEST_TITLE, UNCHANGED, ClipEdit, checked_text
from pipeline.errors import WishError
from pipeline.records import ClipPlan, Edl, Ms, Rewording, Transcript
from pipeline.trimming import Trimming, checked_range

MOST_STEPS = 100
MOST_CLIPS = 20
HIGHEST_INDEX = 99


# -- over time ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class History:
    """The states of clip `index`: `past` oldest first, `future` next first."""

    index: int
    now: ClipEdit = UNCHANGED
    past: tuple[ClipEdit, ...] = ()
    future: tuple[ClipEdit, ...] = ()

    def then(self, edit: ClipEdit) -> Self:
        """One step on; a step that changes nothing is none. Only the last `MOST_STEPS` can be undone."""
        if edit == self.now:
            return self
        return replace(self, now=edit, past=(*self.past, self.now)[-MOST_STEPS:], future=())

    def undone(self) -> Self:
        """Raises WishError when there is nothing to undo."""
        if not self.past:
            raise WishError(f"There is nothing to undo in clip {self.index}.")
        return replace(self, now=self.past[-1], past=self.past[:-1], future=(self.now, *self.future))

    def redone(self) -> Self:
        """Raises WishError when there is nothing to redo."""
        if not self.future:
            raise WishError(f"There is nothing to redo in clip {self.index}.")
        return replace(self, now=self.future[0], past=(*self.past, self.now), future=self.future[1:])


@dataclass(frozen=True, slots=True)
class Added:
    """A clip that a person made of sentences `first..last`."""

    index: int
    first: int
    last: int
    title: str


@dataclass(frozen=True, slots=True)
class Edits:
    """Everything changed in a job since the choice named `base` (the key of its SELECT stage)."""

    base: str = ""
    added: tuple[Added, ...] = ()
    clips: tuple[History, ...] = ()

    def history(self, index: int) -> History:
        return next((h for h in self.clips if h.index == index), History(index))

    def with_history(self, history: History) -> Self:
        others = (h for h in self.clips if h.index != history.index)
        return replace(self, clips=tuple(sorted((*others, history), key=lambda h: h.index)))


# -- edits over the choice ------------------------------------------------------------------------


def apply(edl: Edl, edits: Edits, transcript: Transcript, film_ms: Ms) -> Edl:
    """The clips as edited, in the order of their numbers. Raises WishError when one leaves its bounds."""
    if not edits.added and not edits.clips:
        return edl
    trimming = Trimming(transcript, film_ms)
    plans = [
        edited(base, edits.history(base.index).now, trimming)
        for base in base_plans(edl, edits, trimming)
        if not edits.history(base.index).now.dropped
    ]
    if not plans:
        raise WishError("A job keeps at least one clip; this was the last one.")
    if len(plans) > MOST_CLIPS:
        raise WishError(f"A job may have {MOST_CLIPS} clips at most; drop one before you add another.")
    return replace(edl, clips=tuple(plans))


def base_plans(edl: Edl, edits: Edits, trimming: Trimming) -> list[ClipPlan]:
    """The clips as they were chosen or added, before any other change."""
    return [*edl.clips, *(_added_plan(added, edl, trimming) for added in edits.added)]


def edited(base: ClipPlan, edit: ClipEdit, trimming: Trimming) -> ClipPlan:
    """The plan with one edit laid over it; the same plan when nothing was changed. Raises WishError."""
    if edit == UNCHANGED:
        return base
    first = base.first if edit.first is None else edit.first
    last = base.last if edit.last is None else edit.last
    trimmed = trimming.clip(base, first, last, edit.cut)
    # A cut word is hidden too: the frame that a cut ends on may still hold a little of it.
    hidden = {(ref.sentence, ref.word): Rewording(ref.sentence, ref.word, "") for ref in edit.cut}
    words = {(r.sentence, r.word): r for r in edit.words} | hidden
    sentences = trimming.transcript.sentences
    return replace(
        base,
        first=first,
        last=last,
        start_ms=trimmed.span.start_ms,
        end_ms=trimmed.span.end_ms,
        removed=trimmed.removed,
        title=base.title if edit.title is None else edit.title,
        hook=base.hook if first == base.first else sentences[first].text,
        words=tuple(words[key] for key in sorted(words)),
        look=edit.look,
    )


def added(
    edl: Edl, edits: Edits, first: int, last: int, title: str, transcript: Transcript
) -> tuple[Edits, int]:
    """The edits with a new clip, and its number: the next that was never used. Raises WishError."""
    checked_range(first, last, transcript)
    title = checked_text(title, "title", LONGEST_TITLE) or _default_title(edl, first, last, transcript)
    used = _indices(edl.clips) + [a.index for a in edits.added]
    index = max(used, default=0) + 1
    if index > HIGHEST_INDEX:
        raise WishError(f"The clips of a job are numbered up to {HIGHEST_INDEX}; edit one you have instead.")
    return replace(edits, added=(*edits.added, Added(index, first, last, title))), index


def _indices(plans: Iterable[ClipPlan]) -> list[int]:
    return [plan.index for plan in plans]


def _default_title(edl: Edl, first: int, last: int, transcript: Transcript) -> str:
    noted = next((r.title for r in edl.rejected if (r.first, r.last) == (first, last)), "")
    plain = "".join(c for c in noted or transcript.sentences[first].text if c.isprintable())
    return plain.strip()[:60] or f"Sentences {first} to {last}"


def _added_plan(added: Added, edl: Edl, trimming: Trimming) -> ClipPlan:
    noted = next((r for r in edl.rejected if (r.first, r.last) == (added.first, added.last)), None)
    span = trimming.span(added.first, added.last)
    return ClipPlan(
        index=added.index,
        first=added.first,
        last=added.last,
        start_ms=span.start_ms,
        end_ms=span.end_ms,
        title=added.title,
        hook=trimming.transcript.sentences[added.first].text,
        score=noted.score if noted else 0,
        reason="added by hand",
    )
