"""Fifty people watch a job while the session renders it: how long page, status and health take.

    python -m benchmarks session_load

A real `python app.py` renders clips of the sample talk in full size (its words are given, so that
rendering dominates). `benchmarks.visitors`, a process of its own, opens fifty pages. The same visitors
then load a bare Gradio app while the same rendering goes on: what Gradio itself takes.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from math import ceil
from pathlib import Path
from typing import Any

import httpx

from benchmarks.servers import ROOT, Server, bare, ours, seconds_until, started
from benchmarks.visitors import Plan, status_part

SAMPLE = ROOT / "assets" / "sample"
CLIENTS, EVERY_S, SECONDS = 50, 2.0, 60.0
PROBES, PROBE_EVERY_S = 100, 0.05
GOAL_STATUS_MS, GOAL_HEALTHZ_MS = 300, 100
JOBS = 3
"""So that rendering goes on until the bare app has been measured too."""
RENDER_WAIT_S = 240.0
SETTLE_MS = 2000


def measure(every_s: float = EVERY_S, seconds: float = SECONDS) -> dict[str, Any]:
    """p50, p95 and max in milliseconds of each kind of request, ours and the bare app's."""
    with tempfile.TemporaryDirectory() as name, started(ours, Path(name)) as node:
        seconds_until(node, "healthz")
        with started(bare, Path(name)) as plain:
            seconds_until(plain, "healthz")
            assets = {server: page_assets(server) for server in (node, plain)}
            start_jobs(node, Path(name))
            args = {"job_id": wait_for_render(node)}
            health = spread(probe_ms(node, PROBES, PROBE_EVERY_S))
            found = {}
            for who, server in (("ours", node), ("bare_gradio", plain)):
                wait_for_render(node)
                plan = Plan(server.base, args, assets[server], CLIENTS, every_s, seconds)
                found[who] = load(plan, server, node)
    return _result(found, health, every_s)


def _result(found: dict[str, dict[str, Any]], health: dict[str, Any], every_s: float) -> dict[str, Any]:
    status = found["ours"]["job_status"]["p95_ms"]
    met = {"status": status < GOAL_STATUS_MS, "healthz": health["p95_ms"] < GOAL_HEALTHZ_MS}
    return {
        "clients": CLIENTS,
        "every_s": every_s,
        **found,
        "ratio_status_p95": round(status / found["bare_gradio"]["job_status"]["p95_ms"], 2),
        "healthz": health,
        "goal_p95_ms": {"status": GOAL_STATUS_MS, "healthz": GOAL_HEALTHZ_MS},
        "goal_met": met,
        "load_average_1min": round(os.getloadavg()[0], 2),
    }


def load(plan: Plan, server: Server, node: Server) -> dict[str, Any]:
    """Let the visitors come, and look at /healthz and at the rendering meanwhile."""
    before = server.cpu_s()
    command = [sys.executable, "-m", "benchmarks.visitors", json.dumps(asdict(plan))]
    client = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    samples = 5
    health, rendering = [], 0
    for _ in range(samples):
        rendering += job_in_render(node) is not None
        health += probe_ms(server, PROBES // samples, plan.seconds / PROBES)
    told, _ = client.communicate(timeout=plan.seconds + 120)
    met = json.loads(told)
    return {
        **{kind: spread(times) for kind, times in met["ms"].items()},
        "healthz_meanwhile": spread(health),
        "requests": met["asked"],
        "error_share": round(len(met["errors"]) / met["asked"], 4),
        "errors": met["errors"][:3],
        "assets": len(plan.assets),
        "client_loop_lag": spread(met["lag_ms"]),
        "client_cpu_s": round(met["client_cpu_s"], 1),
        "server_cpu_s": round(server.cpu_s() - before, 1),
        "rendering_share": rendering / samples,
    }


def spread(ms: Sequence[float]) -> dict[str, float]:
    """p50, p95 and max of milliseconds, and how many there are."""
    ranked = sorted(ms)
    found = {"p50_ms": 0.5, "p95_ms": 0.95, "max_ms": 1.0}
    return {
        **{name: round(ranked[ceil(share * len(ranked)) - 1], 1) for name, share in found.items()},
        "count": len(ranked),
    }


def probe_ms(server: Server, times: int, every_s: float) -> list[float]:
    """Milliseconds of `times` looks at /healthz."""
    found = []
    with httpx.Client(base_url=server.base, timeout=20, verify=False) as client:
        for _ in range(times):
            began = time.perf_counter()
            client.get("healthz").raise_for_status()
            found.append(1000 * (time.perf_counter() - began))
            time.sleep(every_s)
    return found


def page_assets(server: Server) -> list[str]:
    """What Chromium fetches for the page, as paths below its address."""
    from playwright.sync_api import sync_playwright

    found: list[str] = []
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page()
        page.on("requestfinished", lambda request: found.append(request.url))
        page.goto(server.base)
        page.wait_for_load_state("load")
        page.wait_for_timeout(SETTLE_MS)
        browser.close()
    ours = {url.removeprefix(server.base): None for url in found if url.startswith(server.base)}
    return [path for path in ours if path and not path.startswith("gradio_api/")]


# -- the jobs -------------------------------------------------------------------------------------------


def start_jobs(node: Server, folder: Path) -> None:
    """Queue `JOBS` jobs on the sample talk with its true words: five clips each, in full size."""
    sentences = json.loads((SAMPLE / "words.json").read_text(encoding="utf-8"))["sentences"]
    cues = [{"start": s["start_ms"] / 1000, "end": s["end_ms"] / 1000, "text": s["text"]} for s in sentences]
    words = folder / "own.json"
    words.write_text(json.dumps(cues), encoding="utf-8")
    with httpx.Client(base_url=node.base, timeout=60, verify=False) as client:
        with words.open("rb") as file:
            sent = client.post("gradio_api/upload", files={"files": (words.name, file)}).raise_for_status()
        for number in range(JOBS):
            wish = {"upload": "sample", "count": 5, "length": 45, "transcript": sent.json()[0]}
            wish["idempotency_key"] = str(number)
            client.post("gradio_api/call/v2/generate_clips", json=wish).raise_for_status()


def job_in_render(node: Server) -> str | None:
    """The id of the job whose clips are rendered at this moment."""
    with httpx.Client(base_url=node.base, timeout=60, verify=False) as client:
        part = status_part(client.get("").text)

        def ask(name: str, **args: Any) -> Any:
            question = {"data": {"name": name, "args": args}, "component_id": part, "fn_name": "call"}
            answer = client.post("gradio_api/component_server/", json={**question, "session_hash": "look"})
            return answer.raise_for_status().json()["value"]

        for job in ask("list_jobs")["jobs"]:
            if job["status"] == "RUNNING" and ask("job_status", job_id=job["job_id"])["stage"] == "RENDER":
                return str(job["job_id"])
    return None


def wait_for_render(node: Server) -> str:
    """The id of a job as soon as it renders."""
    end = time.monotonic() + RENDER_WAIT_S
    while time.monotonic() < end:
        if (job := job_in_render(node)) is not None:
            return job
        time.sleep(0.5)
    raise RuntimeError(f"no job rendered within {RENDER_WAIT_S:g} s: {node.log.read_text()[-2000:]}")
