"""A small program in place of `python -m pipeline`: it prints such events and has every fault.

What it does is in the source's name: `/any/ok.mp4`, `crash.mp4`, … Run with PACE=seconds between steps.
It leaves `started.txt` (one line for each run) and its pids in the folder of the job.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

STAGES = ("DOWNLOAD", "TRANSCRIPT", "CHUNK", "SELECT", "RENDER", "UPLOAD")
SECRET = "sk-secret-of-the-world-0123456789"


def say(event: str, **more: object) -> None:
    sys.stdout.write(json.dumps({"event": event, **more}) + "\n")
    sys.stdout.flush()


def options(args: list[str]) -> tuple[dict[str, str], list[str]]:
    cut = args.index("--") if "--" in args else len(args)
    pairs = [arg.lstrip("-").partition("=") for arg in args[:cut] if arg.startswith("--")]
    return {name: value for name, _, value in pairs}, args[cut + 1 :]


def stop_nicely(*_: object) -> None:
    say("Failed", code="interrupted", message="stopped", detail="", stage=None)
    sys.exit(130)


def note(job_id: str, text: str) -> None:
    folder = Path(os.environ["WORK_DIR"]) / job_id
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "started.txt").open("a", encoding="utf-8") as file:
        file.write(f"{text} {os.getpid()}\n")


def fault(name: str, source: str) -> None:
    """What goes wrong in the middle of the job."""
    if name == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if name == "mute":
        sys.exit(0)
    if name == "garbage":
        for line in ("hello", "[1, 2]", '{"event": 5}', '{"event": "New", "x": 1}', "[" * 200_000, "\udcff"):
            sys.stdout.buffer.write(line.encode(errors="surrogateescape") + b"\n")
        sys.stdout.buffer.write(b'{"event": "Warned", "message": "' + b"x" * (17 << 20) + b'"}\n')
        say("Progress", stage="RENDER", fraction="most", elapsed_ms=None, left_ms=-4, message=7)
    if name == "leak":
        sys.stderr.write(
            f"GET {source} failed\nAuthorization: Bearer {SECRET}\nkey {SECRET} {'x' * 300}\n" * 4_000
        )
        say("Warned", stage="RENDER", message=f"{source} was slow")
        say(
            "Failed",
            code="refused",
            message=f"no: {source}",
            detail=f"trace {source} {SECRET}",
            stage="RENDER",
        )
        sys.exit(3)
    if name == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        time.sleep(600)
    if name == "silent":
        time.sleep(600)
    if name == "refuse":
        say("Failed", code="no_speech", message="Nobody speaks.", detail="", stage="TRANSCRIPT")
        sys.exit(4)


def job(args: list[str]) -> None:
    given, rest = options(args)
    (source,) = rest
    name = source.rpartition("/")[2].partition("?")[0].removesuffix(".mp4")
    pace = float(os.environ.get("PACE", "0.02"))
    note(given["job-id"], "job " + " ".join(f"{k}={v}" for k, v in sorted(given.items())))
    for stage in STAGES:
        say("StageStarted", stage=stage, resumed=False)
        if stage == "TRANSCRIPT":
            for number in range(5):
                sentence = {
                    "id": number,
                    "start_ms": number,
                    "end_ms": number + 1,
                    "text": f"Sentence {number}.",
                }
                say("Heard", sentences=[sentence])
        if stage == "RENDER":
            say("ClipReady", clip={"plan": {"index": 1}}, folder="/x")
            if "slow" in name:
                time.sleep(float(os.environ.get("SLOW_S", "600")))
            fault(name, source)
        time.sleep(pace)
        say("Progress", stage=stage, fraction=1.0, elapsed_ms=round(pace * 1000), left_ms=None, message="")
    clips = [{"plan": {"index": number + 1}} for number in range(int(given["count"]))]
    say("Done", clips=clips, artifacts=[], location="/x", shortfall="")


def edit(args: list[str]) -> None:
    given, (job_id, clip) = options(args)
    kind = "draft" if "draft" in given else "full"
    note(job_id, f"{kind} {clip}")
    say("StageStarted", stage="RENDER", resumed=False)
    say("Progress", stage="RENDER", fraction=0.5, elapsed_ms=1, left_ms=None, message="")
    if clip == "9":
        say("Failed", code="bad_wish", message="There is no clip 9.", detail="", stage=None)
        sys.exit(2)
    time.sleep(float(os.environ.get("EDIT_S", "0.05")))
    say("Done", clips=[], artifacts=[], location="", shortfall="")


def probe(args: list[str]) -> None:
    _, (source,) = options(args)
    if "slow" in source:
        time.sleep(600)
    if "bad" in source:
        sys.stderr.write("some log\nerror: That is no video.\n")
        sys.exit(3)
    answer = {"duration_ms": 269_000, "width": 640, "height": 360, "title": source}
    sys.stdout.write(json.dumps({"duration_ms": -1} if "odd" in source else answer) + "\n")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, stop_nicely)
    if "--with-parent" in sys.argv:
        from pipeline.process import end_with_parent

        end_with_parent()
    if sys.argv[1] in ("edit", "probe"):
        {"edit": edit, "probe": probe}[sys.argv[1]](sys.argv[2:])
    else:
        job(sys.argv[1:])
