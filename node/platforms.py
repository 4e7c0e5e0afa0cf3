"""The words to post a clip with, cut to what each platform takes. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from itertools import accumulate

from pipeline.records import ClipPlan, Source

LIMITS = {
    "youtube": (100, 5000),
    "tiktok": (0, 2200),
    "instagram": (0, 2200),
    "linkedin": (0, 3000),
    "x": (0, 280),
}
"""What title and text may weigh (their help pages, 2026). 0: it has no title of its own."""

LIGHT_ON_X = (range(4352), range(8192, 8206), range(8208, 8224), range(8242, 8248))
"""Characters that count once on X; all others, emoji and CJK, count twice (the
configuration of its twitter-text, version 3)."""
JOINERS = frozenset("\u200d\ufe0e\ufe0f\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff")
"""What makes one emoji of two: the joiner, the forms, the skin tones."""


def texts(plan: ClipPlan, source: Source) -> dict[str, str]:
    """For each platform the title (where it has one), an empty line and the description."""
    credit = ", ".join(part for part in (source.title, source.uploader) if part)
    body = "\n\n".join(part for part in (plan.hook, credit and f"From: {credit}", source.url) if part)
    made = {}
    for platform, (title_limit, text_limit) in LIMITS.items():
        title, weight = plan.title, _on_x if platform == "x" else _utf16
        if title_limit:
            made[platform] = f"{_cut(title, title_limit, weight)}\n\n{_cut(body, text_limit, weight)}"
        else:
            made[platform] = _cut(f"{title}\n\n{body}", text_limit, weight)
    return made


def _utf16(letter: str) -> int:
    """As browsers and phones count: an emoji is two."""
    return 2 if ord(letter) > 0xFFFF else 1


def _on_x(letter: str) -> int:
    return 1 if any(ord(letter) in light for light in LIGHT_ON_X) else 2


def _cut(text: str, limit: int, weight: Callable[[str], int]) -> str:
    """A text that weighs at most `limit`, ended between two words where there is a place for it."""
    weights = list(accumulate(map(weight, text[: limit + 1]), initial=0))
    if weights[-1] <= limit:
        return text
    end = sum(1 for total in weights[1:] if total <= limit - weight("…"))
    spaces = [at for at in range(end // 2, end + 1) if text[at].isspace()]
    return text[: spaces[-1] if spaces else _whole_letters(text, end)].rstrip() + "…"


def _whole_letters(text: str, end: int) -> int:
    """The last place up to `end` at which no accent or emoji is parted from what it belongs to."""
    for at in range(end, max(0, end - 20), -1):
        if not (unicodedata.combining(text[at]) or text[at] in JOINERS or text[at - 1] == "\u200d"):
            return at
    return end
