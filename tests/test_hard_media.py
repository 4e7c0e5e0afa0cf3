"""Every difficult file becomes clips or one sentence: through the real tools, end to end."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import av
import pytest

from pipeline.parts import open_tools
from pipeline.records import Done, Failed, Wish
from pipeline.run import run
from pipeline.workspace import Workspace
from settings import NodeSettings
from tests.conftest import SHARED

HARD = sorted((SHARED / "hard").iterdir()) if SHARED.is_dir() else []

MUST_WORK = {
    "ax_hdr10-av1.mp4",
    "ax_internal_emulator_transformer_output_270_rotated.mp4",
    "ax_long_1080p_lowbitrate.mp4",
    "ax_sample.avi",
    "ax_sample_edit_list.mp4",
    "ax_sample_portrait.mp4",
    "ax_sample_twos_pcm.mp4",
    "lpms_videotest.mp4",
    "opencast_av.mov",
    "popcorn_trailer.mp4",
}
MUST_SAY = {
    "ae_alac.m4a": "picture",
    "ax_sample_audio_only.mp4": "picture",
    "ax_sample_video_only.mp4": "sound",
    "ax_long_1080p_videoonly_lowbitrate.mp4": "sound",
    "derived_zero_bytes.mp4": "empty",
    "mp4parse_short-cenc.mp4": "encrypted",
    "ax_sample_h264_mpeg_audio.ts": "only 100 ms",
}


def sentences_over(path: Path, folder: Path) -> Path:
    """A made-up transcript: three words a second for the first fifteen seconds, whatever is heard."""
    words = [{"start": 0.1 + i / 3, "end": 0.3 + i / 3, "text": f"word{i}"} for i in range(45)]
    cues = [
        {"start": five[0]["start"], "end": five[-1]["end"], "text": " ".join(w["text"] for w in five) + "."}
        for five in (words[i : i + 3] for i in range(0, 45, 3))
    ]
    own = folder / "own.json"
    own.write_text(json.dumps(cues), encoding="utf-8")
    return own


@pytest.mark.slow
@pytest.mark.skipif(not HARD, reason="../shared/media is not here")
@pytest.mark.parametrize("path", HARD, ids=lambda path: path.name)
def test_a_hard_file_becomes_a_clip_or_a_sentence(path, tmp_path):
    settings = NodeSettings(
        render_resolution=(270, 480), render_preset="ultrafast", offline=True, render_encoder="libx264"
    )
    wish = Wish(str(path), 1, 700, 6_000, "en", transcript=sentences_over(path, tmp_path))
    tools = open_tools(settings, wish, tmp_path / "out")
    last = list(run(wish, tools, Workspace.open(tmp_path / "work", "hard"), threading.Event()))[-1]
    if isinstance(last, Failed):
        assert path.name not in MUST_WORK, last.message
        assert last.code in ("not_media", "no_speech", "no_transcript", "nothing_chosen"), last
        assert MUST_SAY.get(path.name, "") in last.message
        assert (
            last.message.endswith(".") and "\n" not in last.message and str(path.parent) not in last.message
        )
        return
    assert isinstance(last, Done) and path.name not in MUST_SAY
    (clip,) = last.clips
    with av.open(str(tmp_path / "out" / "jobs" / "hard" / clip.video)) as film:
        frames = sum(1 for _ in film.decode(video=0))
        assert abs(frames - clip.plan.length_ms / 1000 * film.streams.video[0].average_rate) <= 1
        assert (film.streams.video[0].width, film.streams.video[0].height) == (270, 480)
