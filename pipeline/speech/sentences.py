"""Words become sentences: by punctuation where there is some, by pauses where there is none. Pure.

Words arrive one by one and a sentence leaves as soon as nothing later can change it.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from pipeline.records import Ms, Sentence, Word

# A stretch this long without a full stop counts as unpunctuated.
_PATIENCE_WORDS = 40
_PATIENCE_MS = 20_000

_MAX_WORDS = 30
_MAX_MS = 15_000
_MIN_WORDS = 3
_WANTED_WORDS = 12
_USUAL_PAUSE_MS = 700
_SHORTEST_PAUSE_MS = 250
_LONGEST_PAUSE_MS = 1000
_END_OF_TALK_MS = 3000
_PAUSES_KEPT = 400
_PAUSES_NEEDED = 40
_COMMA_BONUS_MS = 300

_CLOSING = "\"'”’»›)]}」』）】"
_TERMINAL = re.compile(rf"[.?!…。？！؟।｡]+[{re.escape(_CLOSING)}]*$")
_COMMA = re.compile(rf"[,;:—–،、，；：][{re.escape(_CLOSING)}]*$")
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3000-\u30ff\u31f0-\u31ff\u3400-\u9fff\uf900-\ufaff\uff00-\uffef"
)
UNSPACED = re.compile(f"[{_UNSPACED}\U00020000-\U0003ffff]")
"""Letters of scripts that put no space between words: Thai, Lao, Burmese, Khmer, Japanese, Chinese."""

_INITIAL = re.compile(r"^[^\W\d_]\.$")
_ABBREVIATION = re.compile(
    r"mrs?|ms|mx|dr|prof|[sj]r|st|vs|gen|col|lt|sgt|capt|rev|hon|gov|sen|rep|pres|messrs|mt|ft|e\.g|i\.e|cf|al|"
    r"figs?|vols?|nos|pp|eds?|approx|dept|univ|assn|bros|z\.b|bzw|ca|evtl|ggf|d\.h|u\.a|srta?|[ds]ra|sta|uds?|"
    "mme|mlle|mgr|bpk|ir|drs|jl"
)
# These often end a sentence as well: the next word's first letter decides.
_MAYBE = re.compile(r"etc|inc|ltd|co|corp|ph\.d|dll|dsb|usw|jan|feb|mar|apr|aug|sept?|oct|nov|dec|(\w\.)+\w")


def sentences(words: Iterable[Word]) -> Iterator[Sentence]:
    """Sentences with ids from 0; every word is in exactly one, in the order given."""
    for number, group in enumerate(_groups(words)):
        yield Sentence(
            id=number,
            start_ms=group[0].start_ms,
            end_ms=group[-1].end_ms,
            text=capitalised(joined([word.text for word in group])),
            words=tuple(group),
        )


def joined(texts: Sequence[str]) -> str:
    """Words as a line of text: spaces between them, except between letters of unspaced scripts."""
    line = ""
    for text in texts:
        apart = line and text and not (UNSPACED.match(line[-1]) and UNSPACED.match(text[0]))
        line += f" {text}" if apart else text
    return line


def capitalised(text: str) -> str:
    """The text with its first letter in upper case, also behind an opening quotation mark."""
    for at, letter in enumerate(text):
        if letter.isalnum():
            upper = letter.upper()
            return text[:at] + upper + text[at + 1 :] if len(upper) == 1 else text
    return text


def ends_sentence(word: str, following: str = "") -> bool:
    """Whether a sentence ends with `word`, given the first word of what follows (if any)."""
    if not _TERMINAL.search(word):
        return False
    bare = word.rstrip(_CLOSING).lstrip("\"'“‘«([{¿¡")
    if not following or not bare.endswith(".") or bare.endswith(".."):
        return not (bare.endswith(("..", "…")) and following[:1].islower())
    stem = bare[:-1].lower()
    goes_on = not following.lstrip("\"'“‘«([{¿¡")[:1].isupper()
    if stem == "no":
        return not following[:1].isdigit()
    if _ABBREVIATION.fullmatch(stem) or (_INITIAL.match(bare) and bare != "I."):
        return False
    return not (goes_on and _MAYBE.fullmatch(stem))


def punctuated(made: Sequence[Sentence]) -> bool:
    """Whether most sentences end with a punctuation mark of their own."""
    return 2 * sum(bool(_TERMINAL.search(one.text)) for one in made) > len(made)


def _groups(words: Iterable[Word]) -> Iterator[list[Word]]:
    held: list[Word] = []
    pauses: deque[Ms] = deque(maxlen=_PAUSES_KEPT)
    for word in words:
        if held:
            pauses.append(max(0, word.start_ms - held[-1].end_ms))
        held.append(word)
        while size := _finished(held, pauses):
            yield held[:size]
            del held[:size]
    while held:
        size = _marked(held, ended=True)
        if not size or _too_long(held[:size]):
            size = _by_pause(held, pauses, ended=True)
        yield held[:size]
        del held[:size]


def _finished(held: Sequence[Word], pauses: Sequence[Ms]) -> int:
    """How many of the held words make a sentence that is certain to be over; 0 for none yet."""
    if size := _marked(held, ended=False):
        return size
    return _by_pause(held, pauses, ended=False) if _too_long(held) else 0


def _too_long(words: Sequence[Word]) -> bool:
    return len(words) > _PATIENCE_WORDS or words[-1].end_ms - words[0].start_ms > _PATIENCE_MS


def _marked(held: Sequence[Word], *, ended: bool) -> int:
    """Words up to the first full stop or very long silence."""
    for n, (word, following) in enumerate(pairwise(held), start=1):
        if following.start_ms - word.end_ms >= _END_OF_TALK_MS or ends_sentence(word.text, following.text):
            return n
    return len(held) if ended and ends_sentence(held[-1].text) else 0


def _by_pause(held: Sequence[Word], pauses: Sequence[Ms], *, ended: bool) -> int:
    """Words up to the first pause that is long for this speaker, or else up to the longest pause."""
    fits = sum(
        1
        for n, word in enumerate(held)
        if n == 0 or (n < _MAX_WORDS and word.end_ms - held[0].start_ms <= _MAX_MS)
    )
    gaps = [b.start_ms - a.end_ms for a, b in pairwise(held[: fits + 1])]
    threshold = _pause_of_speaker(pauses)
    for n, gap in enumerate(gaps, start=1):
        if gap >= threshold and (n >= _MIN_WORDS or gap >= 2 * threshold):
            return n
    if fits == len(held) and ended:
        return fits
    marks = [_COMMA_BONUS_MS if _COMMA.search(word.text) else 0 for word in held[: len(gaps)]]
    choices = range(min(_MIN_WORDS, len(gaps)), len(gaps) + 1)
    return max(choices, key=lambda n: (gaps[n - 1] + marks[n - 1], n))


def _pause_of_speaker(pauses: Sequence[Ms]) -> Ms:
    """The pause that cuts this speaker's talk into sentences of about a dozen words."""
    if len(pauses) < _PAUSES_NEEDED:
        return _USUAL_PAUSE_MS
    wanted = sorted(pauses, reverse=True)[len(pauses) // _WANTED_WORDS]
    return min(_LONGEST_PAUSE_MS, max(_SHORTEST_PAUSE_MS, wanted))
