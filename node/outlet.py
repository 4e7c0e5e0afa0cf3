"""What may leave the session, and how: previews to everybody, a full clip only when it is granted.

Behind a launcher a grant is the launcher's; alone on a laptop everything is granted. A released file
is linked to an address nobody can guess.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from node.errors import BadRequest, NotGranted, NotReady
from node.link.launcher import Launcher
from node.records import JobRequest
from node.web.share import Shares
from node.web.showcase import Showcase
from pipeline import export
from pipeline.editing import Opened, draft, rendered
from pipeline.records import Clip, ClipPlan
from pipeline.workspace import Workspace

Json = dict[str, Any]

CLIP_FILE = re.compile(r"clip_\d\d\.")


class Outlet:
    """The way out of a session. `launcher` None: nobody has to be asked."""

    FILES = ("srt", "vtt", "poster", "manifest")
    """Beside the clip itself, what can be fetched of each."""

    def __init__(self, showcase: Showcase, launcher: Launcher | None, shares: Shares, sample: Path) -> None:
        self._showcase = showcase
        self._launcher = launcher
        self._shares = shares
        self._sample = sample

    # -- in ----------------------------------------------------------------------------------------

    def checked_upload(self, path: str) -> Path:
        """The path of an upload that a visitor names. Raises BadRequest for anything else."""
        return self._showcase.upload(path)

    def adopted(self, request: JobRequest, folder: Path) -> JobRequest:
        """The request with its uploads in the job's own folder, where no clean-up of uploads reaches."""
        source, transcript, own = request.source, request.transcript, folder / "subtitles"
        folder.mkdir(parents=True, exist_ok=True)
        if not source.startswith(("http://", "https://")) and Path(source) != self._sample:
            source = str(self._showcase.adopt_upload(source, folder))
        if transcript is not None:
            own.mkdir(exist_ok=True)
            transcript = self._showcase.adopt_upload(str(transcript), own)
        return replace(request, source=source, transcript=transcript)

    # -- previews ----------------------------------------------------------------------------------

    def is_rendered(self, workspace: Workspace, plan: ClipPlan) -> bool:
        """Whether the full clip is there as it is edited now."""
        return rendered(workspace, plan) is not None

    def has_preview(self, workspace: Workspace, plan: ClipPlan) -> bool:
        return self.is_rendered(workspace, plan) or draft(workspace, plan) is not None

    def pictures(self, workspace: Workspace, plan: ClipPlan) -> Json:
        """Addresses of the preview and, where it is granted, of poster and full clip.

        `fresh` is False while the preview still shows an earlier edit.
        """
        clip = rendered(workspace, plan)
        sketch = draft(workspace, plan) if clip is None else None
        names = [clip.preview] if clip else [sketch.preview] if sketch else self._older(workspace, plan)
        free = self._is_granted(workspace.job_id, plan.index)
        poster = clip.poster if clip else f"{plan.stem}.jpg"
        return {
            "fresh": clip is not None or sketch is not None,
            "rendered": clip is not None,
            "granted": free,
            "preview": self._address(workspace, names[0]) if names else "",
            "poster": self._address(workspace, poster) if free and workspace.path(poster).is_file() else "",
            "video": self._address(workspace, clip.video) if clip and free else "",
        }

    def _older(self, workspace: Workspace, plan: ClipPlan) -> list[str]:
        """The newest preview of an earlier edit."""
        found = [workspace.path(f"{plan.stem}.{kind}.mp4") for kind in ("draft", "preview")]
        there = [path for path in found if path.is_file()]
        return [max(there, key=lambda path: path.stat().st_mtime_ns).name] if there else []

    def _address(self, workspace: Workspace, name: str) -> str:
        return self._showcase.url(self._showcase.release(workspace.folder, name))

    # -- full clips --------------------------------------------------------------------------------

    def file(self, job_id: str, workspace: Workspace, plan: ClipPlan, what: str) -> Json:
        """{name, url} of a clip's file; asks the launcher for its grant. Raises NodeError."""
        if what == "manifest":
            return {"name": "manifest.json", "url": self._address(workspace, "manifest.json")}
        clip = self._finished(workspace, plan)
        names = {"video": clip.video, "srt": clip.srt, "vtt": clip.vtt, "poster": clip.poster}
        if what not in names:
            raise BadRequest(f"A clip has no {what[:20]!r}; it has video, {', '.join(self.FILES)}.")
        self.demand(job_id, plan.index)
        return {"name": names[what], "url": self._address(workspace, names[what])}

    def path(self, workspace: Workspace, plan: ClipPlan) -> Path | None:
        """The released full clip's path, None while it is not rendered or not granted."""
        clip = rendered(workspace, plan)
        if clip is None or not self._is_granted(workspace.job_id, plan.index):
            return None
        return self._showcase.release(workspace.folder, clip.video)

    def preview_path(self, workspace: Workspace, plan: ClipPlan) -> Path | None:
        """The released preview's path, None while there is none."""
        clip, sketch = rendered(workspace, plan), draft(workspace, plan)
        name = clip.preview if clip else sketch.preview if sketch else ""
        return self._showcase.release(workspace.folder, name) if name else None

    def _finished(self, workspace: Workspace, plan: ClipPlan) -> Clip:
        clip = rendered(workspace, plan)
        if clip is None:
            raise NotReady(f"Clip {plan.index} was edited and is not rendered since; finish it first.")
        return clip

    def demand(self, job_id: str, clip: int) -> None:
        """Have the full clip granted. Raises NotGranted with the launcher's sentence, LauncherDown."""
        if self._launcher is None or self._launcher.granted("clip", job_id, clip):
            return
        answer = self._launcher.ask("clip", job_id, clip, {})
        if not answer.granted:
            message = answer.message or f"Clip {clip} is locked; unlock it to take it away."
            raise NotGranted(message, answer.url)

    def _is_granted(self, job_id: str, clip: int) -> bool:
        return self._launcher is None or self._launcher.granted("clip", job_id, clip)

    # -- everything --------------------------------------------------------------------------------

    def zip(self, job_id: str, workspace: Workspace, opened: Opened) -> Json:
        """One zip of all that is granted: {name, url, missing}, `missing` says what is not in it."""
        path, missing = self.zip_path(job_id, workspace, opened)
        return {"name": path.name, "url": self._showcase.url(path), "missing": missing}

    def zip_path(self, job_id: str, workspace: Workspace, opened: Opened) -> tuple[Path, list[str]]:
        """The released zip and what is not in it. Raises NotReady, NotGranted when no clip may go."""
        names, missing, locked = self._job_files(workspace), [], 0
        for plan in opened.plans:
            clip = rendered(workspace, plan)
            if clip is None:
                missing.append(f"Clip {plan.index} was edited and is not rendered since.")
            elif not self._is_granted(job_id, plan.index):
                locked += 1
                missing.append(f"Clip {plan.index} is locked.")
            else:
                names += [clip.video, clip.srt, clip.vtt, clip.poster]
        if len(missing) == len(opened.plans):
            problem = " ".join(missing) or "The job has no clips."
            raise NotGranted(problem) if locked else NotReady(f"{problem} Finish at least one first.")
        target = workspace.path(f"{job_id.lower()}.zip")
        self._write_zip(workspace, names, target)
        return self._showcase.release(workspace.folder, target.name), missing

    def _job_files(self, workspace: Workspace) -> list[str]:
        """The job's files that belong to no clip, as its manifest lists them."""
        listed = json.loads(workspace.path("manifest.json").read_bytes())["artifacts"]
        return ["manifest.json", *(a["name"] for a in listed if not CLIP_FILE.match(a["name"]))]

    def _write_zip(self, workspace: Workspace, names: list[str], target: Path) -> None:
        """Written again only when a file in it has changed."""
        stats = [(name, workspace.path(name).stat()) for name in names]
        mark = hashlib.sha256(repr([(n, s.st_mtime_ns, s.st_size) for n, s in stats]).encode()).hexdigest()
        kept = target.with_suffix(".zip.of")
        if target.is_file() and kept.is_file() and kept.read_text() == mark:
            return
        export.write_zip(workspace.folder, names, target)
        kept.write_text(mark)

    def share(self, job_id: str) -> str:
        """An address for anyone: the launcher's, since the session ends; alone, this session's own."""
        if self._launcher is not None:
            return self._launcher.share(job_id)
        return self._shares.address(job_id)
