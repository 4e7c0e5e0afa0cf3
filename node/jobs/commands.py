"""How the pipeline is called. Pure; a value never becomes an option of its own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from node.records import JobRequest

Command = list[str]


def job_command(
    program: Sequence[str], job_id: str, request: JobRequest, nice: int, presigned: Path | None
) -> Command:
    """A whole job, or the rest of it: the same id goes on where it was."""
    options: dict[str, object] = {
        "nice": nice,
        "job-id": job_id,
        "count": request.count,
        "min-seconds": repr(request.min_ms / 1000),
        "max-seconds": repr(request.max_ms / 1000),
        "language": request.language,
        "output-language": request.output_language,
        "focus": request.focus,
        "captions": request.captions,
    }
    if request.transcript is not None:
        options["transcript"] = request.transcript
    if presigned is not None:
        options["presigned"] = presigned
    given = [f"--{name}={value}" for name, value in options.items()]
    return [*program, "--json", "--with-parent", *given, "--", request.source]


def edit_command(
    program: Sequence[str], job_id: str, clip: int, draft: bool, presigned: Path | None
) -> Command:
    """One clip of a job as its edits want it; a person waits for it, so it is not made nicer."""
    options = ["--json", "--with-parent"]
    if draft:
        options.append("--draft")
    if presigned is not None:
        options.append(f"--presigned={presigned}")
    return [*program, "edit", *options, "--", job_id, str(clip)]


def probe_command(program: Sequence[str], source: str) -> Command:
    """A short look at a link or a file."""
    return [*program, "probe", "--json", "--", source]
