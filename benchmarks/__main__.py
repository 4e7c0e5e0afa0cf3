"""`make bench`: every benchmark that can run here, or those that are named; JSON in benchmarks/results.

python -m benchmarks [NAME…]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import (
    choice,
    face_detectors,
    file_serving,
    render_cost,
    session_load,
    session_start,
)
from benchmarks.meetings import GIVEN, read_meetings
from pipeline.workspace import write_json

HERE = Path(__file__).parent
MEDIA = HERE.parents[1] / "shared" / "media"
SAMPLE = HERE.parent / "assets" / "sample" / "talk.mp4"


@dataclass(frozen=True, slots=True)
class Benchmark:
    """`missing` says what a machine lacks to run it; empty when it can."""

    measure: Callable[[], dict[str, Any]]
    missing: str = ""


def machine() -> str:
    """Which machine the figures are from."""
    text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    models = [line.partition(": ")[2] for line in text.splitlines() if line.startswith("model name")]
    return f"{models[0] if models else platform.machine()}, {os.cpu_count()} cores"


def choices() -> dict[str, Any]:
    """Every chooser on the same meetings."""
    return choice.by_corpus(read_meetings(GIVEN))


def benchmarks() -> dict[str, Benchmark]:
    """All of them by name."""
    media = "" if MEDIA.is_dir() else "../shared/media is not here"
    browser = "" if shutil.which("chromium") else "there is no chromium to say what a page fetches"
    return {
        "render_cost": Benchmark(lambda: render_cost.measure(SAMPLE)),
        "face_detectors": Benchmark(lambda: face_detectors.measure(MEDIA), media),
        "choice": Benchmark(choices, media),
        "file_serving": Benchmark(file_serving.measure),
        "session_start": Benchmark(session_start.measure),
        "session_load": Benchmark(session_load.measure, browser),
    }


def main() -> None:
    """Run, print and keep. Ends with code 2 for an unknown name."""
    known = benchmarks()
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure, side by side.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"any of: {', '.join(known)}; none: all")
    names = parser.parse_args().names or list(known)
    if unknown := [name for name in names if name not in known]:
        parser.error(f"there is no benchmark {unknown[0]!r}; there are: {', '.join(known)}")
    for name in names:
        if known[name].missing:
            print(f"{name}: skipped, {known[name].missing}")
            continue
        result = {"machine": machine(), **known[name].measure()}
        write_json(HERE / "results" / f"{name}.json", result)
        print(f"{name}\n{json.dumps(result, indent=1)}", flush=True)


if __name__ == "__main__":
    main()
