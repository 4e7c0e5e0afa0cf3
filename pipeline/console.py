"""What a person (or a machine) sees of a job on the command line."""

from __future__ import annotations

import json
import sys
from typing import IO

from pipeline.records import (
    ClipReady,
    Done,
    DraftReady,
    Event,
    Failed,
    Heard,
    Ms,
    Progress,
    StageStarted,
    Warned,
)
from pipeline.workspace import to_json

STEP = 0.25
"""Where lines can't be rewritten (a log file), one line for each quarter of a stage."""


def clock(ms: Ms) -> str:
    """m:ss, or h:mm:ss from an hour on."""
    seconds = ms // 1000
    minutes = f"{seconds // 60 % 60}:{seconds % 60:02d}"
    return f"{seconds // 3600}:{minutes:0>5}" if seconds >= 3600 else minutes


class JsonLines:
    """Every event as one line of JSON: its name under "event", its fields beside it."""

    def __init__(self, out: IO[str]) -> None:
        self._out = out

    def show(self, event: Event) -> None:
        line = {"event": type(event).__name__, **to_json(event)}
        self._out.write(json.dumps(line, ensure_ascii=False) + "\n")
        self._out.flush()


class Lines:
    """A line of progress for each stage, rewritten in place on a terminal, and a closing table."""

    def __init__(self, out: IO[str]) -> None:
        self._out = out
        self._live = out.isatty()
        self._open = False
        self._shown = -1.0

    def show(self, event: Event) -> None:
        match event:
            case StageStarted(stage, resumed):
                self._shown = -1.0
                if resumed:
                    self._line(f"{stage:<10} 100 %  done in an earlier run")
            case Progress():
                self._progress(event)
            case Warned(stage, message):
                self._line(f"{stage:<10} note: {message}")
            case ClipReady(clip, folder):
                self._line(f"{'RENDER':<10} clip {clip.plan.index} is ready: {folder / clip.video}")
            case DraftReady(index, preview, _, folder):
                self._line(f"{'RENDER':<10} a draft of clip {index} is ready: {folder / preview}")
            case Done():
                if event.clips:
                    self._table(event)
            case Failed(_, message, detail):
                self._line("")
                tail = [f"  | {line}" for line in detail.splitlines()[-12:]]
                sys.stderr.write("\n".join([f"error: {message}", *tail]) + "\n")
            case Heard():
                pass

    def _progress(self, event: Progress) -> None:
        fraction = event.fraction
        if not self._live and fraction < 1 and fraction - self._shown < STEP:
            return
        if fraction >= 1 and self._shown >= 1:
            return
        self._shown = fraction
        left = f", {clock(event.left_ms)} left" if event.left_ms and fraction < 1 else ""
        text = f"{event.stage:<10} {fraction:4.0%}  {clock(event.elapsed_ms)}{left}  {event.message}".rstrip()
        if not self._live or fraction >= 1:
            self._line(text)
        else:
            self._out.write(f"\r\x1b[K{text[:100]}")
            self._out.flush()
            self._open = True

    def _line(self, text: str) -> None:
        if self._open:
            self._out.write("\r\x1b[K")
            self._open = False
        if text:
            self._out.write(text + "\n")
        self._out.flush()

    def _table(self, done: Done) -> None:
        from rich import box
        from rich.console import Console
        from rich.markup import escape
        from rich.table import Table

        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for name in ("clip", "title", "from-to", "length", "score", "file"):
            table.add_column(name, overflow="fold", justify="right" if name in ("clip", "score") else "left")
        for clip in done.clips:
            plan = clip.plan
            span = f"{clock(plan.start_ms)}-{clock(plan.end_ms)}"
            length = f"{plan.length_ms / 1000:.1f} s"
            table.add_row(str(plan.index), escape(plan.title), span, length, str(plan.score), clip.video)
        console = Console(file=self._out, width=None if self._live else 120)
        console.print(table)
        if done.shortfall:
            console.print(escape(done.shortfall))
        console.print(f"everything is in {escape(done.location)}", soft_wrap=True, highlight=False)
