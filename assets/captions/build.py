"""The little picture of each caption style, drawn by the renderer itself: `python -m assets.captions.build`.

A test asks for one picture a style, so a new style needs this to be run again.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import ffmpeg

from pipeline.captions import ass, cues, measure, styles
from pipeline.media import find_ffmpeg
from pipeline.options import CaptionOptions
from pipeline.records import Word

WIDTH, HEIGHT = 480, 270
GROUND = (
    f"gradients=s={WIDTH}x{HEIGHT}:c0=0x33506b:c1=0xb5896a:x0=0:y0=0:x1={WIDTH}:y1={HEIGHT}"
    ":seed=7:speed=0.00001"
)
SAID = ("Every", "word", "counts")


def build(folder: Path) -> None:
    """`<style>.jpg` for every style, 240x135."""
    engine = find_ffmpeg("")
    words = tuple(Word(i * 400, (i + 1) * 400, text) for i, text in enumerate(SAID))
    for style in styles.STYLES.values():
        options = CaptionOptions(style=style.name, margin_v=80, margin_h=20, max_chars=18, font_size=54)
        sheet = styles.sheet(options, WIDTH, HEIGHT)
        laid_out = cues.lay_out(words, sheet, measure.font_measure(sheet.font, sheet.font_size))
        with tempfile.TemporaryDirectory() as temporary:
            captions = Path(temporary) / "captions.ass"
            captions.write_text(ass.to_ass(laid_out, sheet, 1600), encoding="utf-8")
            picture = ffmpeg.input(GROUND, f="lavfi").video.filter("trim", start=0.6, end=0.7)
            picture = picture.filter("ass", filename=str(captions), fontsdir=str(measure.fonts_folder()))
            picture = picture.filter("scale", 240, 135)
            engine.run(
                picture.output(str(folder / f"{style.name}.jpg"), vframes=1, update=1, **{"q:v": 4}),
                timeout_s=30,
            )


if __name__ == "__main__":
    build(Path(__file__).parent)
