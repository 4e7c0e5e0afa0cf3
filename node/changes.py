"""An edit as a visitor writes it, to the pipeline's changes, in one step of undo each."""

from __future__ import annotations

import re
from collections.abc import Mapping
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
from pipeline.records import Transcript
from pipeline.trimming import WordRef
from pipeline.workspace import Workspace

_REF = re.compile(r"(\d{1,6})\.(\d{1,4})")
_KNOWN = frozenset(
    ("first", "last", "cut", "restore", "words", "title", "look", "drop", "reset", "undo", "redo")
)


def carry_out(workspace: Workspace, clip: int, wanted: Mapping[str, Any]) -> Opened:
    """Do what `wanted` says to a clip. Raises BadRequest, or the pipeline's WishError.

    Keys: first and last (sentence ids), cut and restore (lists of "12.3" or "12.3-12.7": sentence and
    word), words ({"12.3": "text"}), title, look ({option: value}), drop, reset, undo, redo.
    """
    unknown = sorted(set(wanted) - _KNOWN)
    if unknown:
        raise BadRequest(f"{unknown[0][:40]!r} is no edit; the edits are {', '.join(sorted(_KNOWN))}.")
    if wanted.get("undo"):
        return editing.undo(workspace, clip)
    if wanted.get("redo"):
        return editing.redo(workspace, clip)
    opened = editing.open_job(workspace)
    changes = _changes(wanted, opened.transcript, clip, opened)
    if not changes:
        raise BadRequest(f"Nothing to change was named; the edits are {', '.join(sorted(_KNOWN))}.")
    return editing.edit(workspace, clip, *changes)


def add(workspace: Workspace, first: int, last: int, title: str) -> tuple[Opened, int]:
    """Make a passage a clip of its own; gives its number."""
    return editing.add(workspace, first, last, title)


def _changes(wanted: Mapping[str, Any], transcript: Transcript, clip: int, opened: Opened) -> list[Change]:
    changes: list[Change] = []
    if wanted.get("reset"):
        changes.append(Reset())
    if wanted.get("first") is not None or wanted.get("last") is not None:
        plan = next((p for p in opened.plans if p.index == clip), None)
        first, last = wanted.get("first"), wanted.get("last")
        low = plan.first if first is None and plan else first
        high = plan.last if last is None and plan else last
        changes.append(Trim(_whole(low, "first"), _whole(high, "last")))
    if wanted.get("cut"):
        changes.append(CutWords(_refs(wanted["cut"], transcript)))
    if wanted.get("restore"):
        changes.append(RestoreWords(_refs(wanted["restore"], transcript)))
    for ref, text in _mapping(wanted.get("words"), "words").items():
        changes.append(Reword(_ref(ref), str(text)))
    if wanted.get("title"):
        changes.append(Retitle(str(wanted["title"])))
    for option, value in _mapping(wanted.get("look"), "look").items():
        changes.append(Restyle(str(option), str(value)))
    if wanted.get("drop"):
        changes.append(Drop())
    return changes


def _whole(value: Any, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value):
        raise BadRequest(f"{name} is {str(value)[:20]!r}, but must be the number of a sentence.")
    return int(value)


def _mapping(value: Any, name: str) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise BadRequest(f"{name} must be an object of names and values.")
    return value


def _ref(text: Any) -> WordRef:
    found = _REF.fullmatch(str(text))
    if not found:
        raise BadRequest(f"{str(text)[:20]!r} names no word; write sentence and word, such as 12.3.")
    return WordRef(int(found[1]), int(found[2]))


def _refs(texts: Any, transcript: Transcript) -> tuple[WordRef, ...]:
    """The words of a list of "12.3" and "12.3-13.0", ends included."""
    if not isinstance(texts, list) or len(texts) > 2000:
        raise BadRequest('Words are named in a list such as ["12.3", "12.5-12.8"].')
    out: dict[WordRef, None] = {}
    for text in texts:
        start, _, end = str(text).partition("-")
        low, high = _ref(start), _ref(end or start)
        # The ends are kept as they were named, so that one that is not there is noticed.
        between = [
            ref
            for sentence in transcript.sentences[low.sentence : high.sentence + 1]
            for ref in (WordRef(sentence.id, n) for n in range(len(sentence.words)))
            if low < ref < high
        ]
        out.update(dict.fromkeys((low, *between, high)))
    return tuple(out)
