"""How long a person waits for the session's page after `python app.py`, beside a bare Gradio app.

The bare app (`benchmarks.bare_gradio`) serves agents too: it is what Gradio itself takes.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.servers import Kind, bare, ours, seconds_until, started

RUNS = 3
GOAL_S = 6.0


def measure() -> dict[str, Any]:
    """Medians of `RUNS` starts in seconds; `ratio` is ours to the bare app's, to the first whole page.

    `cpu_s`, the server's own processor time, tells a busy machine from a slow start.
    """
    found: dict[str, list[dict[str, float]]] = {"ours": [], "bare_gradio": []}
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        for run in range(RUNS + 1):
            for name, kind in (("ours", ours), ("bare_gradio", bare)):  # in turns: other load meets both
                seen = _one_start(kind, place)
                if run:  # the first only fills Python's bytecode and the disk's cache
                    found[name].append(seen)
    middle = {
        name: {key: round(median(run[key] for run in runs), 2) for key in runs[0]}
        for name, runs in found.items()
    }
    page = middle["ours"]["page_s"]
    return {
        **middle,
        "ratio": round(page / middle["bare_gradio"]["page_s"], 2),
        "goal_page_s": GOAL_S,
        "goal_met": page <= GOAL_S,
        "runs": RUNS,
        "load_average_1min": round(os.getloadavg()[0], 2),
    }


def _one_start(kind: Kind, folder: Path) -> dict[str, float]:
    with started(kind, folder) as server:
        healthz = seconds_until(server, "healthz")
        return {"healthz_s": healthz, "page_s": seconds_until(server, ""), "cpu_s": server.cpu_s()}
