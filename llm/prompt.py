"""What all questions have in common: prompts with named slots, foreign text made harmless, bounds.

Spoken words are foreign text. They go into a prompt without control characters and without anything
that looks like our delimiters or like the markup of chat templates.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from string import Template
from typing import Any

from llm.titles import one_line, shortened
from pipeline.records import Ms

PROMPT_VERSION = "2"

MOST_QUESTION_CHARS = 20_000
"""No first question is longer, however long the film: some 5,000 tokens of English, and at worst one
token a character. A repair adds at most the answer's 4,000 and what was wrong with it."""

MOST_FOREIGN_CHARS = 13_000
"""The share of a question that what was said may take; the rest is ours."""

LONGEST_LINE = 600
LONGEST_FOCUS = 300

Message = dict[str, str]
Schema = dict[str, Any]

# Look-alikes of the same meaning: nothing that is spoken can close the transcript, forge an id column
# or open a chat-template token such as <|im_start|> or [INST].
_DISARMED = str.maketrans({"<": "‹", ">": "›", "|": "/", "[": "(", "]": ")", "`": "'"})

_LANGUAGES = {
    "ar": "Arabic", "bn": "Bengali", "de": "German", "el": "Greek", "en": "English", "es": "Spanish",
    "fa": "Persian", "fi": "Finnish", "fr": "French", "he": "Hebrew", "hi": "Hindi", "id": "Indonesian",
    "it": "Italian", "ja": "Japanese", "jv": "Javanese", "ko": "Korean", "ms": "Malay", "nl": "Dutch",
    "pl": "Polish", "pt": "Portuguese", "ru": "Russian", "su": "Sundanese", "sv": "Swedish", "th": "Thai",
    "tr": "Turkish", "uk": "Ukrainian", "ur": "Urdu", "vi": "Vietnamese", "zh": "Chinese",
}  # fmt: skip


def disarmed(text: str, longest: int) -> str:
    """Foreign text made harmless for a prompt: one line, bounded, no delimiters."""
    return shortened(one_line(text).translate(_DISARMED), longest)


def excerpt(text: str, longest: int) -> str:
    """Foreign text made harmless, and only its beginning and its end where it is longer than that."""
    whole = one_line(text).translate(_DISARMED)
    if len(whole) <= longest:
        return whole
    head = max(1, longest * 3 // 5)
    tail = max(1, longest - head - 5)
    return f"{shortened(whole, head).removesuffix('…')} (…) {whole[-tail:].lstrip()}"


def language_name(code: str) -> str:
    """The language as a model knows it."""
    base = code.partition("-")[0].lower()
    shown = disarmed(code, 20)
    return (
        f"{_LANGUAGES[base]} (code {shown})" if base in _LANGUAGES else f"the language with the code {shown}"
    )


def clock(at: Ms) -> str:
    seconds = at // 1000
    return f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def conversation(
    step: str, asks: str, system: Mapping[str, object], user: Mapping[str, object]
) -> tuple[Message, ...]:
    """The two messages of a question, from the prompts `step` and `asks`."""
    return (
        {"role": "system", "content": filled(step, data=filled("data").strip(), **system).strip()},
        {"role": "user", "content": filled(asks, **user).strip()},
    )


def focus_line(focus: str, then: str) -> str:
    """What the person asked for, as a line of its own; empty without a wish."""
    wanted = disarmed(focus, LONGEST_FOCUS)
    return f"The person wants passages about: {wanted}. {then}" if wanted else ""


def filled(name: str, **slots: object) -> str:
    """The prompt `prompts/name.md` with its slots filled. Raises KeyError for a slot left open."""
    return _template(name).substitute(slots)


@cache
def _template(name: str) -> Template:
    return Template((Path(__file__).parent / "prompts" / f"{name}.md").read_text(encoding="utf-8"))


# -- JSON Schema, bounded: an unbounded integer or string lets a constrained decoder run to its token
# limit (seen on all vLLM backends) ----------------------------------------------------------------


def integer(lowest: int, highest: int) -> Schema:
    return {"type": "integer", "minimum": lowest, "maximum": highest}


def text(longest: int) -> Schema:
    return {"type": "string", "maxLength": longest}


def record(fields: Mapping[str, Schema]) -> Schema:
    """An object with exactly these fields."""
    return {
        "type": "object",
        "properties": dict(fields),
        "required": list(fields),
        "additionalProperties": False,
    }


def listing(items: Schema, most: int, least: int = 0) -> Schema:
    return {"type": "array", "items": items, "minItems": least, "maxItems": most}


SCORE = integer(0, 100)
