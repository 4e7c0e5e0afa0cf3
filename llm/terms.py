"""Text to terms: what counts as a word, its light stem, and which words carry no meaning."""

from __future__ import annotations

import re
import unicodedata

from llm.wordlists import words_for

# Everything that parts words. Letters are not listed but separators are, because `\w` splits
# Devanagari and Thai words at their vowel signs.
_SEPARATORS = re.compile(r"[\s\"“”„…,.;:!?¿¡()\[\]{}<>«»、。！？，：；「」『』（）·・/\\|*_=+~#%&@^`—–−\-]+")

# Scripts written without spaces: Thai, Lao, Burmese, Khmer, kana, Han.
_UNSPACED = re.compile(r"([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+)")

_ENGLISH_SUFFIXES = ("ingly", "edly", "ings", "ing", "ied", "ies", "ed", "ely", "ly", "es", "s", "e")
_INDONESIAN_PREFIXES = (
    "memper",
    "meng",
    "meny",
    "mem",
    "men",
    "peng",
    "pem",
    "pen",
    "ber",
    "ter",
    "me",
    "di",
)
_INDONESIAN_SUFFIXES = ("kannya", "annya", "nya", "lah", "kah", "kan", "an", "i")
_SHORTEST_STEM = 3
_TRUNCATED_STEM = 6


def words_of(text: str) -> list[str]:
    """The words of a text, case-folded; runs of unspaced scripts become overlapping character pairs."""
    words: list[str] = []
    for piece in _SEPARATORS.split(unicodedata.normalize("NFKC", text).casefold()):
        word = piece.strip("'’‘").replace("’", "'")
        if not word:
            continue
        if not _UNSPACED.search(word):
            words.append(word)
            continue
        for run in re.findall(
            rf"{_UNSPACED.pattern}|[^\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\uffff]+", word
        ):
            pairs = [run[i : i + 2] for i in range(len(run) - 1)] if _UNSPACED.match(run) else []
            words.extend(pairs or [run])
    return words


def stem(word: str, language: str) -> str:
    """A word's light stem: enough to let "investing" meet "invested", nothing cleverer.

    English loses common endings, Indonesian common affixes; words of other languages are cut to
    six letters, the classic stand-in for a stemmer.
    """
    if language == "en":
        return _without(word.removesuffix("'s"), (), _ENGLISH_SUFFIXES)
    if language == "id":
        return _without(word, _INDONESIAN_PREFIXES, _INDONESIAN_SUFFIXES)
    return word[:_TRUNCATED_STEM]


def _without(word: str, prefixes: tuple[str, ...], suffixes: tuple[str, ...]) -> str:
    for prefix in prefixes:
        if word.startswith(prefix) and len(word) - len(prefix) > _SHORTEST_STEM:
            word = word.removeprefix(prefix)
            break
    for suffix in suffixes:
        if word.endswith(suffix) and len(word) - len(suffix) >= _SHORTEST_STEM:
            word = word.removesuffix(suffix)
            break
    if len(word) > _SHORTEST_STEM and word[-1] == word[-2]:
        word = word[:-1]
    return word


def terms_of(text: str, language: str) -> list[str]:
    """The stems of a text's words that carry meaning, in order, repeats kept."""
    lists = words_for(language)
    return [stem(word, language) for word in words_of(text) if carries_meaning(word, lists.stop)]


def carries_meaning(word: str, stop: frozenset[str]) -> bool:
    """False for function words, fillers and bare letters; without a list, for very short words."""
    if word in stop:
        return False
    if _UNSPACED.match(word):
        return True
    return len(word) > (1 if stop else 3) or word.isdigit()
