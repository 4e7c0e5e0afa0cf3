"""What single sentences give away: hooks, openings that lean on what came before, empty replies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from llm.wordlists import WordLists

_REPLY_WORDS = 5
_OPENING_WORDS = 12
_LONGEST_PHRASE = 5


@dataclass(frozen=True, slots=True)
class Cue:
    """A reason to listen: its name in plain words and its strength 0..1."""

    name: str
    strength: float


# Strengths: a question or a spoken promise ("the problem is …") is what editors look for first; a
# number, a turn, an address or a strong word helps, but also occurs by chance in any sentence.
QUESTION = Cue("a question", 0.45)
PROMISE = Cue("a promise", 0.45)
NUMBER = Cue("a number", 0.25)
CONTRAST = Cue("a contrast", 0.25)
SURPRISE = Cue("a strong word", 0.2)
ADDRESS = Cue("the viewer spoken to", 0.2)


def cues_of(text: str, words: Sequence[str], lists: WordLists) -> tuple[Cue, ...]:
    """The hooks in a sentence, strongest first. Without word lists: question marks and digits."""
    head = words[:_OPENING_WORDS]
    found = (
        (len(words) > 2 and is_question(text, words, lists), QUESTION),
        # One connecting word may come first: "so here's the secret".
        (_begins_with(words, lists.phrases) or _begins_with(words[1:6], lists.phrases), PROMISE),
        (any(word in lists.numbers or any(map(str.isdigit, word)) for word in head), NUMBER),
        (any(word in lists.contrast for word in head[1:]), CONTRAST),
        (any(word in lists.surprise for word in head), SURPRISE),
        (any(word in lists.address for word in head), ADDRESS),
    )
    return tuple(cue for there, cue in found if there)


def is_question(text: str, words: Sequence[str], lists: WordLists) -> bool:
    """Whether something is asked; recognisers that set no marks are read by the first word."""
    return text.rstrip().endswith(("?", "？", "؟")) or (len(words) > 3 and words[0] in lists.question)


def _begins_with(words: Sequence[str], phrases: frozenset[str]) -> bool:
    return any(" ".join(words[:size]) in phrases for size in range(1, _LONGEST_PHRASE + 1))


def leans_back(words: Sequence[str], lists: WordLists) -> bool:
    """Whether a sentence needs what came before: "and so …", "he …", "that …"."""
    if not words or words[0] not in lists.leaning:
        return False
    return not _begins_with(words, lists.phrases)


def stays_open(words: Sequence[str], lists: WordLists) -> bool:
    """Whether a sentence breaks off: its last word announces more ("and", "the", "because")."""
    return bool(words) and words[-1] in lists.trailing


def is_reply(words: Sequence[str], lists: WordLists) -> bool:
    """Whether a sentence only keeps the conversation going ("Yeah, right.")."""
    if not words:
        return True
    return len(words) <= _REPLY_WORDS and all(word in lists.reply or word in lists.filler for word in words)


def is_notice(words: Sequence[str], lists: WordLists) -> bool:
    """Whether a sentence is housekeeping or advertising ("Don't forget to subscribe")."""
    return bool(lists.housekeeping) and any(
        _begins_with(words[place : place + _LONGEST_PHRASE], lists.housekeeping)
        for place in range(len(words))
    )
