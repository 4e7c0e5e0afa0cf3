"""The words to post a clip with, cut to what each platform takes. Pure."""

from __future__ import annotations

from pipeline.records import ClipPlan, Source

LIMITS = {
    "youtube": (100, 5000),
    "tiktok": (0, 2200),
    "instagram": (0, 2200),
    "linkedin": (0, 3000),
    "x": (0, 280),
}
"""Letters in title and text that each takes (their help pages, 2026). 0: it has no title of its own."""


def texts(plan: ClipPlan, source: Source) -> dict[str, str]:
    """For each platform the title (where it has one), an empty line and the description."""
    credit = ", ".join(part for part in (source.title, source.uploader) if part)
    body = "\n\n".join(part for part in (plan.hook, credit and f"From: {credit}", source.url) if part)
    made = {}
    for platform, (title_limit, text_limit) in LIMITS.items():
        title = plan.title
        if title_limit:
            made[platform] = f"{_cut(title, title_limit)}\n\n{_cut(body, text_limit)}"
        else:
            made[platform] = _cut(f"{title}\n\n{body}", text_limit)
    return made


def _cut(text: str, limit: int) -> str:
    """At most `limit` letters, ended between two words where there is one."""
    if len(text) <= limit:
        return text
    head = text[: limit - 1]
    space = head.rfind(" ", limit // 2)
    return head[: space if space > 0 else limit - 1].rstrip() + "…"
