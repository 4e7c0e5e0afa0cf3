"""Whether a title says only what its clip says, as far as code can tell: numbers, names, the script."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from llm.quotes import letters
from llm.wordlists import words_for

_NUMBER = re.compile(r"\d+(?:[.,'’٫٬\u00a0\u202f]\d+)*")
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_QUOTES = " \"'“”„‚‘’«»()[]¿¡*_"
_NEW_SENTENCE = (".", "!", "?", ":", "…", "–", "—", "|")
_ENDING_LETTERS = 2
_STEM_LETTERS = 4

# Only scripts that a language is never written without: a title in another one is in another language.
_LATIN = ("en", "id", "es", "de", "fr", "pt", "it", "nl", "sv", "fi", "pl", "vi")
_SCRIPTS = {
    **dict.fromkeys(_LATIN, ("LATIN",)),
    **dict.fromkeys(("ar", "fa", "ur"), ("ARABIC",)),
    **dict.fromkeys(("ru", "uk", "bg"), ("CYRILLIC",)),
    **dict.fromkeys(("hi", "mr", "ne"), ("DEVANAGARI",)),
    "ja": ("HIRAGANA", "KATAKANA", "CJK"),
    "zh": ("CJK",),
    "ko": ("HANGUL",),
    "el": ("GREEK",),
    "he": ("HEBREW",),
    "th": ("THAI",),
    "bn": ("BENGALI",),
}


def fault_of(line: str, said: str, language: str, *, translated: bool) -> str:
    """What in a title the clip does not say, in words fit for the model; empty when nothing was found.

    Names can be compared only where the title is in the language spoken.
    """
    numbers = set(_numbers(said))
    for number in _numbers(line):
        if number not in numbers:
            return f"the number {number} is not said in it"
    if not translated:
        words = {letters(word) for word in _WORD.findall(said)}
        for name in _names(line, language):
            if not _is_said(letters(name), words):
                return f'"{name}" is not said in it'
    if not _in_script(line, language):
        return "it is not in the language asked for"
    return ""


def _numbers(text: str) -> Iterator[str]:
    """The numbers in digits of any script, written in one way: "1,000" and "1.000" are 1000."""
    for found in _NUMBER.findall(unicodedata.normalize("NFKC", text)):
        groups = [_ascii(group) for group in re.split(r"\D", found)]
        thousands = all(len(group) == 3 for group in groups[1:])
        yield ("" if thousands else ".").join(groups)


def _ascii(digits: str) -> str:
    return "".join(str(unicodedata.digit(char)) for char in digits)


def _names(line: str, language: str) -> Iterator[str]:
    """Words with a capital that stand where their language would not capitalise any word."""
    stop = words_for(language.partition("-")[0].lower()).stop
    for match in _WORD.finditer(line):
        word = re.sub(r"['’]s$", "", match.group())
        before = line[: match.start()].rstrip(_QUOTES)
        begins = not before or before.endswith(_NEW_SENTENCE)
        capitals = word[1:] if begins else word
        # Words such as "I'm", and those of a title in title case, are no names.
        if any(_is_latin_capital(char) for char in capitals) and match.group().casefold() not in stop:
            yield word


def _is_latin_capital(char: str) -> bool:
    return char.isupper() and unicodedata.name(char, "").startswith("LATIN")


def _is_said(name: str, words: set[str]) -> bool:
    """Whether the clip has the word, give or take an ending of two letters ("Vulkan", "Vulkane")."""
    if name in words:
        return True
    return any(
        abs(len(name) - len(word)) <= _ENDING_LETTERS
        and min(len(name), len(word)) >= _STEM_LETTERS
        and (name.startswith(word) or word.startswith(name))
        for word in words
    )


def _in_script(line: str, language: str) -> bool:
    wanted = _SCRIPTS.get(language.partition("-")[0].lower())
    if wanted is None:
        return True
    return any(unicodedata.name(char, "").startswith(wanted) for char in line if char.isalpha())
