"""Which language a text is in, as far as its script and its commonest words tell. Pure.

Only for transcripts that do not say so themselves; Whisper hears the language of a film better.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

UNKNOWN = "und"
"""ISO 639-2's code for an undetermined language."""

_SCRIPTS = (
    ("ja", "\u3040-\u30ff"),
    ("ko", "\uac00-\ud7af\u1100-\u11ff"),
    ("zh", "\u4e00-\u9fff"),
    ("ar", "\u0600-\u06ff"),
    ("ru", "\u0400-\u04ff"),
    ("hi", "\u0900-\u097f"),
    ("th", "\u0e00-\u0e7f"),
    ("el", "\u0370-\u03ff"),
    ("he", "\u0590-\u05ff"),
)
_COMMON = {
    "en": "the and of to is that it you was for this with have are we they what not but i",
    "id": "yang dan di ini itu dengan untuk tidak dari ada kita saya akan pada juga bisa kami sudah",
    "de": "der die und das ist nicht ein ich zu den mit sie wir es auf auch von dass eine",
    "fr": "le la les et des est que un une pas je vous nous pour dans qui ce il du",
    "es": "el la los que de y es en un una por con no para se lo las pero como",
    "it": "il che di e la è un una per non sono con si del della ma mi questo",
    "pt": "o a que de e não um uma para com os do da em você isso mas se é",
    "nl": "de het een en van ik dat is niet je wat op te zijn voor met maar we",
}
_ENOUGH_SHARE = 0.12
_SAMPLE_WORDS = 2000


def guess(words: Iterable[str]) -> str:
    """A language code such as "en", or `UNKNOWN`."""
    sample = [word.lower() for word, _ in zip(words, range(_SAMPLE_WORDS), strict=False)]
    letters = "".join(sample)
    total = sum(letter.isalpha() for letter in letters)
    for code, block in _SCRIPTS:
        share = 0.1 if code == "ja" else 0.5
        if total and len(re.findall(f"[{block}]", letters)) > share * total:
            return code
    plain = [re.sub(r"[^\w']", "", word) for word in sample]
    counts = {code: sum(map(plain.count, set(common.split()))) for code, common in _COMMON.items()}
    best = max(counts, key=lambda code: counts[code])
    return best if plain and counts[best] >= _ENOUGH_SHARE * len(plain) else UNKNOWN


def base(code: str) -> str:
    """The language of a tag in lower case: "en-US" and "EN" are "en"."""
    return re.split(r"[-_]", code.strip().lower())[0]
