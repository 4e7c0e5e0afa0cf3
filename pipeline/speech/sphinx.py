"""The recogniser that is always there: pocketsphinx with the English model its package carries.

Rougher than Whisper (about 30 % of words wrong on clear speech) and without punctuation, but its
word times are good enough for captions even where the word is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

import numpy as np

from pipeline.records import MadeBy, Span, Word
from pipeline.speech.cleanup import Utterance
from pipeline.speech.sound import Samples
from pipeline.speech.vad import Passage, clips

# Decoding slows down and grows with the length of an utterance. Of the ways to cut that were measured
# on real speech, short clips did best (word errors .29 and .36 against .35 and .73 with clips of 25 s
# over pauses of 2 s), on a small sample.
_LONGEST_CLIP_MS = 15_000
_BRIDGE_MS = 600
_MARGIN_MS = 150
_FRAME_MS = 10

_VARIANT = re.compile(r"\(\d+\)$")
_FIRST_PERSON = re.compile(r"^i(?=$|')")


class SphinxRecogniser:
    """English speech to lower-case words without punctuation."""

    language = "en"

    def __init__(self, fallback: str = "") -> None:
        self._decoder = new_decoder()
        self._fallback = fallback

    @property
    def made_by(self) -> MadeBy:
        return MadeBy("pocketsphinx", version("pocketsphinx"), "en-us, no fwdflat", self._fallback)

    def listen(self, passage: Passage) -> Iterator[Utterance]:
        """The words of a passage, clip by clip."""
        for span in clips(passage, _LONGEST_CLIP_MS, _BRIDGE_MS, _MARGIN_MS):
            decode(self._decoder, passage.between(span))
            yield Utterance(span, tuple(spoken(self._decoder, span)))


def new_decoder() -> Any:
    """A decoder with the settings that did best on real speech at the least cost."""
    from pocketsphinx import Decoder

    return Decoder(samprate=16000, fwdflat=False, loglevel="FATAL")


def decode(decoder: Any, samples: Samples) -> None:
    """Run one utterance. Raises RuntimeError when the decoder finds no path."""
    pcm = np.rint(samples * 32767).astype("<i2").tobytes()
    decoder.start_utt()
    try:
        decoder.process_raw(pcm, full_utt=True)
    finally:
        decoder.end_utt()


def spoken(decoder: Any, span: Span) -> Iterator[Word]:
    """The words of the last utterance, which began at `span.start_ms`, fillers left out."""
    for segment in decoder.seg() or ():
        if segment.word.startswith(("<", "[", "+")):
            continue
        yield Word(
            start_ms=span.start_ms + segment.start_frame * _FRAME_MS,
            # The last frame is part of the word.
            end_ms=span.start_ms + (segment.end_frame + 1) * _FRAME_MS,
            text=_FIRST_PERSON.sub("I", _VARIANT.sub("", segment.word)),
            probability=min(1.0, max(0.0, float(segment.prob))),
        )
