"""The picture of a clip as a filter graph: layouts, crop path, tone-mapping, captions. Pure.

Built with ffmpeg-python on top of the input node; nothing runs here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

from pipeline.records import Framing, Keyframe, Ms, Source

HDR_TRANSFERS = ("smpte2084", "arib-std-b67")
"""PQ and HLG, by ffmpeg's names (ITU-R BT.2100)."""


@dataclass(frozen=True, slots=True)
class Canvas:
    """The size and rate of the finished picture."""

    width: int
    height: int
    fps: Fraction

    def frame_at(self, ms: Ms) -> int:
        """The first frame that is shown at or after `ms`."""
        return -(-ms * self.fps.numerator // (1000 * self.fps.denominator))


def picture(
    node: Any,
    source: Source,
    framing: Sequence[Framing],
    canvas: Canvas,
    captions: Path | None,
    fonts: Path,
    dropped: Sequence[tuple[int, int]] = (),
) -> Any:
    """The finished picture from the source's video node: constant rate, square pixels, BT.709.

    `dropped` frames (first, after the last) are left out before the captions are drawn.
    """
    stream = node.filter("fps", fps=str(canvas.fps), start_time=0)
    # A film whose picture ends before its sound keeps its last frame; the output's length cuts.
    stream = stream.filter("tpad", stop_mode="clone", stop_duration=3600)
    stream = stream.filter("scale", source.width, source.height).filter("setsar", 1)
    hdr = source.transfer in HDR_TRANSFERS
    parts = _segments(framing)
    if len(parts) == 1:
        stream = _laid_out(stream, parts[0], source, canvas)
    else:
        stream = _joined(stream, parts, source, canvas)
    if dropped:
        gone = "+".join(f"between(n,{first},{after - 1})" for first, after in dropped)
        stream = stream.filter("select", f"not({gone})")
        stream = stream.filter("setpts", f"N/({canvas.fps})/TB")
    stream = _to_sdr(stream, source.transfer) if hdr else stream
    if captions is not None:
        stream = stream.filter("ass", filename=str(captions), fontsdir=str(fonts))
    stream = stream.filter("setsar", 1).filter("format", "yuv420p")
    return stream.filter(
        "setparams", color_primaries="bt709", color_trc="bt709", colorspace="bt709", range="tv"
    )


@dataclass(frozen=True, slots=True)
class _Segment:
    """Neighbouring shots with the same layout: one branch of the graph."""

    framings: tuple[Framing, ...]

    @property
    def start_ms(self) -> Ms:
        return self.framings[0].span.start_ms

    @property
    def end_ms(self) -> Ms:
        return self.framings[-1].span.end_ms


def _segments(framing: Sequence[Framing]) -> list[_Segment]:
    return [_Segment(tuple(group)) for _, group in groupby(framing, key=lambda f: f.layout)]


def _joined(stream: Any, parts: Sequence[_Segment], source: Source, canvas: Canvas) -> Any:
    """One decode, split into branches that each take their frames, and joined again."""
    import ffmpeg

    branches = stream.filter_multi_output("split", len(parts))
    out = []
    for i, part in enumerate(parts):
        # Whole frames, so that no frame is shown twice or lost where branches meet.
        limits = {"start_frame": canvas.frame_at(part.start_ms)}
        if i + 1 < len(parts):
            limits["end_frame"] = canvas.frame_at(part.end_ms)
        branch = branches.stream(i).filter("trim", **limits).filter("setpts", "PTS-STARTPTS")
        out.append(_laid_out(branch, part, source, canvas))
    return ffmpeg.concat(*out, v=1, a=0)


def _laid_out(stream: Any, part: _Segment, source: Source, canvas: Canvas) -> Any:
    if part.framings[0].layout == "fit":
        return _fit(stream, source, canvas)
    return _follow(stream, part, source, canvas)


def crop_size(source_width: int, source_height: int, canvas: Canvas) -> tuple[int, int]:
    """The largest even crop of the canvas's aspect inside the source, in source pixels."""
    if source_width * canvas.height >= source_height * canvas.width:
        width, height = source_height * canvas.width / canvas.height, float(source_height)
    else:
        width, height = float(source_width), source_width * canvas.height / canvas.width
    return max(2, int(width) // 2 * 2), max(2, int(height) // 2 * 2)


def _follow(stream: Any, part: _Segment, source: Source, canvas: Canvas) -> Any:
    width, height = crop_size(source.width, source.height, canvas)
    x = _path(part, "x", source.width, source.width - width)
    y = _path(part, "y", source.height, source.height - height)
    cropped = stream.filter("crop", w=width, h=height, x=x, y=y)
    return _scaled(cropped, source, canvas.width, canvas.height)


def _scaled(stream: Any, source: Source, width: Any, height: Any, **options: Any) -> Any:
    """Scale; an SDR picture also becomes BT.709 in limited range (an HDR one does so later)."""
    if source.transfer not in HDR_TRANSFERS:
        options |= {"out_color_matrix": "bt709", "out_range": "tv"}
    return stream.filter("scale", width, height, flags="bicubic", **options).filter("setsar", 1)


def _fit(stream: Any, source: Source, canvas: Canvas) -> Any:
    """The whole picture over itself, enlarged, blurred and darkened.

    The fill is blurred at an eighth of its size: the eye sees no difference and it costs a 64th.
    """
    import ffmpeg

    halves = stream.filter_multi_output("split", 2)
    small = (max(2, canvas.width // 16 * 2), max(2, canvas.height // 16 * 2))
    fill = _scaled(halves.stream(0), source, *small, force_original_aspect_ratio="increase")
    fill = fill.filter("crop", *small).filter("gblur", sigma=6).filter("format", "yuv420p10le")
    fill = fill.filter("lutyuv", y="val*0.55+16*0.45*4")
    fill = fill.filter("scale", canvas.width, canvas.height, flags="bicubic").filter("setsar", 1)
    whole = _scaled(
        halves.stream(1), source, canvas.width, canvas.height,
        force_original_aspect_ratio="decrease", force_divisible_by=2,
    )  # fmt: skip
    depth = "yuv420p10" if source.transfer in HDR_TRANSFERS else "yuv420"
    return ffmpeg.overlay(fill, whole, x="(W-w)/2", y="(H-h)/2", format=depth)


def _to_sdr(stream: Any, transfer: str) -> Any:
    """PQ or HLG in BT.2020 to BT.709: linear light, primaries, Hable's curve, gamma."""
    return (
        stream.filter(
            "setparams", color_primaries="bt2020", color_trc=transfer, colorspace="bt2020nc", range="tv"
        )
        .filter("zscale", t="linear", npl=100)
        .filter("format", "gbrpf32le")
        .filter("zscale", p="bt709")
        .filter("tonemap", tonemap="hable", desat=0)
        .filter("zscale", t="bt709", m="bt709", r="tv")
        .filter("format", "yuv420p")
    )


# -- the crop path as an expression of time -------------------------------------------------------


def _path(part: _Segment, axis: str, size: int, highest: int) -> str:
    """An ffmpeg expression for the crop's corner in pixels; `t` counts from the segment's start."""
    pieces: list[tuple[Ms, str]] = []
    for framing in part.framings:
        keys = framing.keyframes or (Keyframe(framing.span.start_ms, 0.0, 0.0),)
        for now, following in pairwise(keys):
            a, b = (getattr(k, axis) * size for k in (now, following))
            pieces.append((following.at_ms - part.start_ms, _line(now, following, a, b, part.start_ms)))
        last = f"{getattr(keys[-1], axis) * size:.2f}"
        pieces.append((framing.span.end_ms - part.start_ms, last))
    return f"clip({_choose(pieces)},0,{highest})"


def _line(now: Keyframe, following: Keyframe, a: float, b: float, start_ms: Ms) -> str:
    length = following.at_ms - now.at_ms
    if length <= 0 or abs(a - b) < 0.5:
        return f"{b:.2f}"
    return f"{a:.2f}+({b - a:.2f})*(t-{(now.at_ms - start_ms) / 1000:.3f})/{length / 1000:.3f}"


def _choose(pieces: Sequence[tuple[Ms, str]]) -> str:
    """The piece whose time has come, as a balanced tree: ffmpeg limits how deep an expression goes."""
    if len(pieces) == 1:
        return pieces[0][1]
    half = len(pieces) // 2
    until = pieces[half - 1][0] / 1000
    return f"if(lt(t,{until:.3f}),{_choose(pieces[:half])},{_choose(pieces[half:])})"
