"""An edit as a visitor writes it, to the pipeline's changes: one step of undo."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from itertools import islice
from typing import Any

from node.errors import BadRequest
from pipeline import editing
from pipeline.changes import (
    Change,
    CutWords,
    Drop,
    Reset,
    RestoreWords,
    Restyle,
    Retitle,
    Reword,
    Trim,
)
from pipeline.editing import Opened
from pipeline.records import ClipPlan, Transcript
from pipeline.trimming import WordRef
from pipeline.workspace import Workspace

MOST_NAMED = 2_000
"""Entries of one list or object of an edit."""
MOST_WORDS = 20_000
"""Words in all ranges of one list; a clip of ten minutes has about 2,000."""
HIGHEST = 999_999
"""Of a sentence's number, as `_REF` has it too."""

_REF = re.compile(r"([0-9]{1,6})\.([0-9]{1,4})")
_FLAGS = ("drop", "reset", "undo", "redo")
_KNOWN = frozenset(("first", "last", "cut", "restore", "words", "title", "look", *_FLAGS))


def carry_out(workspace: Workspace, clip: int, wanted: Mapping[str, Any]) -> Opened:
    """Do what `wanted` says to a clip. Raises BadRequest, or the pipeline's WishError.

    Keys: first and last (sentence ids), cut and restore (lists of "12.3" or "12.3-12.7": sentence and
    word), words ({"12.3": "text"}), title, look ({option: value}), drop, reset, undo, redo.
    """
    unknown = sorted(set(wanted) - _KNOWN)
    if unknown:
        raise BadRequest(f"{unknown[0][:40]!r} is no edit; the edits are {', '.join(sorted(_KNOWN))}.")
    if isinstance(clip, bool) or not isinstance(clip, int):
        raise BadRequest(f"clip is {str(clip)[:20]!r}, but must be the number of a clip.")
    flags = {name for name in _FLAGS if _flag(wanted.get(name), name)}
    named = {name for name, value in wanted.items() if value is not None and value is not False}
    for name, step in (("undo", editing.undo), ("redo", editing.redo)):
        if name in flags:
            if named != {name}:
                raise BadRequest(f"{name} stands alone; ask for the other edits in a request of their own.")
            return step(workspace, clip)
    opened = editing.open_job(workspace)
    changes = _changes(wanted, flags, opened, clip)
    if not changes:
        raise BadRequest(f"Nothing to change was named; the edits are {', '.join(sorted(_KNOWN))}.")
    return editing.edit(workspace, clip, *changes)


def add(workspace: Workspace, first: int, last: int, title: str) -> tuple[Opened, int]:
    """Make a passage a clip of its own; gives its number. Raises as `carry_out`."""
    return editing.add(workspace, _whole(first, "first"), _whole(last, "last"), _text(title, "title"))


def _changes(wanted: Mapping[str, Any], flags: Collection[str], opened: Opened, clip: int) -> list[Change]:
    changes: list[Change] = []
    if "reset" in flags:
        changes.append(Reset())
    if wanted.get("first") is not None or wanted.get("last") is not None:
        changes.append(_trim(wanted.get("first"), wanted.get("last"), opened.plan(clip), clip))
    if refs := _refs(wanted.get("cut"), opened.transcript):
        changes.append(CutWords(refs))
    if refs := _refs(wanted.get("restore"), opened.transcript):
        changes.append(RestoreWords(refs))
    for ref, text in _mapping(wanted.get("words"), "words").items():
        changes.append(Reword(_ref(ref), text))
    if wanted.get("title") is not None:
        changes.append(Retitle(_text(wanted["title"], "title")))
    for option, value in _mapping(wanted.get("look"), "look").items():
        changes.append(Restyle(option, value))
    if "drop" in flags:
        changes.append(Drop())
    return changes


def _trim(first: Any, last: Any, plan: ClipPlan | None, clip: int) -> Trim:
    """The end that is not named stays where it is."""
    if plan is None and (first is None or last is None):
        raise BadRequest(f"Clip {clip} is not in this job, or was removed; undo or reset brings it back.")
    low = plan.first if plan and first is None else _whole(first, "first")
    high = plan.last if plan and last is None else _whole(last, "last")
    return Trim(low, high)


def _flag(value: Any, name: str) -> bool:
    if value is not None and not isinstance(value, bool):
        raise BadRequest(f"{name} is {str(value)[:20]!r}, but must be true or false.")
    return bool(value)


def _whole(value: Any, name: str) -> int:
    is_whole = isinstance(value, float) and value.is_integer()
    if isinstance(value, bool) or not (is_whole or isinstance(value, int)) or abs(value) > HIGHEST:
        raise BadRequest(f"{name} is {str(value)[:20]!r}, but must be the number of a sentence.")
    return int(value)


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise BadRequest(f"{name[:40]!r} is {str(value)[:20]!r}, but must be a text.")
    return value


def _mapping(value: Any, name: str) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, Mapping) or len(value) > MOST_NAMED:
        raise BadRequest(f"{name} must be an object of at most {MOST_NAMED} names and texts.")
    return {_text(key, name): _text(text, key) for key, text in value.items()}


def _ref(text: Any) -> WordRef:
    found = _REF.fullmatch(text) if isinstance(text, str) else None
    if not found:
        raise BadRequest(f'{str(text)[:20]!r} names no word; write sentence and word, such as "12.3".')
    return WordRef(int(found[1]), int(found[2]))


def _refs(texts: Any, transcript: Transcript) -> tuple[WordRef, ...]:
    """The words of a list of "12.3" and "12.3-13.0", ends included."""
    if texts is None:
        return ()
    if not isinstance(texts, list) or len(texts) > MOST_NAMED:
        raise BadRequest(f'Words are named in a list of at most {MOST_NAMED}, such as ["12.3", "12.5-12.8"].')
    out: dict[WordRef, None] = {}
    left = MOST_WORDS
    for text in texts:
        start, dash, end = _text(text, "word").partition("-")
        low = _ref(start)
        high = _ref(end) if dash else low
        if high < low:
            raise BadRequest(f"{text[:20]!r} ends before it begins; name the earlier word first.")
        # The ends are kept as they were named, so that one that is not there is noticed.
        between = list(islice(_between(low, high, transcript), left))
        left -= len(between)
        if not left:
            raise BadRequest(f"These are more than {MOST_WORDS} words; name only those of the clip.")
        out.update(dict.fromkeys((low, *between, high)))
    return tuple(out)


def _between(low: WordRef, high: WordRef, transcript: Transcript) -> Iterator[WordRef]:
    for sentence in transcript.sentences[low.sentence : high.sentence + 1]:
        for number in range(len(sentence.words)):
            if low < (ref := WordRef(sentence.id, number)) < high:
                yield ref
