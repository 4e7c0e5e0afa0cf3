"""A folder in which the command line is run as a real process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from settings import NodeSettings
from tests.films import ROOT

SMALL = {"RENDER_RESOLUTION": "270x480", "RENDER_PRESET": "ultrafast", "RENDER_MAX_FPS": "15"}


def clean_shell() -> dict[str, str]:
    """The shell's environment without our settings, and no model hub."""
    ours = {entry.metadata["key"] for entry in NodeSettings.__dataclass_fields__.values()}
    return {key: value for key, value in os.environ.items() if key not in ours} | {"OFFLINE": "1"}


class Place:
    """Runs jobs small and fast: on its own folders, with the given subtitles instead of recognition."""

    def __init__(self, folder: Path, subtitles: Path, settings: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.subtitles = subtitles
        self.settings = {
            **SMALL,
            "WORK_DIR": str(folder / "work"),
            "OUT_DIR": str(folder / "out"),
            **(settings or {}),
        }

    def start(self, *args: object, **more: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "pipeline", "--json", *map(str, args)],
            cwd=ROOT,
            env=clean_shell() | self.settings | more,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def run(self, *args: object, **more: str) -> tuple[int, list[dict], str]:
        """Exit code, events, and what was printed beside them."""
        child = self.start(*args, **more)
        out, err = child.communicate(timeout=300)
        return child.returncode, [json.loads(line) for line in out.splitlines()], err

    def wanted(self, film: object, job_id: str = "one") -> list[object]:
        """The arguments of the usual job: two clips of 8 to 16 seconds."""
        bounds = ["--count", 2, "--min-seconds", 8, "--max-seconds", 16]
        return [film, *bounds, "--transcript", self.subtitles, "--job-id", job_id]

    def stored(self, job_id: str = "one") -> Path:
        return self.folder / "out" / "jobs" / job_id

    def document(self, name: str, job_id: str = "one") -> dict:
        return json.loads((self.stored(job_id) / f"{name}.json").read_text(encoding="utf-8"))


def stages(events: list[dict]) -> dict[str, bool]:
    """The stages that were started, and whether each was taken over from an earlier run."""
    return {e["stage"]: e["resumed"] for e in events if e["event"] == "StageStarted"}
