"""The captions of one clip as its plan asks for them: style, place, reworded words, the title's card."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from pipeline.captions import ass, card, cues, measure, styles
from pipeline.options import CaptionOptions
from pipeline.records import ClipPlan, Ms, Transcript


@dataclass(frozen=True, slots=True)
class ClipCaptions:
    """The cues of a clip, the ASS file that burns them in, and what cannot be drawn of them (or "")."""

    cues: tuple[cues.Cue, ...]
    ass: str
    warning: str


def clip_captions(
    plan: ClipPlan,
    transcript: Transcript,
    options: CaptionOptions,
    size: tuple[int, int],
    clip_ms: Callable[[Ms], Ms],
    length_ms: Ms,
) -> ClipCaptions:
    """Lay the clip's words out for a picture of `size` pixels. Raises WishError for an unknown style."""
    sheet = styles.sheet(options, *size, plan.look.captions, plan.look.position)
    words = cues.clip_words(plan, transcript, clip_ms)
    measure_at = partial(measure.font_measure, sheet.font)
    joiner = cues.joiner_for(transcript.language)
    laid_out = cues.lay_out(words, sheet, measure_at(sheet.font_size), joiner)
    titled = card.title_card(plan.title, sheet, measure_at) if plan.look.title_card == "opening" else None
    drawn = "".join(word.text for word in words) + "".join(titled.lines if titled else ())
    missing = measure.missing_letters(drawn)
    warning = ""
    if missing:
        warning = (
            f"Roboto has no glyphs for {missing[:20]}: a font of this machine draws them, and where it "
            "has none, boxes show; install one (for example Noto) or set CAPTION_FONT"
        )
    return ClipCaptions(laid_out, ass.to_ass(laid_out, sheet, length_ms, titled), warning)
