"""Build talk.mp4 and words.json from talk.txt: `python assets/sample/build.py [flite-ffmpeg]`.

The voices are flite's, which Debian's ffmpeg carries as a source (the packaged ffmpeg does not); the
pictures are drawn here, with scikit-image's portrait. Needs requirements-dev.txt and `ffmpeg`.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scenes import FPS, HEIGHT, WIDTH, Stage
from script import Line, Spoken, place, read_script, shots

HERE = Path(__file__).parent
RATE = 16_000
VOICES = {"HOST": "rms", "GUEST": "slt"}
QUIET = 0.012
CLOSING_MS = 900

Sound = NDArray[np.float32]


def voice(line: Line, flite_ffmpeg: str) -> Sound:
    """One sentence as samples at 16 kHz, without the silence around it."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as text:
        text.write(line.text)
        text.flush()
        source = f"flite=textfile={text.name}:voice={VOICES[line.speaker]}"
        command = [flite_ffmpeg, "-v", "error", "-f", "lavfi", "-i", source]
        command += ["-ar", str(RATE), "-ac", "1", "-f", "f32le", "-"]
        raw = subprocess.run(command, check=True, capture_output=True, timeout=60).stdout
    samples = np.frombuffer(raw, np.float32)
    loud = np.flatnonzero(np.abs(samples) > QUIET)
    return samples[loud[0] : loud[-1] + 1]


def levelled(samples: Sound, line: Line) -> Sound:
    """About -20 dBFS RMS; questions and the short hard sentences a little louder, as people speak."""
    lift = 1.25 if line.text.endswith("?") or len(line.text) < 30 else 1.0
    return samples * (0.1 * lift / float(np.sqrt(np.mean(samples**2))))


def mixed(spoken: list[Spoken], voices: list[Sound], film_ms: int) -> Sound:
    """The whole sound track with a faint room tone, so that pauses are not digital silence."""
    track = np.random.default_rng(7).normal(0, 0.0006, film_ms * RATE // 1000).astype(np.float32)
    for one, samples in zip(spoken, voices, strict=True):
        start = one.start_ms * RATE // 1000
        track[start : start + len(samples)] += samples
    return np.clip(track, -0.98, 0.98)


def loudness_per_frame(track: Sound) -> Sound:
    """0..1 for each frame of the picture: what moves the bars on the host's card."""
    block = RATE // FPS
    whole = track[: len(track) // block * block].reshape(-1, block)
    level = np.sqrt((whole**2).mean(axis=1))
    return (level / level.max()).astype(np.float32)


def encode(spoken: list[Spoken], track: Sound, film_ms: int, target: Path) -> None:
    """Draw every frame and pipe it into ffmpeg beside the sound."""
    import imageio_ffmpeg

    stage = Stage(loudness_per_frame(track))
    with tempfile.NamedTemporaryFile(suffix=".f32") as sound:
        sound.write(track.tobytes())
        sound.flush()
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y"]
        command += ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{WIDTH}x{HEIGHT}"]
        command += ["-r", str(FPS), "-i", "-"]
        command += ["-f", "f32le", "-ar", str(RATE), "-ac", "1", "-i", sound.name]
        command += ["-c:v", "libx264", "-preset", "slow", "-crf", "30", "-pix_fmt", "yuv420p", "-g", "250"]
        command += ["-c:a", "aac", "-b:a", "64k", "-movflags", "+faststart", "-shortest", str(target)]
        ffmpeg = subprocess.Popen(command, stdin=subprocess.PIPE)
        assert ffmpeg.stdin is not None
        for shot in shots(spoken, film_ms):
            for number in range(-(-shot.start_ms * FPS // 1000), -(-shot.end_ms * FPS // 1000)):
                ffmpeg.stdin.write(stage.frame(shot, number * 1000 // FPS).tobytes())
        ffmpeg.stdin.close()
        if ffmpeg.wait(timeout=600) != 0:
            raise SystemExit("ffmpeg failed")


def main() -> None:
    flite_ffmpeg = sys.argv[1] if len(sys.argv) > 1 else "ffmpeg"
    lines = read_script((HERE / "talk.txt").read_text(encoding="utf-8"))
    voices = [levelled(voice(line, flite_ffmpeg), line) for line in lines]
    spoken = place(lines, [len(samples) * 1000 // RATE for samples in voices])
    film_ms = spoken[-1].end_ms + CLOSING_MS
    encode(spoken, mixed(spoken, voices, film_ms), film_ms, HERE / "talk.mp4")
    sentences = [
        {"speaker": s.line.speaker, "text": s.line.text, "start_ms": s.start_ms, "end_ms": s.end_ms}
        for s in spoken
    ]
    cuts = [shot.start_ms for shot in shots(spoken, film_ms)][1:]
    truth = {"film_ms": film_ms, "cuts_ms": cuts, "sentences": sentences}
    (HERE / "words.json").write_text(json.dumps(truth, indent=1) + "\n", encoding="utf-8")
    size = (HERE / "talk.mp4").stat().st_size
    print(f"talk.mp4: {film_ms / 60_000:.1f} min, {size / 1e6:.1f} MB, {len(sentences)} sentences")


if __name__ == "__main__":
    main()
