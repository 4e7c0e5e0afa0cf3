"""What a person may change in one clip, and the state that gives. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pipeline.errors import WishError
from pipeline.looks import restyled
from pipeline.records import ClipPlan, Look, Rewording, Transcript
from pipeline.trimming import WordRef, checked_range, checked_word

LONGEST_TITLE = 200
LONGEST_WORD = 80
AS_CHOSEN = Look()


@dataclass(frozen=True, slots=True)
class ClipEdit:
    """One clip's present state over its base plan; None means as it was chosen."""

    first: int | None = None
    last: int | None = None
    cut: tuple[WordRef, ...] = ()
    words: tuple[Rewording, ...] = ()
    title: str | None = None
    look: Look = AS_CHOSEN
    dropped: bool = False


# -- what can be changed --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Trim:
    """Begin with sentence `first`, end with `last`. Cuts and rewordings outside are forgotten."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class CutWords:
    refs: tuple[WordRef, ...]


@dataclass(frozen=True, slots=True)
class RestoreWords:
    refs: tuple[WordRef, ...]


@dataclass(frozen=True, slots=True)
class Reword:
    """Show another text for a word; empty shows nothing, the word's own text takes the change back."""

    ref: WordRef
    text: str


@dataclass(frozen=True, slots=True)
class Retitle:
    text: str


@dataclass(frozen=True, slots=True)
class Restyle:
    """Set an option of `pipeline.looks`."""

    option: str
    value: str


@dataclass(frozen=True, slots=True)
class Drop:
    """Take the clip out of the job; undo or Reset brings it back."""


@dataclass(frozen=True, slots=True)
class Reset:
    """As it was chosen."""


Change = Trim | CutWords | RestoreWords | Reword | Retitle | Restyle | Drop | Reset


def changed(edit: ClipEdit, change: Change, base: ClipPlan, transcript: Transcript) -> ClipEdit:
    """The edit after one more change. Raises WishError when the change names what is not there."""
    first = base.first if edit.first is None else edit.first
    last = base.last if edit.last is None else edit.last
    match change:
        case Trim(new_first, new_last):
            return _trimmed(edit, *checked_range(new_first, new_last, transcript))
        case CutWords(refs):
            for ref in refs:
                checked_word(ref, first, last, transcript)
            return replace(edit, cut=tuple(sorted({*edit.cut, *refs})))
        case RestoreWords(refs):
            for ref in refs:
                checked_word(ref, first, last, transcript)
            return replace(edit, cut=tuple(ref for ref in edit.cut if ref not in set(refs)))
        case Reword(ref, text):
            heard = checked_word(ref, first, last, transcript).text
            return _reworded(edit, ref, checked_text(text, "word", LONGEST_WORD), heard)
        case Retitle(text):
            title = checked_text(text, "title", LONGEST_TITLE)
            if not title:
                raise WishError("A clip's title can't be empty; give it at least one letter.")
            return replace(edit, title=title)
        case Restyle(option, value):
            return replace(edit, look=restyled(edit.look, option, value))
        case Drop():
            return replace(edit, dropped=True)
        case Reset():
            return UNCHANGED


def checked_text(text: str, what: str, longest: int) -> str:
    """The text without spaces around it. Raises WishError when it is too long or holds control letters."""
    text = text.strip()
    if len(text) > longest:
        raise WishError(f"A {what} may have {longest} letters at most, not {len(text)}; shorten it.")
    # The two joiners are needed in Arabic and Indic scripts and count as not printable.
    if bad := next((c for c in text if not (c.isprintable() or c in "\u200c\u200d")), ""):
        raise WishError(f"A {what} can't hold {bad!r}; write it in one line of plain letters.")
    return text


def _trimmed(edit: ClipEdit, first: int, last: int) -> ClipEdit:
    return replace(
        edit,
        first=first,
        last=last,
        cut=tuple(ref for ref in edit.cut if first <= ref.sentence <= last),
        words=tuple(r for r in edit.words if first <= r.sentence <= last),
    )


def _reworded(edit: ClipEdit, ref: WordRef, text: str, heard: str) -> ClipEdit:
    words = [r for r in edit.words if (r.sentence, r.word) != (ref.sentence, ref.word)]
    if text != heard:
        words.append(Rewording(ref.sentence, ref.word, text))
    return replace(edit, words=tuple(sorted(words, key=lambda r: (r.sentence, r.word))))


UNCHANGED = ClipEdit()
