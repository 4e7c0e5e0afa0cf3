"""What the commands `edit`, `show`, `options` and `probe` do and print."""

from __future__ import annotations

import argparse
import json
from typing import IO

from pipeline import editing
from pipeline.console import clock
from pipeline.edit_arguments import changes
from pipeline.editing import Opened
from pipeline.errors import WishError
from pipeline.ingest import Glance
from pipeline.looks import offered
from pipeline.records import ClipPlan
from pipeline.workspace import Workspace, to_json


def change(args: argparse.Namespace, workspace: Workspace) -> int:
    """Make the changes the arguments name; gives the clip's number. Raises WishError."""
    opened = editing.open_job(workspace)
    if args.clip == "new":
        if args.first is None or args.last is None:
            raise WishError("A new clip needs --first and --last: the ids of its sentences.")
        opened, index = editing.add(workspace, args.first, args.last, args.title or "")
        args.title = None
    else:
        index = _number(args.clip)
        if args.first is not None or args.last is not None:
            raise WishError("--first and --last make a new clip; use --from and --to to trim one.")
    asked = tuple(changes(args, opened.plan(index), opened.transcript))
    if args.undo or args.redo:
        if asked:
            raise WishError(
                "--undo and --redo can't be combined with other changes; make them by themselves."
            )
        (editing.undo if args.undo else editing.redo)(workspace, index)
    else:
        editing.edit(workspace, index, *asked)
    return index


def _number(text: str) -> int:
    if not text.isdecimal() or len(text) > 4:
        raise WishError(f"{text[:40]!r} is no clip; give its number, or `new`.")
    return int(text)


def tell_plan(workspace: Workspace, index: int, as_json: bool, out: IO[str]) -> None:
    """The clip as it would be rendered; `plan` is null when it is dropped."""
    opened = editing.open_job(workspace)
    plan = opened.plan(index)
    if as_json:
        _line(out, {"index": index, "plan": to_json(plan) if plan else None})
    else:
        out.write((_headline(plan) if plan else f"clip {index} is dropped") + "\n")


def show(workspace: Workspace, index: int | None, as_json: bool, out: IO[str]) -> None:
    """Every clip in a line, or one with its sentences, word by word. Raises WishError."""
    opened = editing.open_job(workspace)
    if index is None:
        for plan in opened.plans:
            _line(out, to_json(plan)) if as_json else out.write(_headline(plan) + "\n")
        return
    chosen = opened.plan(index)
    if chosen is None:
        raise WishError(f"There is no clip {index}, or it is dropped; `show JOB` lists the clips.")
    if as_json:
        sentences = [to_json(s) for s in opened.transcript.sentences[chosen.first : chosen.last + 1]]
        cut = [to_json(ref) for ref in opened.edits.history(index).now.cut]
        _line(out, {"plan": to_json(chosen), "sentences": sentences, "cut": cut})
    else:
        out.write(_headline(chosen) + "\n" + "".join(_sentences(opened, chosen)))


def _sentences(opened: Opened, plan: ClipPlan) -> list[str]:
    """Cut words in [brackets], reworded ones with what is shown in (parentheses)."""
    cut = {(ref.sentence, ref.word) for ref in opened.edits.history(plan.index).now.cut}
    shown = {(r.sentence, r.word): r.text for r in plan.words}
    lines = []
    for sentence in opened.transcript.sentences[plan.first : plan.last + 1]:
        words = []
        for number, word in enumerate(sentence.words):
            at = (sentence.id, number)
            text = f"({shown[at]})" if at in shown and at not in cut else ""
            words.append(f"[{number}:{word.text}]" if at in cut else f"{number}:{word.text}{text}")
        lines.append(f"{sentence.id:>6}  {' '.join(words)}\n")
    return lines


def _headline(plan: ClipPlan) -> str:
    span = f"{clock(plan.start_ms)}-{clock(plan.end_ms)}"
    cuts = f", cut at {len(plan.removed)}" if plan.removed else ""
    look = ", ".join(f"{key}={value}" for key, value in to_json(plan.look).items() if value)
    return f"clip {plan.index}  {span}  {plan.length_ms / 1000:.1f} s{cuts}  {plan.title}  ({look})"


def tell_options(as_json: bool, out: IO[str]) -> None:
    """What `pipeline.looks` offers."""
    if as_json:
        _line(out, to_json(offered()))
        return
    for offer in offered():
        out.write(f"{offer.name}: {offer.label}\n")
        for value in offer.values:
            default = " (default)" if value.name == offer.default else ""
            out.write(f"  {offer.name}={value.name}{default}: {value.description}\n")


def tell_glance(glance: Glance, as_json: bool, out: IO[str]) -> None:
    """What is known of a video that was not taken."""
    if as_json:
        _line(out, to_json(glance))
        return
    length = clock(glance.duration_ms) if glance.duration_ms is not None else "length unknown"
    size = f"{glance.width}x{glance.height}" if glance.width and glance.height else "size unknown"
    out.write(f"{glance.title}\n{length}, {size}\n")


def _line(out: IO[str], value: object) -> None:
    out.write(json.dumps(value, ensure_ascii=False) + "\n")
