"""RENDER, clip by clip: what was seen, what was heard and what was made are kept apart.

A changed caption then needs neither eyes nor ears, a changed layout no eyes. What was seen and heard
only saves time, so it stays on this machine; finished clips go into the storage.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from pipeline import artifacts
from pipeline.clock import StageClock
from pipeline.errors import WishError
from pipeline.logbook import Logbook
from pipeline.published import ClipResult, StageReport
from pipeline.records import (
    ClipPlan,
    ClipReady,
    Draft,
    Edl,
    Framing,
    Gain,
    Sighting,
    Source,
    Span,
    Stage,
    Transcript,
)
from pipeline.tools import Renderer, Report, Tools
from pipeline.workspace import Kept, Workspace, content_key, to_json


@dataclass(frozen=True, slots=True)
class Seen:
    """What is kept of a look: the stretch of the film, and what was seen there."""

    span: Span
    sighting: Sighting


@dataclass(frozen=True, slots=True)
class ClipWork:
    """The clips of one film. Methods may be called from several threads, for different clips."""

    tools: Tools
    workspace: Workspace
    book: Logbook
    source: Source
    transcript: Transcript
    transcript_key: str

    # -- what is there already ---------------------------------------------------------------------

    def kept(self, plan: ClipPlan) -> Kept[ClipResult] | None:
        """The clip as planned, made by an earlier run, with all its files here or fetched."""
        return self._with_files(self.workspace.load(plan.stem, self._key("clip/2", plan), ClipResult))

    def last_made(self, plan: ClipPlan) -> Kept[ClipResult] | None:
        """The clip of that number as it was last made, whatever its plan was then."""
        return self._with_files(self.workspace.load(plan.stem, None, ClipResult))

    def kept_draft(self, plan: ClipPlan) -> Draft | None:
        kept = self.workspace.load(_draft_name(plan), self._key("draft/1", plan), Draft)
        if kept is None:
            return None
        names = (kept.value.preview, kept.value.poster)
        return kept.value if all(self.workspace.path(name).is_file() for name in names) else None

    def _with_files(self, kept: Kept[ClipResult] | None) -> Kept[ClipResult] | None:
        if kept is None:
            return None
        for name in kept.value.clip.files:
            path = self.workspace.path(name)
            if not path.is_file() and not self.tools.storage.get(self.workspace.job_id, name, path):
                return None
        return kept

    def _key(self, kind: str, plan: ClipPlan) -> str:
        return content_key(
            kind, to_json(plan), self.transcript_key, self.tools.render_identity, self.tools.sight_identity
        )

    # -- making it ---------------------------------------------------------------------------------

    def render(self, plan: ClipPlan, renderer: Renderer, report: Report) -> Kept[ClipResult]:
        """Look, listen and render, each only if it has to be done again; the result is kept and stored."""
        clock = StageClock()
        seen, framing, gain = self._prepared(plan, renderer, report)

        def on_progress(fraction: float, message: str) -> None:
            report(0.1 + 0.9 * fraction, message)

        folder = self.workspace.folder
        clip = renderer.render(plan, self.source, self.transcript, framing, gain, folder, on_progress)
        for name in clip.files:
            self.book.store(name, self.workspace.path(name))
        faces = artifacts.clip_faces(plan.index, seen, framing)
        kept = Kept(ClipResult(clip, faces), clock.wall_ms(), clock.cpu_ms())
        self.book.keep_part(plan.stem, self._key("clip/2", plan), kept)
        return kept

    def draft(self, plan: ClipPlan, renderer: Renderer, report: Report) -> Draft:
        """The quick preview; kept here and nowhere else."""
        clock = StageClock()
        _, framing, gain = self._prepared(plan, renderer, report)
        folder = self.workspace.folder
        draft = renderer.draft(plan, self.source, self.transcript, framing, gain, folder, report)
        kept = Kept(draft, clock.wall_ms(), clock.cpu_ms())
        self.book.keep_here(_draft_name(plan), self._key("draft/1", plan), kept)
        return draft

    def _prepared(
        self, plan: ClipPlan, renderer: Renderer, report: Report
    ) -> tuple[Sighting, tuple[Framing, ...], Gain]:
        report(0.0, f"looking at clip {plan.index}")
        seen = self._seen(plan, renderer)
        report(0.08, f"listening to clip {plan.index}")
        gain = self._heard(plan, renderer)
        report(0.1, f"rendering clip {plan.index}")
        return seen, renderer.frame(plan, self.source, seen), gain

    def _seen(self, plan: ClipPlan, renderer: Renderer) -> Sighting:
        """What was seen from the same start and as far: only then do its frames fall on the same grid."""
        name = f"sight_{plan.index:02d}"
        key = content_key("sight/1", self.source.fingerprint, self.tools.sight_identity)
        kept = self.workspace.load(name, key, Seen)
        if kept is not None:
            span = kept.value.span
            if span.start_ms == plan.start_ms and span.end_ms >= plan.end_ms:
                return _shortened(kept.value.sighting, plan.span_ms)
        clock = StageClock()
        sighting = renderer.look(plan, self.source)
        self.book.keep_here(name, key, Kept(Seen(plan.span, sighting), clock.wall_ms(), clock.cpu_ms()))
        return sighting

    def _heard(self, plan: ClipPlan, renderer: Renderer) -> Gain:
        name = f"sound_{plan.index:02d}"
        key = content_key(
            "sound/1", self.source.fingerprint, to_json(plan.span), to_json(plan.removed),
            self.tools.sound_identity,
        )  # fmt: skip
        kept = self.workspace.load(name, key, Gain)
        if kept is not None:
            return kept.value
        clock = StageClock()
        gain = renderer.listen(plan, self.source)
        self.book.keep_here(name, key, Kept(gain, clock.wall_ms(), clock.cpu_ms()))
        return gain


def _draft_name(plan: ClipPlan) -> str:
    return f"draft_{plan.index:02d}"


def _shortened(sighting: Sighting, length_ms: int) -> Sighting:
    shots = tuple(
        Span(shot.start_ms, min(shot.end_ms, length_ms))
        for shot in sighting.shots
        if shot.start_ms < length_ms
    )
    samples = tuple(sample for sample in sighting.samples if sample.at_ms < length_ms)
    return replace(sighting, shots=shots, samples=samples)


def render_clips(edl: Edl, only: int | None, work: ClipWork) -> list[ClipResult]:
    """RENDER: clip `only` (or all of them), as many at once as the renderer takes; then all that are made."""
    wanted = [plan for plan in edl.clips if only in (None, plan.index)]
    kept = {plan.index: work.kept(plan) for plan in wanted}
    work.book.start(Stage.RENDER, resumed=all(kept.values()))
    renderer = None if all(kept.values()) else work.tools.open_renderer(work.book.warn)
    done = {plan.index: 1.0 if kept[plan.index] else 0.0 for plan in wanted}

    def one(plan: ClipPlan) -> Kept[ClipResult]:
        def report(fraction: float, message: str) -> None:
            done[plan.index] = fraction
            work.book.report(sum(done.values()) / len(done), message)

        result = kept[plan.index]
        if result is None:
            assert renderer is not None
            result = work.render(plan, renderer, report)
        work.book.emit(ClipReady(result.value.clip, work.workspace.folder))
        return result

    with ThreadPoolExecutor(max_workers=renderer.workers if renderer else 1) as pool:
        made = dict(zip((plan.index for plan in wanted), pool.map(one, wanted), strict=True))
    results = _with_others(edl, made, work)
    for result in results:
        work.book.warnings += result.value.clip.warnings
    clips = [result.value for result in results]
    wall, cpu = sum(r.wall_ms for r in results), sum(r.cpu_ms for r in results)
    work.book.reports.append(StageReport(Stage.RENDER, wall, cpu, clips[0].clip.made_by))
    return clips


def _with_others(edl: Edl, made: Mapping[int, Kept[ClipResult]], work: ClipWork) -> list[Kept[ClipResult]]:
    """Beside what was made now, the other clips as they were last made. Raises WishError for none."""
    results = []
    for plan in edl.clips:
        result = made.get(plan.index) or work.last_made(plan)
        if result is not None:
            results.append(result)
        else:
            work.book.warn(f"Clip {plan.index} has not been rendered yet and is left out.")
    if not results:
        raise WishError(f"No clip of job {work.workspace.job_id} is rendered yet; render one first.")
    return results
