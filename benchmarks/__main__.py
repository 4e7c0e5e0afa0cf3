"""`make bench`: every benchmark that can run here; a table on screen, JSON in benchmarks/results."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import choice_score, face_detectors, render_cost
from pipeline.workspace import write_json

HERE = Path(__file__).parent
MEDIA = HERE.parents[1] / "shared" / "media"
SAMPLE = HERE.parent / "assets" / "sample" / "talk.mp4"


def machine() -> str:
    """Which machine the figures are from."""
    text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    models = [line.partition(": ")[2] for line in text.splitlines() if line.startswith("model name")]
    return f"{models[0] if models else platform.machine()}, {os.cpu_count()} cores"


def choices() -> dict[str, Any]:
    """Every chooser on the same meetings."""
    meetings = list(choice_score.read_meetings(choice_score.DEFAULT_MEETINGS))
    return {name: choice_score.measure(meetings, chooser) for name, chooser in choice_score.CHOOSERS.items()}


def main() -> None:
    benchmarks: dict[str, tuple[bool, Callable[[], Any]]] = {
        "render_cost": (True, lambda: render_cost.measure(SAMPLE)),
        "face_detectors": (MEDIA.is_dir(), lambda: face_detectors.measure(MEDIA)),
        "choice_score": (MEDIA.is_dir(), choices),
    }
    for name, (possible, measure) in benchmarks.items():
        if not possible:
            print(f"{name}: skipped, ../shared/media is not here")
            continue
        result = {"machine": machine(), **measure()}
        write_json(HERE / "results" / f"{name}.json", result)
        print(f"{name}\n{json.dumps(result, indent=1)}")


if __name__ == "__main__":
    main()
