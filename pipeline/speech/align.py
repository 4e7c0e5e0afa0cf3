"""Known text and the sound give word times.

English is aligned by force with pocketsphinx; anything else, and what cannot be aligned, is spread
over the voice in the cue by the length of the words.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from pipeline.records import Ms, Span, Word
from pipeline.speech import sphinx
from pipeline.speech.foreign import Cue
from pipeline.speech.pronounce import phones, spoken_forms
from pipeline.speech.sound import to_ms, to_sample
from pipeline.speech.subtitles import spread, tokens
from pipeline.speech.vad import Passage

# Several cues are aligned together, so that their own edges, often rough, need not be right.
_LONGEST_GROUP_MS = 20_000
_WIDEST_GAP_MS = 1000
_SLACK_MS = 500
_LEAST_SLACK_MS = 150
_LONGEST_HELD_MS = 60_000


@dataclass(frozen=True, slots=True)
class Timed:
    """A group of cues as words, and how many got times of their own; `speech` bounds the others."""

    words: tuple[Word, ...]
    speech: tuple[Span, ...]
    by_sound: int = 0
    by_file: int = 0


@dataclass(frozen=True, slots=True)
class Group:
    """Cues to be timed at once; `window` is where their words may be heard."""

    cues: tuple[Cue, ...]
    window: Span

    @property
    def span(self) -> Span:
        return Span(self.cues[0].start_ms, self.cues[-1].end_ms)


def timed(cues: Sequence[Cue], passages: Iterable[Passage], english: bool) -> Iterator[Timed]:
    """The words of all cues, in order, while the sound goes by. Holds at most a minute of sound."""
    decoder = sphinx.new_decoder() if english and any(not cue.words for cue in cues) else None
    waiting = list(reversed(grouped(cues)))
    held: Passage | None = None
    for passage in passages:
        held = passage if held is None else _joined(held, passage)
        while waiting and waiting[-1].window.end_ms <= held.end_ms:
            yield _timed(waiting.pop(), held, decoder)
        first = waiting[-1].window.start_ms if waiting else held.end_ms
        held = _from(held, first, max(first, held.end_ms - _LONGEST_HELD_MS))
    while waiting:
        yield _timed(waiting.pop(), held or Passage(0, np.empty(0, np.float32), ()), decoder)


def grouped(cues: Sequence[Cue]) -> list[Group]:
    """Neighbouring cues in groups of up to 20 s, each with slack that leaves its neighbours alone."""
    groups: list[list[Cue]] = []
    for cue in cues:
        group = groups[-1] if groups else []
        fits = (
            group
            and bool(group[0].words) == bool(cue.words)
            and cue.start_ms - group[-1].end_ms <= _WIDEST_GAP_MS
            and cue.end_ms - group[0].start_ms <= _LONGEST_GROUP_MS
        )
        if fits:
            group.append(cue)
        else:
            groups.append([cue])
    gaps = [_SLACK_MS * 2, *(b[0].start_ms - a[-1].end_ms for a, b in pairwise(groups)), _SLACK_MS * 2]
    slack = [min(_SLACK_MS, max(_LEAST_SLACK_MS, gap // 2)) for gap in gaps]
    return [
        Group(
            tuple(group),
            Span(max(0, group[0].start_ms - slack[n]), group[-1].end_ms + slack[n + 1]),
        )
        for n, group in enumerate(groups)
    ]


def _timed(group: Group, held: Passage, decoder: Any) -> Timed:
    given = tuple(word for cue in group.cues for word in cue.words)
    speech = tuple(span for span in held.speech if span.overlaps(group.window))
    if given:
        return Timed(given, (), by_file=len(given))
    lines = [tokens(cue.text) for cue in group.cues]
    heard_whole = held.start_ms <= group.window.start_ms and group.span.length_ms <= _LONGEST_HELD_MS
    if decoder is not None and heard_whole:
        places = _aligned([text for line in lines for text in line], group, held, decoder)
        if places:
            sure = sum(place is not None for _, place in places)
            return Timed(_filled(places, group.span), speech, by_sound=sure)
    words: list[Word] = []
    for cue, line in zip(group.cues, lines, strict=True):
        words += over_voice(line, cue, speech)
    return Timed(tuple(words), speech)


def over_voice(texts: Sequence[str], cue: Cue, speech: Sequence[Span]) -> list[Word]:
    """Words spread over the voice inside a cue (or all of the cue) by their number of letters."""
    shared = [
        Span(max(cue.start_ms, one.start_ms), min(cue.end_ms, one.end_ms))
        for one in speech
        if one.start_ms < cue.end_ms and cue.start_ms < one.end_ms
    ] or [Span(cue.start_ms, cue.end_ms)]
    flat = spread(texts, 0, sum(one.length_ms for one in shared))
    return [
        replace(word, start_ms=_place(word.start_ms, shared), end_ms=_place(word.end_ms, shared, True))
        for word in flat
    ]


def _place(offset: Ms, spans: Sequence[Span], is_end: bool = False) -> Ms:
    """Where `offset` ms of voice have gone by."""
    for span in spans:
        if offset < span.length_ms or (is_end and offset == span.length_ms):
            return span.start_ms + offset
        offset -= span.length_ms
    return spans[-1].end_ms


Place = tuple[str, Span | None]


def _aligned(texts: Sequence[str], group: Group, held: Passage, decoder: Any) -> list[Place]:
    """Each text with the time it was found at (None: it has no sound we know); [] when alignment fails."""
    forms = [[form for form in spoken_forms(text) if _known(form, decoder)] for text in texts]
    line = " ".join(form for one in forms for form in one)
    samples = held.between(group.window)
    if not line or not len(samples):
        return []
    try:
        decoder.set_align_text(line)
        sphinx.decode(decoder, samples)
    except RuntimeError:
        return []  # The text does not fit the sound: the caller spreads it instead.
    found = list(sphinx.spoken(decoder, group.window))
    if len(found) != sum(map(len, forms)):
        return []
    heard = iter(found)
    places: list[Place] = []
    for text, one in zip(texts, forms, strict=True):
        parts = [next(heard) for _ in one]
        places.append((text, Span(parts[0].start_ms, parts[-1].end_ms) if parts else None))
    return places


def _known(form: str, decoder: Any) -> bool:
    if decoder.lookup_word(form):
        return True
    sounds = phones(form)
    if sounds:
        decoder.add_word(form, sounds, False)
    return bool(sounds)


def _filled(places: Sequence[Place], span: Span) -> tuple[Word, ...]:
    """Words from places; those without one share the time between their neighbours."""
    words: list[Word] = []
    at = 0
    while at < len(places):
        text, place = places[at]
        if place is not None:
            words.append(Word(place.start_ms, place.end_ms, text))
            at += 1
            continue
        ahead = next((n for n in range(at, len(places)) if places[n][1] is not None), len(places))
        begin = words[-1].end_ms if words else span.start_ms
        later = places[ahead][1] if ahead < len(places) else None
        end = later.start_ms if later else span.end_ms
        words += spread([one for one, _ in places[at:ahead]], begin, max(begin, end))
        at = ahead
    return tuple(words)


def _joined(held: Passage, passage: Passage) -> Passage:
    samples = np.concatenate([held.samples, passage.samples])
    return Passage(held.start_ms, samples, held.speech + passage.speech)


def _from(held: Passage, speech_ms: Ms, sound_ms: Ms) -> Passage:
    """What is heard from `sound_ms` on, with the voice from `speech_ms` on."""
    cut = min(max(0, to_sample(sound_ms - held.start_ms)), len(held.samples))
    voice = tuple(span for span in held.speech if span.end_ms > speech_ms)
    start = held.start_ms + to_ms(cut)
    return Passage(start, held.samples[cut:].copy(), voice)
