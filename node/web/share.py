"""Share links of a session that stands alone: a page that anyone with the link sees, read-only.

The link is derived from a secret in the work folder, so it outlives a restart and can't be guessed.
Behind a launcher the launcher makes the link instead, because the session ends.
"""

from __future__ import annotations

import hashlib
import hmac
import html
import secrets
from base64 import b32encode
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from pipeline.workspace import write_whole

TOKEN_LETTERS = 26
"""130 bits."""

HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; media-src 'self'",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}


class Shares:
    """The share links of the jobs in `work_dir`."""

    def __init__(self, work_dir: Path) -> None:
        path = work_dir / "share.key"
        if not path.is_file():
            work_dir.mkdir(parents=True, exist_ok=True)
            write_whole(path, secrets.token_bytes(32))
            path.chmod(0o600)
        self._key = path.read_bytes()

    def address(self, job_id: str) -> str:
        """The link of a job, below the page's own address."""
        return f"share/{job_id}.{self._sign(job_id)}"

    def job_of(self, link: str) -> str | None:
        """The job that the last part of a link leads to; None when it was not made here."""
        job_id, _, sign = link.partition(".")
        return job_id if hmac.compare_digest(sign.encode(), self._sign(job_id).encode()) else None

    def _sign(self, job_id: str) -> str:
        digest = hmac.digest(self._key, f"share/{job_id}".encode(), hashlib.sha256)
        return b32encode(digest).decode().lower()[:TOKEN_LETTERS]


def page(title: str, clips: Sequence[dict[str, Any]]) -> str:
    """The page of a shared job: previews with title, length and reason. `clips` as the page has them."""
    cards = "\n".join(_card(clip) for clip in clips) or "<p>There are no clips to see yet.</p>"
    name = html.escape(title or "Clips")
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{name} · KangKlip</title>
<style>{_style()}</style>
</head>
<body>
<header><p>KangKlip</p><h1 dir="auto">{name}</h1></header>
<main>
{cards}
</main>
</body>
</html>
"""


@cache
def _style() -> str:
    return (Path(__file__).parents[1] / "page" / "share.css").read_text(encoding="utf-8")


def _card(clip: dict[str, Any]) -> str:
    title = html.escape(clip["title"])
    # The page lies one step below the files it shows.
    preview = html.escape(f"../{clip['preview']}")
    return f"""<article>
<video controls playsinline preload="metadata" src="{preview}#t=0.5" aria-label="{title}"></video>
<h2 dir="auto">{title}</h2>
<p class="facts">{clip["length_ms"] / 1000:.0f} s</p>
<p dir="auto">{html.escape(clip["reason"])}</p>
</article>"""
