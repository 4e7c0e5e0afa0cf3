"""What a media file really holds: its containers lie, so packets and decoded frames have the last word.

`probe()` starts `python -m pipeline.probe PATH`, a child bounded in time and memory, because a
hostile file can crash or hang a decoder. The child answers one JSON object on stdout.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from pipeline.errors import NotMedia
from pipeline.media import spawn
from pipeline.packets import Track, Tracks, first_decodable, opened, shown, walk, with_tail
from pipeline.records import Ms

PROBE_LIMIT_S = 60.0
SHORTEST_MS: Ms = 1000
CHILD_MEMORY_BYTES = 6 << 30
WHOLE_WALK_BYTES = 64 << 20
"""Files up to this size are read packet by packet from end to end; larger ones at both ends."""
HEAD_WALK_BYTES = 16 << 20

STILL_CODECS = frozenset({"mjpeg", "png", "bmp", "gif", "webp", "tiff"})
TRANSFER_NAMES = {
    # ITU-T H.273 table 3 -> the names ffmpeg uses (libavutil/pixdesc.c)
    1: "bt709",
    4: "bt470m",
    5: "bt470bg",
    6: "smpte170m",
    7: "smpte240m",
    8: "linear",
    9: "log100",
    10: "log316",
    11: "iec61966-2-4",
    12: "bt1361e",
    13: "iec61966-2-1",
    14: "bt2020-10",
    15: "bt2020-12",
    16: "smpte2084",
    17: "smpte428",
    18: "arib-std-b67",
}
STANDARD_RATES = (
    *map(Fraction, (10, 12, 15, 24, 25, 30, 48, 50, 60, 90, 100, 120)),
    *(Fraction(thousands * 1000, 1001) for thousands in (24, 30, 60)),
    Fraction(25, 2),
)
HIGHEST_RATE = Fraction(120)
LONGEST_PLAUSIBLE_S = 24 * 3600


@dataclass(frozen=True, slots=True)
class Probed:
    """The usable picture and sound of a file. Fields mean what they mean in `Source`.

    `video_index` and `audio_index` count all streams of the container (ffmpeg's `0:INDEX`);
    `rotation` is clockwise, one of 0, 90, 180, 270; `duration_ms` ends with the picture.
    """

    duration_ms: Ms
    width: int
    height: int
    fps_num: int
    fps_den: int
    video_codec: str
    audio_codec: str
    audio_index: int
    video_index: int
    rotation: int
    transfer: str


def probe(path: Path, *, timeout_s: float = PROBE_LIMIT_S) -> Probed:
    """Look into the file with a child process. Raises NotMedia with the sentence for the user."""
    child = spawn(
        [sys.executable, "-m", "pipeline.probe", str(path.resolve())],
        cwd=Path(__file__).resolve().parent.parent,
        env={"LC_ALL": "C.UTF-8"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with child:
        try:
            printed, complaints = child.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired as exc:
            raise NotMedia(
                f"{shown(path)} could not be examined within {timeout_s:.0f} s; "
                "the file is damaged or its disk is too slow."
            ) from exc
        finally:
            child.kill()
    try:
        answer = json.loads(printed)
    except ValueError as exc:
        tail = complaints.decode("utf-8", "replace")[-2000:]
        raise NotMedia(
            f"{shown(path)} breaks the decoder that examines it; the file is damaged.",
            f"probe ended with {child.returncode}: {tail}",
        ) from exc
    if "error" in answer:
        raise NotMedia(answer["error"], answer["detail"])
    return Probed(**answer)


# -- in the child ---------------------------------------------------------------------------------


def inspect(path: Path) -> Probed:
    """Examine the file in this process. Raises NotMedia."""
    if path.stat().st_size == 0:
        raise NotMedia(f"{shown(path)} is empty (0 bytes); choose a file that holds a video.")
    large = path.stat().st_size > WHOLE_WALK_BYTES
    with opened(path) as container:
        pictures, sounds = _candidates(container)
        _require_both(path, container, pictures, sounds)
        head = walk(container, HEAD_WALK_BYTES if large else 0)
        tracks = with_tail(container, head, pictures[0].index) if large else head
        _require_clear_and_whole(path, container, tracks, (*pictures, *sounds))
        picture, frame = first_decodable(path, pictures)
        sound, _ = first_decodable(path, sounds)
        if picture is None or sound is None:
            what, stream = ("sound", sounds[0]) if picture else ("picture", pictures[0])
            raise NotMedia(_undecodable(path, what, stream))
        rate = frame_rate(picture.average_rate, _measured_rate(head.get(picture.index)))
        rotation, width, height = _as_seen(picture, frame)
        return Probed(
            duration_ms=_length_ms(path, container, tracks, picture),
            width=width,
            height=height,
            fps_num=rate.numerator,
            fps_den=rate.denominator,
            video_codec=_codec_name(picture),
            audio_codec=_codec_name(sound),
            audio_index=sound.index,
            video_index=picture.index,
            rotation=rotation,
            transfer=TRANSFER_NAMES.get(frame.color_trc) or TRANSFER_NAMES.get(picture.color_trc, ""),
        )


def _candidates(container: Any) -> tuple[list[Any], list[Any]]:
    """Moving pictures and sounds, the best first; covers, thumbnails and unknown codecs left out."""
    from av.stream import Disposition

    hidden = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
    known = [s for s in container.streams if s.codec_context is not None]
    pictures = [s for s in known if s.type == "video" and not s.disposition & hidden]
    sounds = [s for s in known if s.type == "audio"]

    aside = Disposition.comment | Disposition.visual_impaired | Disposition.hearing_impaired

    def rank(stream: Any) -> int:
        return 2 if stream.disposition & aside else 0 if stream.disposition & Disposition.default else 1

    pictures.sort(key=lambda s: (_codec_name(s) in STILL_CODECS, rank(s), -s.width * s.height, s.index))
    sounds.sort(key=lambda s: (rank(s), -s.codec_context.layout.nb_channels, s.index))
    return pictures, sounds


def _codec_name(stream: Any) -> str:
    return str(stream.codec_context.codec.canonical_name)


def _require_both(path: Path, container: Any, pictures: list[Any], sounds: list[Any]) -> None:
    kinds = {stream.type for stream in container.streams}
    if not pictures and not sounds:
        raise NotMedia(f"{shown(path)} holds neither picture nor sound that can be read.")
    if not pictures:
        raise NotMedia(f"{shown(path)} has no moving picture, only sound; a video with both is needed.")
    if not sounds and "audio" in kinds:
        raise NotMedia(f"The sound of {shown(path)} is in an unknown format and cannot be decoded.")
    if not sounds:
        raise NotMedia(f"{shown(path)} has no sound; clips are chosen by what is said, so speech is needed.")


def _undecodable(path: Path, what: str, stream: Any) -> str:
    return (
        f"The {what} of {shown(path)} ({_codec_name(stream)}) cannot be decoded; "
        "the file is damaged or protected."
    )


def _require_clear_and_whole(path: Path, container: Any, tracks: Tracks, streams: tuple[Any, ...]) -> None:
    """Refuse an encrypted file, and one whose index promises more than its bytes hold."""
    if any(tracks[stream.index].encrypted for stream in streams if stream.index in tracks):
        raise NotMedia(f"{shown(path)} is encrypted (DRM) and cannot be read; use an unprotected copy.")
    size = path.stat().st_size
    beyond = any(
        entries[-1].pos + entries[-1].size > size
        for stream in streams
        if len(entries := stream.index_entries)
    )
    start_s = (container.start_time or 0) / 1e6
    end_s = max([0.0, *(track.end_s - start_s for track in tracks.values())])
    claimed_s = (container.duration or 0) / 1e6
    short = claimed_s - end_s > max(2.0, 0.05 * claimed_s)
    if beyond or (short and claimed_s <= LONGEST_PLAUSIBLE_S):
        raise NotMedia(
            f"{shown(path)} is cut off: it should last {claimed_s:.0f} s, but ends after {end_s:.0f} s; "
            "download or copy it again."
        )


def _length_ms(path: Path, container: Any, tracks: Tracks, picture: Any) -> Ms:
    """From the start of the film to the end of the last picture. Raises NotMedia when too short."""
    track = tracks.get(picture.index, Track())
    if not track.packets:
        raise NotMedia(_undecodable(path, "picture", picture))
    start_s = (container.start_time or 0) / 1e6
    length_ms = round((track.end_s - start_s) * 1000)
    if length_ms < SHORTEST_MS:
        raise NotMedia(
            f"The picture of {shown(path)} lasts only {max(0, length_ms)} ms; "
            f"at least {SHORTEST_MS} ms are needed."
        )
    return length_ms


def _measured_rate(track: Track | None) -> Fraction | None:
    if track is None or track.packets < 2 or track.last_s <= track.first_s:
        return None
    return Fraction((track.packets - 1) / (track.last_s - track.first_s))


def frame_rate(declared: Fraction | None, measured: Fraction | None) -> Fraction:
    """Frames a second, snapped to the nearest standard rate within 1 %, between 1 and 120.

    The declared rate where the packets bear it out; a measured standard rate where they do not; in
    between (a few frames short at an end) the declared one up to 5 % off; 25 when nobody knows.
    """
    rate = declared or measured or Fraction(25)
    if declared and measured:
        off = abs(declared / measured - 1)
        if off > Fraction(5, 100) or (off > Fraction(1, 100) and _snapped(measured) in STANDARD_RATES):
            rate = measured
    return _snapped(max(Fraction(1), min(rate, HIGHEST_RATE)))


def _snapped(rate: Fraction) -> Fraction:
    nearest = min(STANDARD_RATES, key=lambda standard: abs(standard - rate))
    return nearest if abs(nearest / rate - 1) <= Fraction(1, 100) else rate.limit_denominator(1001)


def _as_seen(picture: Any, frame: Any) -> tuple[int, int, int]:
    """Clockwise rotation in degrees, and the size a viewer sees with square pixels."""
    rotation = -frame.rotation % 360 if frame.rotation % 90 == 0 and abs(frame.rotation) <= 360 else 0
    ratio = picture.sample_aspect_ratio or Fraction(1)
    width = max(1, round(frame.width * ratio)) if Fraction(1, 8) <= ratio <= 8 else frame.width
    height = frame.height
    return (rotation, height, width) if rotation in (90, 270) else (rotation, width, height)


def main(path: Path) -> None:
    """Print the answer: the fields of `Probed`, or `error` and `detail`."""
    resource.setrlimit(resource.RLIMIT_AS, (CHILD_MEMORY_BYTES, CHILD_MEMORY_BYTES))
    try:
        answer: dict[str, Any] = asdict(inspect(path))
    except NotMedia as exc:
        answer = {"error": exc.user_message, "detail": exc.detail}
    print(json.dumps(answer))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
