"""What the page and the API show of a chosen job: clips, the film's map, a clip's text. Reads, never writes.

Sentence ids and word numbers count from 0 and are what edits name. Times are film milliseconds.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from node.errors import BadRequest
from node.outlet import Outlet
from node.platforms import texts
from pipeline.changes import UNCHANGED
from pipeline.editing import Opened
from pipeline.records import ClipPlan, Rejected, Sentence
from pipeline.workspace import Workspace

Json = dict[str, Any]

WAVE_POINTS = 600
"""More than a strip of the page has pixels to tell apart on a phone, fewer than it costs to draw."""
QUIET_DB, LOUD_DB = -60, -12


def is_chosen(workspace: Workspace) -> bool:
    """Whether the job is far enough to show clips."""
    return workspace.stage_path("select").is_file() and workspace.stage_path("transcript").is_file()


def title(workspace: Workspace) -> str:
    """The film's title, empty while it is not known."""
    try:
        return str(json.loads(workspace.stage_path("download").read_bytes())["value"]["title"])
    except (FileNotFoundError, json.JSONDecodeError, KeyError, TypeError):
        return ""


def plan_of(opened: Opened, clip: int) -> ClipPlan:
    """The clip's plan as it is edited now. Raises BadRequest."""
    for plan in opened.plans:
        if plan.index == clip:
            return plan
    numbers = ", ".join(str(plan.index) for plan in opened.plans) or "none"
    raise BadRequest(f"There is no clip {clip} in this job; it has: {numbers}.")


def clip_view(opened: Opened, plan: ClipPlan, workspace: Workspace, outlet: Outlet) -> Json:
    """One clip with its preview; `video` is empty until the full clip is rendered and released."""
    history = opened.edits.history(plan.index)
    return {
        "index": plan.index,
        "title": plan.title,
        "hook": plan.hook,
        "reason": plan.reason,
        "score": plan.score,
        "parts": [list(part) for part in plan.parts],
        "first": plan.first,
        "last": plan.last,
        "start_ms": plan.start_ms,
        "end_ms": plan.end_ms,
        "length_ms": plan.length_ms,
        "removed": [asdict(span) for span in plan.removed],
        "look": asdict(plan.look),
        "changed": history.now != UNCHANGED,
        "can_undo": bool(history.past),
        "can_redo": bool(history.future),
        "alternatives": _alternatives(opened, plan),
        "texts": texts(plan, opened.source),
        **outlet.pictures(workspace, plan),
    }


def _alternatives(opened: Opened, plan: ClipPlan) -> list[Json]:
    """Passages that were considered and share sentences with the clip, the best first."""
    sharing = [
        r
        for r in _known(opened)
        if r.first <= plan.last and plan.first <= r.last and (r.first, r.last) != (plan.first, plan.last)
    ]
    chosen = [c for c in opened.edl.clips if c.index == plan.index]
    original = [
        Rejected(c.first, c.last, c.score, c.reason, c.title)
        for c in chosen
        if (c.first, c.last) != (plan.first, plan.last)
    ]
    return [_passage(opened, r) for r in original + sorted(sharing, key=lambda r: -r.score)[:8]]


def _known(opened: Opened) -> list[Rejected]:
    """The rejected passages, each once; a model may name sentences that nobody said."""
    count = len(opened.transcript.sentences)
    found: dict[tuple[int, int], Rejected] = {}
    for r in opened.edl.rejected:
        if 0 <= r.first <= r.last < count:
            found.setdefault((r.first, r.last), r)
    return list(found.values())


def _passage(opened: Opened, rejected: Rejected) -> Json:
    sentences = opened.transcript.sentences
    return {
        "first": rejected.first,
        "last": rejected.last,
        "start_ms": sentences[rejected.first].start_ms,
        "end_ms": sentences[rejected.last].end_ms,
        "score": rejected.score,
        "title": rejected.title or sentences[rejected.first].text[:80],
        "why": rejected.why,
    }


def dropped(opened: Opened) -> list[Json]:
    """The clips that were taken out and can be brought back."""
    titles = {clip.index: clip.title for clip in opened.edl.clips}
    titles |= {clip.index: clip.title for clip in opened.edits.added}
    return [
        {"index": history.index, "title": history.now.title or titles.get(history.index, "")}
        for history in opened.edits.clips
        if history.now.dropped
    ]


def film_map(opened: Opened) -> Json:
    """The film as one strip: `loudness` 0..100 on an even grid, and what was not taken with why."""
    taken = {(plan.first, plan.last) for plan in opened.plans}
    left = [r for r in _known(opened) if (r.first, r.last) not in taken]
    return {
        "duration_ms": opened.source.duration_ms,
        "loudness": loudness(opened.transcript.sound.level_db),
        "rejected": [_passage(opened, r) for r in sorted(left, key=lambda r: -r.score)],
    }


def loudness(levels: Sequence[int]) -> list[int]:
    """The loudest of each stretch, 0 (quiet) to 100, at most WAVE_POINTS of them."""
    size = max(1, -(-len(levels) // WAVE_POINTS))
    tops = [max(levels[i : i + size]) for i in range(0, len(levels), size)] or [QUIET_DB]
    return [max(2, min(100, round(100 * (top - QUIET_DB) / (LOUD_DB - QUIET_DB)))) for top in tops]


def clip_text(opened: Opened, clip: int, before: int, after: int) -> Json:
    """The clip's sentences with every word, and some sentences of what comes before and after."""
    plan = plan_of(opened, clip)
    sentences = opened.transcript.sentences
    low, high = max(0, plan.first - max(0, before)), min(len(sentences) - 1, plan.last + max(0, after))
    now = opened.edits.history(clip).now
    said = {(w.sentence, w.word): w.text for w in now.words}
    cut = frozenset((ref.sentence, ref.word) for ref in now.cut)
    return {
        "clip": clip,
        "before": low > 0,
        "after": high < len(sentences) - 1,
        "sentences": [
            {
                "id": s.id,
                "start_ms": s.start_ms,
                "inside": plan.first <= s.id <= plan.last,
                "words": _words(s, said, cut),
            }
            for s in sentences[low : high + 1]
        ],
    }


def _words(
    sentence: Sentence, said: dict[tuple[int, int], str], cut: frozenset[tuple[int, int]]
) -> list[Json]:
    return [
        {
            "n": n,
            "text": word.text,
            "shown": said.get((sentence.id, n), word.text),
            "cut": (sentence.id, n) in cut,
            "start_ms": word.start_ms,
            "end_ms": word.end_ms,
        }
        for n, word in enumerate(sentence.words)
    ]
