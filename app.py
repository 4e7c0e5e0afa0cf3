"""The session node's page: a link or a file in, clips out. `python app.py` opens it.

The pipeline runs in a child process (`python -m pipeline --json`), so that this process only shows
pages and no video can take it down.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from settings import NodeSettings

SAMPLE = Path(__file__).parent / "assets" / "sample" / "talk.mp4"


def make_clips(link: str, upload: str | None, length: int, count: int) -> Iterator[tuple[str, list[str]]]:
    """Run one job; yields what happens as text, and the finished clips' files."""
    link = link.strip()
    if link and not link.startswith(("http://", "https://")):
        raise gr.Error("A link begins with http:// or https://; drop a file below to use one of yours.")
    source = upload or link or str(SAMPLE)
    command = [sys.executable, "-m", "pipeline", "--json"]
    command += ["--length", str(int(length)), "--count", str(int(count)), "--", source]
    lines: list[str] = []
    clips: list[str] = []
    # A pipe that nobody reads would stop the child; what it says there goes to this console.
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout is not None
        for line in child.stdout:
            event = json.loads(line)
            _tell(event, lines)
            if event["event"] == "ClipReady":
                clips.append(str(Path(event["folder"]) / event["clip"]["video"]))
            yield "\n".join(lines), clips
    finally:
        # The page was closed: the job can be resumed, so nothing is lost by stopping it.
        threading.Thread(target=_end, args=(child,), daemon=True).start()


def _end(child: subprocess.Popen[str]) -> None:
    if child.poll() is None:
        child.terminate()
    child.wait()


def _tell(event: dict[str, Any], lines: list[str]) -> None:
    kind = event["event"]
    if kind == "Progress":
        text = f"{event['stage']}: {event['fraction']:.0%} {event['message']}"
        if lines and lines[-1].startswith(event["stage"] + ":"):
            lines.pop()
        lines.append(text)
    elif kind in ("Warned", "Failed"):
        lines.append(f"Note: {event['message']}" if kind == "Warned" else f"Error: {event['message']}")
    elif kind == "Done":
        lines.append(f"Done. Everything is in {event['location']}.")


def page() -> gr.Blocks:
    """The page."""
    with gr.Blocks(title="KangKlip") as blocks:
        gr.Markdown("# KangKlip\nA long video becomes vertical clips with captions. Empty: the sample talk.")
        link = gr.Textbox(label="Link to a video")
        upload = gr.File(label="or a file", file_types=["video"], type="filepath")
        length = gr.Radio([30, 45, 60], value=45, label="Seconds, at most")
        count = gr.Slider(1, 5, value=3, step=1, label="Clips")
        start = gr.Button("Make clips", variant="primary")
        told = gr.Textbox(label="What happens", lines=10)
        clips = gr.Files(label="Clips")
        start.click(make_clips, [link, upload, length, count], [told, clips], api_name="make_clips")
    return blocks


if __name__ == "__main__":
    settings = NodeSettings.from_env()
    page().queue().launch(server_name=settings.host, server_port=settings.port, show_error=False)
