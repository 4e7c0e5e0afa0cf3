"""A talk made of numbered reports, a server to choose among it, and what must hold of every choice."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

from llm.choose import choose
from llm.windows import bounds_of
from pipeline.options import ModelOptions
from pipeline.records import Choice, Chunk, MadeBy, Sentence, Sound, Span, Transcript, Wish, Word
from tests.fake_llm import KEY, MODEL, FakeLlm, Script

SUBJECTS = (
    "solar panels store sunlight in cheap batteries",
    "the orchestra rehearses a difficult symphony every winter",
    "volcanoes throw ash and lava over the islands",
    "bakers knead sourdough before the village wakes",
    "sailors measure the stars to find a harbour",
    "chess players remember thousands of positions",
)
SENTENCE_MS, GAP_MS = 5_000, 600
WISH = Wish(source="talk.mp4", count=3, min_ms=20_000, max_ms=40_000)


def sentence(number: int, text: str) -> Sentence:
    start = number * (SENTENCE_MS + GAP_MS)
    words = text.split()
    step = SENTENCE_MS // len(words)
    spoken = tuple(Word(start + i * step, start + (i + 1) * step, word, 0.9) for i, word in enumerate(words))
    return Sentence(number, start, start + SENTENCE_MS, text, spoken)


def talk(count: int = 120, said: dict[int, str] | None = None, language: str = "en") -> Transcript:
    """A talk of `count` sentences that changes its subject every twenty; `said` replaces some."""
    texts = [
        f"Report {number} explains how {SUBJECTS[number // 20 % len(SUBJECTS)]} in case {number}."
        for number in range(count)
    ]
    for number, text in (said or {}).items():
        texts[number] = text
    sentences = tuple(sentence(number, text) for number, text in enumerate(texts))
    speech = tuple(Span(s.start_ms, s.end_ms) for s in sentences)
    return Transcript(language, sentences, speech, Sound(100, ()), MadeBy("test"))


def parts_of(transcript: Transcript, size: int = 60, overlap: int = 6) -> tuple[Chunk, ...]:
    found: list[Chunk] = []
    sentences = transcript.sentences
    for first in range(0, len(sentences), size - overlap):
        last = min(first + size, len(sentences)) - 1
        found.append(Chunk(len(found), first, last, sentences[first].start_ms, sentences[last].end_ms))
        if last == len(sentences) - 1:
            break
    return tuple(found)


TALK = talk()
PARTS = parts_of(TALK)


def options(server: FakeLlm, timeout_s: float = 5.0, model: str = MODEL, key: str = KEY) -> ModelOptions:
    return ModelOptions(api_base=server.base, model=model, api_key=key, timeout_s=timeout_s)


def ask(
    find: Script, transcript: Transcript = TALK, wish: Wish = WISH, keep: Path | None = None, **steps: Script
) -> tuple[Choice, FakeLlm]:
    """What is chosen with a server that answers so; `steps` scripts MEND, RANK and NAME."""
    with FakeLlm(find, **steps) as server:
        choice = choose(transcript, parts_of(transcript), wish, options(server), keep)
    assert server.complaints == []
    check_bounds(choice, transcript, wish)
    return choice, server


def check_bounds(choice: Choice, transcript: Transcript, wish: Wish) -> None:
    shortest, longest = bounds_of(wish)
    for pick in choice.picks:
        length = transcript.sentences[pick.last].end_ms - transcript.sentences[pick.first].start_ms
        assert shortest <= length <= longest
        assert 0 <= pick.score <= 100 and pick.title and pick.reason and pick.hook
    for one, other in combinations(choice.picks[: wish.count], 2):
        assert one.last < other.first or other.last < one.first
