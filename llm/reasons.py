"""The plain sentences that say why a passage was taken, and why another was not."""

from __future__ import annotations

from collections import Counter

from llm.features import LONG_PAUSE_MS, Features
from llm.openings import leans_back, stays_open
from llm.terms import carries_meaning, stem, words_of
from llm.titles import shortened
from llm.windows import Windows
from llm.wordlists import words_for
from pipeline.records import Transcript


def reason_for(features: Features, transcript: Transcript, first: int, last: int) -> str:
    """One sentence that names what was found in the passage `first..last` (indices, inclusive)."""
    cues = features.cues[first]
    opening = f"Opens with {cues[0].name}" if cues else "Starts where a thought starts"
    if features.opening[first] < 0.5 and not cues:
        opening = "Starts in the middle of the conversation"
    subject = _subject(features, transcript, first, last)
    middle = f", speaks about {subject}" if subject else ""
    if features.closing[last] >= 0.6:
        ending = "ends on a finished thought"
    elif features.pause_after_ms[last] >= LONG_PAUSE_MS:
        ending = "ends at a pause"
    else:
        ending = "ends with a sentence"
    return f"{opening}{middle} and {ending}."


def _subject(features: Features, transcript: Transcript, first: int, last: int) -> str:
    """The passage's two weightiest terms, as they were spoken."""
    language = transcript.language.partition("-")[0].lower()
    stop = words_for(language).stop
    spoken: dict[str, str] = {}
    counts: Counter[str] = Counter()
    for sentence in transcript.sentences[first : last + 1]:
        for word in words_of(sentence.text):
            if carries_meaning(word, stop):
                term = stem(word, language)
                spoken.setdefault(term, word)
                counts[term] += 1
    ranked = sorted(counts, key=lambda term: (-counts[term] * features.importance.get(term, 0.0), term))
    return " and ".join(spoken[term] for term in ranked[:2])


def why_not(
    features: Features,
    transcript: Transcript,
    windows: Windows,
    total: float,
    index: int,
    relation: str,
    place: int,
) -> str:
    """Why a window was not taken: the first fault that alone explains it.

    `relation` and `place` say which chosen clip it overlaps or repeats, if any.
    """
    if relation == "overlaps":
        return f"overlaps a better clip (clip {place + 1})"
    if relation == "repeats":
        return f"says the same as clip {place + 1}"
    first, last = int(windows.first[index]), int(windows.last[index])
    return (
        (total <= 0 < windows.total[index] and "is not about what was asked for")
        or (features.notices[first : last + 1].any() and "holds a notice or advertising")
        or _edge_fault(features, transcript, first, last)
        or _weakest(windows, index)
    )


def _edge_fault(features: Features, transcript: Transcript, first: int, last: int) -> str:
    lists = words_for(transcript.language)
    opening, closing = transcript.sentences[first].text, transcript.sentences[last].text
    if leans_back(words_of(opening), lists):
        return f'begins with "{shortened(" ".join(opening.split()[:2]), 24)}", needs what came before'
    if features.opening[first] < 0.55:
        return "begins in the middle of a thought"
    if stays_open(words_of(closing), lists):
        return f'ends on "{shortened(closing.split()[-1], 24)}", breaks off'
    if features.closing[last] < 0.55:
        return "ends before the thought is finished"
    return ""


def _weakest(windows: Windows, index: int) -> str:
    faults = {
        "hook": "weak hook",
        "completeness": "does not stand alone",
        "substance": "says little about what the talk is about",
        "delivery": "slow or quiet delivery",
    }
    name, value = min(windows.parts(index), key=lambda part: part[1])
    return f"{faults[name]} ({name} {value} of 100)"
