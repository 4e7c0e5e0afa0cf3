"""What every question and every check needs of the film."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from llm.answer import holds_link
from llm.features import Features, measure
from llm.prompt import LONGEST_LINE, MOST_FOREIGN_CHARS
from llm.titles import hook_of, title_of
from llm.windows import Windows, bounds_of, energy_lift, score_windows
from pipeline.records import Chunk, Ms, Sentence, Transcript, Wish

LIVELY_TAG_DB = 2.0

COLUMNS_CHARS = 40
"""What a sentence's id, time, energy and the bars between them take in its line, at most."""


@dataclass(frozen=True, slots=True)
class Film:
    """`parts` are small enough for one question each; `energy` is a word for each sentence."""

    transcript: Transcript
    wish: Wish
    features: Features
    windows: Windows
    parts: tuple[Chunk, ...]
    energy: dict[int, str]

    def sentences(self, first: int, last: int) -> tuple[Sentence, ...]:
        return self.transcript.sentences[first : last + 1]

    def text(self, first: int, last: int) -> str:
        return " ".join(sentence.text for sentence in self.sentences(first, last))

    def length_ms(self, first: int, last: int) -> Ms:
        return self.transcript.sentences[last].end_ms - self.transcript.sentences[first].start_ms

    def fits(self, first: int, last: int) -> bool:
        """Whether these are sentences of the film, in order, as long as was asked for."""
        if not 0 <= first <= last < len(self.transcript.sentences):
            return False
        shortest, longest = bounds_of(self.wish)
        return shortest <= self.length_ms(first, last) <= longest

    def seconds(self) -> dict[str, int]:
        """The bounds as prompts tell them."""
        shortest, longest = bounds_of(self.wish)
        return {"shortest": -(-shortest // 1000), "longest": longest // 1000}

    @property
    def spoken(self) -> str:
        return self.transcript.language

    @property
    def wanted(self) -> str:
        """The language of titles."""
        asked = self.wish.output_language
        return self.spoken if asked in ("", "auto") else asked

    @property
    def translated(self) -> bool:
        return self.wanted.partition("-")[0].lower() != self.spoken.partition("-")[0].lower()

    def own_title(self, first: int, last: int) -> str:
        """A title of the passage's own words, without an address where there are others."""
        sentences = self.sentences(first, last)
        plain = [sentence for sentence in sentences if not holds_link(sentence.text)]
        return title_of(plain or sentences, self.features, self.spoken, self.transcript.punctuated)

    def own_hook(self, first: int, last: int) -> str:
        return hook_of(self.sentences(first, last))


def film_of(transcript: Transcript, chunks: Sequence[Chunk], wish: Wish) -> Film:
    """Measure the film and cut its chunks to what fits into a question."""
    features = measure(transcript)
    windows = score_windows(features, transcript.sound, wish)
    parts = _fitting(chunks, transcript.sentences)
    return Film(transcript, wish, features, windows, parts, _energy_tags(transcript))


def _fitting(chunks: Sequence[Chunk], sentences: Sequence[Sentence]) -> tuple[Chunk, ...]:
    """The chunks, those with too many words for one question halved until they fit."""
    parts: list[Chunk] = []
    waiting = [(chunk.first, chunk.last) for chunk in reversed(chunks)]
    while waiting:
        first, last = waiting.pop()
        size = sum(min(len(s.text), LONGEST_LINE) + COLUMNS_CHARS for s in sentences[first : last + 1])
        if size > MOST_FOREIGN_CHARS and first < last:
            middle = (first + last) // 2
            waiting += [(middle + 1, last), (first, middle)]
        else:
            parts.append(Chunk(len(parts), first, last, sentences[first].start_ms, sentences[last].end_ms))
    return tuple(parts)


def _energy_tags(transcript: Transcript) -> dict[int, str]:
    """A coarse word for how a sentence is spoken, where the sound tells."""
    lift = energy_lift(transcript.sound)
    tags: dict[int, str] = {}
    for sentence in transcript.sentences:
        seconds = lift[sentence.start_ms // 1000 : sentence.end_ms // 1000 + 1]
        level = float(seconds.mean()) if len(seconds) else 0.0
        tags[sentence.id] = (
            "lively" if level > LIVELY_TAG_DB else "calm" if level < -LIVELY_TAG_DB else "even"
        )
    return tags
