"""The model's answer, distrusted: text -> JSON -> numbers and lines fit to use.

Nothing the model says reaches a clip unchecked, so what a speaker in the video tells the model to do
cannot do harm: at worst a weaker passage is chosen, never the whole video, never a foreign title.
"""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Any

from llm.client import BadAnswer
from llm.titles import one_line, shortened

LONGEST_TITLE = 70

_FENCE = re.compile(r"```(?:json)?\s*(.*?)```", re.DOTALL | re.IGNORECASE)
_ENDINGS = (
    "com|net|org|io|co|ru|me|xyz|info|app|link|id|ai|tv|gg|ly|to|dev|shop|store|site|online|top|club|live|biz|cc"
    "|page|click|de|fr|es|pt|br|jp|cn|uk|us|eu|in|sa|ae|edu|gov"
)
_LINK = re.compile(rf"://|\bwww\.|\b[\w-]+\.(?:{_ENDINGS})\b|(?<!\w)@\w{{2,}}|\w@\w", re.IGNORECASE)
_MARKUP = re.compile(r"<[^>]*>|[<>{}\\`]")
_MIDDLE_SCORE = 50


def read_json(text: str, key: str) -> Any:
    """What stands under `key` in the answer's object; an answer that is a bare list counts as that.

    Raises BadAnswer when there is no JSON. Gives None where the object has no such key.
    """
    for candidate in _candidates(text):
        try:
            # Not strict: constrained decoders let raw control characters into strings.
            found = json.loads(candidate, strict=False)
        except (ValueError, RecursionError):
            continue
        return found.get(key) if isinstance(found, dict) else found
    raise BadAnswer("it is not JSON", answer=text)


def read_list(text: str, key: str) -> list[Any]:
    """The list under `key`. Raises BadAnswer when there is none."""
    found = read_json(text, key)
    if not isinstance(found, list):
        raise BadAnswer(f'"{key}" is not a list', answer=text)
    return found


def read_object(text: str, key: str) -> dict[str, Any]:
    """The object under `key`. Raises BadAnswer when there is none."""
    found = read_json(text, key)
    if not isinstance(found, dict):
        raise BadAnswer(f'"{key}" is not an object', answer=text)
    return found


def _candidates(text: str) -> list[str]:
    """The whole text, what stands in code fences, and the widest stretch in braces."""
    begin, end = text.find("{"), text.rfind("}")
    return [text, *_FENCE.findall(text), text[begin : end + 1] if 0 <= begin < end else ""]


def whole(value: object) -> int | None:
    """The value if it is a whole number."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def rating(value: object) -> int:
    """The value as a score of 0 to 100; the middle where it is no number."""
    number = whole(value)
    return _MIDDLE_SCORE if number is None else max(0, min(100, number))


def plain(value: object, longest: int) -> str:
    """The value as one line of bounded text without markup; empty where it is no text."""
    if not isinstance(value, str):
        return ""
    return shortened(" ".join(_MARKUP.sub(" ", one_line(value[: 10 * longest])).split()), longest)


def holds_link(text: str) -> bool:
    """Whether a text names an address or an account. Letters in disguise (full-width) count as plain."""
    return bool(_LINK.search(unicodedata.normalize("NFKC", text)))


def checked_title(value: object, longest: int = LONGEST_TITLE) -> str:
    """A title or hook fit to show: one line, bounded, no markup; empty when it holds a link."""
    title = plain(value, longest).strip(" \"'“”„«»*_#.,;:-")
    return "" if holds_link(title) or not any(char.isalnum() for char in title) else title
