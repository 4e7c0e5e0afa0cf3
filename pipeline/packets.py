"""Packets and first frames of an untrusted file, read through PyAV with the safe demuxers only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import NotMedia
from pipeline.media import SAFE_DEMUXERS, SAFE_PROTOCOLS

_MP4_BEGINNINGS = (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"styp", b"moof", b"sidx")


def shown(path: Path) -> str:
    """The file's name as it may stand in a sentence: printable, at most 80 letters, in quotes."""
    name = "".join(letter if letter.isprintable() else "?" for letter in path.name)
    return f"“{name if len(name) <= 80 else name[:77] + '…'}”"


@dataclass(slots=True)
class Track:
    """What the packets of one stream say, in seconds; `first_s` and `last_s` are their beginnings."""

    first_s: float = float("inf")
    last_s: float = float("-inf")
    end_s: float = float("-inf")
    packets: int = 0
    encrypted: bool = False

    def add(self, packet: Any) -> None:
        self.encrypted = self.encrypted or packet.has_sidedata("encryption_info")
        at = packet.pts if packet.pts is not None else packet.dts
        if at is None or packet.is_discard:
            return
        start_s = float(at * packet.time_base)
        self.packets += 1
        self.first_s = min(self.first_s, start_s)
        self.last_s = max(self.last_s, start_s)
        self.end_s = max(self.end_s, start_s + float((packet.duration or 0) * packet.time_base))


Tracks = dict[int, Track]


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """PyAV's container of the file; nothing but this one file is opened. Raises NotMedia."""
    import av

    options = {"format_whitelist": SAFE_DEMUXERS, "protocol_whitelist": SAFE_PROTOCOLS}
    try:
        container = av.open(f"file:{path}", options=options, metadata_errors="ignore")
    except av.FFmpegError as exc:
        raise NotMedia(why_unreadable(path), str(exc)) from exc
    with container:
        yield container


def why_unreadable(path: Path) -> str:
    """The sentence for a file that no demuxer takes, from its first bytes."""
    with path.open("rb") as file:
        head = file.read(16)
        boxes = _top_boxes(path) if head[4:8] in _MP4_BEGINNINGS else ()
    if boxes and "moov" not in boxes:
        return (
            f"{shown(path)} is cut off or damaged: its index (the moov box) is missing; "
            "download or copy it again."
        )
    if boxes:
        return f"{shown(path)} is a damaged MP4 file; its index cannot be read."
    if head.startswith((b"#EXTM3U", b"ffconcat", b"<?xml", b"<MPD")):
        return f"{shown(path)} is a playlist that points to other files; give the video file itself."
    return f"{shown(path)} is not a video that can be read; MP4, MOV, MKV, WebM and the like are."


def _top_boxes(path: Path) -> tuple[str, ...]:
    """Names of the top-level boxes of an MP4 file (ISO/IEC 14496-12, 4.2), at most 1000."""
    names: list[str] = []
    size = path.stat().st_size
    at = 0
    with path.open("rb") as file:
        while at + 8 <= size and len(names) < 1000:
            file.seek(at)
            head = file.read(16)
            length = int.from_bytes(head[:4], "big")
            if length == 1:
                length = int.from_bytes(head[8:16], "big")
            names.append(head[4:8].decode("latin-1"))
            if length < 8:
                break
            at += length
    return tuple(names)


def walk(container: Any, limit_bytes: int = 0) -> Tracks:
    """Read packets without decoding, from where the container stands, all or `limit_bytes` of them."""
    import av

    tracks: Tracks = {}
    seen = 0
    try:
        for packet in container.demux():
            tracks.setdefault(packet.stream_index, Track()).add(packet)
            seen += packet.size
            if limit_bytes and seen > limit_bytes:
                break
    except av.FFmpegError:
        # A break in the middle: what was read so far is what can be used, the probe judges.
        return tracks
    return tracks


def with_tail(container: Any, head: Tracks, index: int) -> Tracks:
    """The head's tracks with the ends found near the end of a large file."""
    import av

    claimed_us = container.duration or 0
    start_us = container.start_time or 0
    tail: Tracks = {}
    for back_us in (10_000_000, 60_000_000, claimed_us):
        try:
            container.seek(start_us + max(0, claimed_us - back_us))
        except av.FFmpegError:
            continue
        tail = walk(container)
        if index in tail and tail[index].packets:
            break
    joined = dict(head)
    for number, track in tail.items():
        known = head.get(number, track)
        joined[number] = Track(
            first_s=min(known.first_s, track.first_s),
            last_s=max(known.last_s, track.last_s),
            end_s=max(known.end_s, track.end_s),
            packets=known.packets,
            encrypted=known.encrypted or track.encrypted,
        )
    return joined


def first_decodable(path: Path, streams: list[Any]) -> tuple[Any, Any]:
    """The first of the streams that gives a frame, and that frame; (None, None) when none does."""
    for stream in streams:
        frame = _first_frame(path, stream.index)
        if frame is not None:
            return stream, frame
    return None, None


def _first_frame(path: Path, index: int, limit_bytes: int = 64 << 20) -> Any:
    """The first frame that decodes, damaged packets before it skipped; None when there is none."""
    import av

    with opened(path) as container:
        seen = 0
        try:
            for packet in container.demux(container.streams[index]):
                seen += packet.size
                for frame in _decoded(packet):
                    return frame
                if seen > limit_bytes:
                    break
        except av.FFmpegError:
            return None
    return None


def _decoded(packet: Any) -> list[Any]:
    import av

    try:
        return list(packet.decode())
    except av.FFmpegError:
        return []
