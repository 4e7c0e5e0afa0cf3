"""Where somebody speaks: Silero's voice detector, and passages of sound cut in the pauses.

The detector's weights come inside faster-whisper's package. It keeps no state between passages;
since every passage begins in a pause, none is needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from pipeline.records import Ms, Span
from pipeline.speech.sound import SAMPLE_RATE, Samples, to_ms, to_sample

SHORTEST_PASSAGE_MS = 60_000
LONGEST_PASSAGE_MS = 120_000

# Pauses shorter than this are inside a phrase. Silero hears a word 11-48 ms late (measured against
# forced alignment), hence the margin round each stretch of speech.
_SHORTEST_PAUSE_MS = 200
_MARGIN_MS = 60
_SHORTEST_SPEECH_MS = 100


@dataclass(frozen=True, slots=True, eq=False)
class Passage:
    """A stretch of the film's sound that begins and ends in a pause; all times are film time."""

    start_ms: Ms
    samples: Samples
    speech: tuple[Span, ...]

    @property
    def end_ms(self) -> Ms:
        return self.start_ms + to_ms(len(self.samples))

    def between(self, span: Span) -> Samples:
        """The samples of a stretch of film time, as far as this passage holds it."""
        first = max(0, to_sample(span.start_ms - self.start_ms))
        return self.samples[first : max(first, to_sample(span.end_ms - self.start_ms))]


def passages(
    pieces: Iterable[Samples],
    shortest_ms: Ms = SHORTEST_PASSAGE_MS,
    longest_ms: Ms = LONGEST_PASSAGE_MS,
) -> Iterator[Passage]:
    """The sound in passages of `shortest_ms`..`longest_ms`, cut in the widest pause in that range."""
    start_ms, held = 0, np.empty(0, dtype=np.float32)
    for piece in pieces:
        held = np.concatenate([held, piece])
        while to_ms(len(held)) >= longest_ms:
            window = held[: to_sample(longest_ms)]
            speech = speech_in(window)
            cut_ms = _cut(window, speech, shortest_ms, longest_ms)
            yield Passage(start_ms, held[: to_sample(cut_ms)], _shifted(speech, start_ms, cut_ms))
            start_ms, held = start_ms + cut_ms, held[to_sample(cut_ms) :].copy()
    if len(held):
        yield Passage(start_ms, held, _shifted(speech_in(held), start_ms, to_ms(len(held))))


def speech_in(samples: Samples) -> tuple[Span, ...]:
    """The stretches with a voice, counted from the first sample."""
    from faster_whisper.vad import VadOptions, get_speech_timestamps

    options = VadOptions(
        min_silence_duration_ms=_SHORTEST_PAUSE_MS,
        speech_pad_ms=_MARGIN_MS,
        min_speech_duration_ms=_SHORTEST_SPEECH_MS,
    )
    found = get_speech_timestamps(samples, options)
    return tuple(Span(to_ms(int(one["start"])), to_ms(int(one["end"]))) for one in found)


def clips(passage: Passage, longest_ms: Ms, bridge_ms: Ms, margin_ms: Ms) -> tuple[Span, ...]:
    """Stretches of a passage to recognise one by one, each at most `longest_ms` plus the margins.

    Neighbouring speech is taken together over pauses up to `bridge_ms`; where that grows too long
    the cut is the widest pause in the second half.
    """
    parts = [part for span in passage.speech for part in _parts(span, longest_ms)]
    spans: list[Span] = []
    first = 0
    while first < len(parts):
        last = _last_part(parts, first, longest_ms, bridge_ms)
        spans.append(Span(parts[first].start_ms, parts[last].end_ms))
        first = last + 1
    return _with_margins(spans, Span(passage.start_ms, passage.end_ms), margin_ms)


def _last_part(parts: Sequence[Span], first: int, longest_ms: Ms, bridge_ms: Ms) -> int:
    last = first
    while last + 1 < len(parts):
        if parts[last + 1].start_ms - parts[last].end_ms > bridge_ms:
            return last
        if parts[last + 1].end_ms - parts[first].start_ms > longest_ms:
            late = [k for k in range(first, last + 1) if _reach(parts, first, k) >= longest_ms // 2]
            return max(late or [last], key=lambda k: (parts[k + 1].start_ms - parts[k].end_ms, k))
        last += 1
    return last


def _reach(parts: Sequence[Span], first: int, last: int) -> Ms:
    return parts[last].end_ms - parts[first].start_ms


def _parts(span: Span, longest_ms: Ms) -> list[Span]:
    """A span without pauses in equal parts that are not too long."""
    count = -(-span.length_ms // longest_ms) or 1
    edges = [span.start_ms + span.length_ms * n // count for n in range(count + 1)]
    return [Span(a, b) for a, b in pairwise(edges)]


def _with_margins(spans: Sequence[Span], within: Span, margin_ms: Ms) -> tuple[Span, ...]:
    """Each span widened on both sides, at most to the middle of the pause and never out of `within`."""
    middles = [(a.end_ms + b.start_ms) // 2 for a, b in pairwise(spans)]
    starts, ends = [within.start_ms, *middles], [*middles, within.end_ms]
    if not spans:
        return ()
    return tuple(
        Span(max(start, span.start_ms - margin_ms), min(end, span.end_ms + margin_ms))
        for span, start, end in zip(spans, starts, ends, strict=True)
    )


def _cut(samples: Samples, speech: Sequence[Span], shortest_ms: Ms, longest_ms: Ms) -> Ms:
    """The middle of the widest pause after `shortest_ms`; without one, the quietest moment."""
    edges = [0, *(edge for span in speech for edge in (span.start_ms, span.end_ms)), longest_ms]
    pauses = [(max(a, shortest_ms), b) for a, b in zip(edges[::2], edges[1::2], strict=True)]
    widest = max(pauses, key=lambda pause: pause[1] - pause[0])
    if widest[1] - widest[0] >= _SHORTEST_PAUSE_MS:
        return (widest[0] + widest[1]) // 2
    step = SAMPLE_RATE // 10
    late = samples[to_sample(shortest_ms) :]
    rows = late[: len(late) // step * step].reshape(-1, step)
    return shortest_ms + to_ms(int(np.argmin(np.square(rows).sum(axis=1))) * step + step // 2)


def _shifted(speech: Iterable[Span], by_ms: Ms, until_ms: Ms) -> tuple[Span, ...]:
    kept = (Span(span.start_ms, min(span.end_ms, until_ms)) for span in speech if span.start_ms < until_ms)
    return tuple(Span(span.start_ms + by_ms, span.end_ms + by_ms) for span in kept if span.length_ms)
