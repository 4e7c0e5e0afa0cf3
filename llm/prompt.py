"""What the model is told: the prompts of `prompts/*.md` filled with one part of the transcript.

Spoken words are foreign text. They go into the prompt without control characters and without anything
that looks like our delimiters or like the markup of chat templates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from string import Template
from typing import Any

from llm.titles import one_line, shortened
from llm.windows import bounds_of
from pipeline.records import Chunk, Ms, Sentence, Wish

PROMPT_VERSION = "1"

MOST_CLIPS = 8
"""Passages asked for per part: a part of five minutes holds no more clips of 30 s worth having."""

LONGEST_LINE = 600
LONGEST_FOCUS = 300
LONGEST_TITLE = 70
LONGEST_REASON = 200

Message = dict[str, str]

# Look-alikes of the same meaning: nothing that is spoken can close the transcript, forge an id column
# or open a chat-template token such as <|im_start|> or [INST].
_DISARMED = str.maketrans({"<": "‹", ">": "›", "|": "/", "[": "(", "]": ")", "`": "'"})


def disarmed(text: str, longest: int) -> str:
    """Foreign text made harmless for a prompt: one line, bounded, no delimiters."""
    return shortened(one_line(text).translate(_DISARMED), longest)


def messages_for(
    part: Chunk,
    parts: int,
    sentences: Sequence[Sentence],
    energy: Mapping[int, str],
    wish: Wish,
    language: str,
) -> list[Message]:
    """The conversation that asks about one part; `energy` maps sentence ids to coarse tags."""
    seconds = _seconds(wish)
    focus = disarmed(wish.focus, LONGEST_FOCUS)
    asked = (
        f"The person wants passages about: {focus}. Leave out what is about something else." if focus else ""
    )
    lines = "\n".join(
        f"{s.id} | {_clock(s.start_ms)} | {energy.get(s.id, 'even')} | {disarmed(s.text, LONGEST_LINE)}"
        for s in sentences
    )
    system = _template("choose").substitute(seconds, most=MOST_CLIPS, language=_language(wish, language))
    user = _template("part").substitute(
        seconds, part=part.id + 1, parts=parts, first=part.first, last=part.last, focus=asked, lines=lines
    )
    return [{"role": "system", "content": system}, {"role": "user", "content": user}]


def repair_for(asked: Sequence[Message], answer: str, fault: str, part: Chunk, wish: Wish) -> list[Message]:
    """The same conversation with the bad answer and what was wrong with it."""
    told = _template("repair").substitute(_seconds(wish), fault=fault, first=part.first, last=part.last)
    return [
        *asked,
        {"role": "assistant", "content": shortened(answer, 4000) or "(nothing)"},
        {"role": "user", "content": told},
    ]


def answer_schema(part: Chunk) -> dict[str, Any]:
    """The JSON Schema of an answer. Every integer and string is bounded: unbounded ones let a
    constrained decoder run to its token limit (seen on all vLLM backends)."""
    sentence = {"type": "integer", "minimum": part.first, "maximum": part.last}
    score = {"type": "integer", "minimum": 0, "maximum": 100}
    fields: dict[str, Any] = {
        "first": sentence,
        "last": sentence,
        "key": sentence,
        "hook": score,
        "completeness": score,
        "substance": score,
        "score": score,
        "title": {"type": "string", "maxLength": LONGEST_TITLE},
        "reason": {"type": "string", "maxLength": LONGEST_REASON},
    }
    clip = {
        "type": "object",
        "properties": fields,
        "required": list(fields),
        "additionalProperties": False,
    }
    return {
        "type": "object",
        "properties": {"clips": {"type": "array", "maxItems": MOST_CLIPS, "items": clip}},
        "required": ["clips"],
        "additionalProperties": False,
    }


def _seconds(wish: Wish) -> dict[str, int]:
    shortest, longest = bounds_of(wish)
    return {"shortest": -(-shortest // 1000), "longest": longest // 1000}


def _language(wish: Wish, spoken: str) -> str:
    wanted = spoken if wish.output_language in ("", "auto") else wish.output_language
    return f"the language with the code {disarmed(wanted, 20)}"


def _clock(at: Ms) -> str:
    seconds = at // 1000
    return f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


@cache
def _template(name: str) -> Template:
    return Template((Path(__file__).parent / "prompts" / f"{name}.md").read_text(encoding="utf-8"))
