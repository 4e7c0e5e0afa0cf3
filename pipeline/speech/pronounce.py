"""How a written English word is spoken, as far as an aligner needs to know. Pure.

Numbers become words; a word no dictionary holds gets phones by a crude rule, one per letter group.
"""

from __future__ import annotations

import re

_ONES = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
    "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS = ("", "ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_SIGNS = {"%": "percent", "&": "and", "+": "plus", "=": "equals", "@": "at"}

# ARPABET, as in the CMU dictionary; longer spellings first.
_SOUNDS = (
    ("tion", "SH AH N"), ("sion", "ZH AH N"), ("ough", "AO"), ("augh", "AO"), ("eigh", "EY"), ("igh", "AY"),
    ("tch", "CH"), ("sch", "SH"), ("ch", "CH"), ("sh", "SH"), ("th", "TH"), ("ph", "F"), ("wh", "W"),
    ("ck", "K"), ("qu", "K W"), ("ng", "NG"), ("kn", "N"), ("wr", "R"), ("gh", "G"), ("ee", "IY"),
    ("ea", "IY"), ("oo", "UW"), ("ou", "AW"), ("ow", "OW"), ("oi", "OY"), ("oy", "OY"), ("ai", "EY"),
    ("ay", "EY"), ("au", "AO"), ("aw", "AO"), ("ei", "EY"), ("ey", "IY"), ("ie", "IY"), ("oa", "OW"),
    ("ew", "UW"), ("ar", "AA R"), ("er", "ER"), ("ir", "ER"), ("or", "AO R"), ("ur", "ER"), ("x", "K S"),
    ("a", "AE"), ("b", "B"), ("c", "K"), ("d", "D"), ("e", "EH"), ("f", "F"), ("g", "G"), ("h", "HH"),
    ("i", "IH"), ("j", "JH"), ("k", "K"), ("l", "L"), ("m", "M"), ("n", "N"), ("o", "AA"), ("p", "P"),
    ("q", "K"), ("r", "R"), ("s", "S"), ("t", "T"), ("u", "AH"), ("v", "V"), ("w", "W"), ("y", "IY"),
    ("z", "Z"),
)  # fmt: skip
_LONGEST_WORD = 40


def spoken_forms(token: str) -> list[str]:
    """The lower-case words one says for a token: "well-known" is two, "1865" four, "—" none."""
    plain = token.lower().replace("’", "'")
    for sign, name in _SIGNS.items():
        plain = plain.replace(sign, f" {name} ")
    forms: list[str] = []
    for piece in re.findall(r"\d[\d,]*(?:\.\d+)?|[a-z]+(?:'[a-z]+)*'?", plain):
        forms += _number(piece) if piece[0].isdigit() else [piece[:_LONGEST_WORD]]
    return forms


def phones(word: str) -> str:
    """Phones for a word of Latin letters by spelling alone; empty when there is nothing to say."""
    rest = re.sub(r"(.)\1", r"\1", re.sub("[^a-z]", "", word))
    if len(rest) > 3:
        rest = rest.removesuffix("e")
    sounds: list[str] = []
    while rest:
        spelling, sound = next(pair for pair in _SOUNDS if rest.startswith(pair[0]))
        sounds.append(sound)
        rest = rest[len(spelling) :]
    return " ".join(sounds)


def _number(digits: str) -> list[str]:
    whole, _, part = digits.replace(",", "").partition(".")
    if len(whole) > 9 or (len(whole) > 1 and whole[0] == "0"):
        words = [_ONES[int(digit)] for digit in whole]
    elif len(whole) == 4 and "," not in digits and 1100 <= int(whole) < 2000 and int(whole) % 100:
        low = int(whole[2:])
        words = _below_million(int(whole[:2])) + (["oh"] if low < 10 else []) + _below_million(low)
    else:
        millions, rest = divmod(int(whole), 1_000_000)
        words = [*_below_million(millions), "million"] if millions else []
        words += _below_million(rest) if rest or not millions else []
    return words + (["point", *(_ONES[int(digit)] for digit in part)] if part else [])


def _below_million(number: int) -> list[str]:
    if number < 20:
        return [_ONES[number]]
    for size, name in ((1000, "thousand"), (100, "hundred")):
        if number >= size:
            high, low = divmod(number, size)
            return [*_below_million(high), name, *(_below_million(low) if low else [])]
    tens, ones = divmod(number, 10)
    return [_TENS[tens], *([_ONES[ones]] if ones else [])]
