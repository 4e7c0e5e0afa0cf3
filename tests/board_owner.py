"""A process that owns a board, to be killed: `python -m tests.board_owner WORK_FOLDER SOURCE [KIND]`.

Starts (or takes up) the job "owned" and stays. KIND "real": the real pipeline, small and fast.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from node.errors import UnknownJob
from node.records import JobRequest
from tests.boards import board, real_board


def main(folder: Path, source: str, subtitles: str) -> None:
    desk = real_board(folder) if subtitles else board(folder)
    try:
        desk.state("owned")
    except UnknownJob:
        own = Path(subtitles) if subtitles else None
        desk.submit(JobRequest(source, "a film", 2, 8_000, 16_000, transcript=own), "owned")
    time.sleep(300)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3] if len(sys.argv) > 3 else "")
