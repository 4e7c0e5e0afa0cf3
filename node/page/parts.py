"""The page's files as text: the script in its order, the sheet, the words, the style pictures."""

from __future__ import annotations

import json
from base64 import b64encode
from functools import cache
from pathlib import Path
from typing import Any

from pipeline.looks import offered

HERE = Path(__file__).parent
PICTURES = HERE.parents[1] / "assets" / "captions"

ORDER = ("dom", "words", "link", "upload", "watch", "map", "player", "text", "look", "away", "app", "mount")
"""The script's files, each building on those before it."""


def script() -> str:
    """The whole script as one closed scope."""
    files = [(HERE / "script" / f"{name}.js").read_text(encoding="utf-8") for name in ORDER]
    return "(() => {\n" + "\n".join(files) + "\n})();"


def sheet() -> str:
    """The style sheet."""
    return (HERE / "page.css").read_text(encoding="utf-8")


@cache
def words() -> dict[str, dict[str, str]]:
    """The interface's words by language."""
    return {
        path.stem: json.loads(path.read_text(encoding="utf-8"))
        for path in sorted((HERE / "words").glob("*.json"))
    }


def picture(style: str) -> str:
    """A caption style's picture as a data URI; empty where there is none."""
    path = PICTURES / f"{style}.jpg"
    return f"data:image/jpeg;base64,{b64encode(path.read_bytes()).decode()}" if path.is_file() else ""


def offers() -> list[dict[str, Any]]:
    """The options that the pipeline offers for a clip, with pictures where there are some."""
    return [
        {
            "name": offer.name,
            "label": offer.label,
            "default": offer.default,
            "values": [
                {
                    "name": value.name,
                    "label": value.label,
                    "description": value.description,
                    "picture": picture(value.name) if offer.name == "captions" else "",
                }
                for value in offer.values
            ],
        }
        for offer in offered()
    ]


def facts() -> str:
    """What the script needs to know from the start, safe inside a script element."""
    text = json.dumps({"words": words(), "offers": offers()}, ensure_ascii=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


UNTIL_DRAWN = (
    "body:not([data-drawn]) .gradio-container { visibility: hidden; animation: kk-appear 0s 4s forwards; }"
    " @keyframes kk-appear { to { visibility: visible; } }"
)
"""Gradio puts the page together piece by piece; it is shown when it stands, or after four seconds."""


def head() -> str:
    """What goes into the document's head."""
    told = f"<script>window.KangKlipFacts = {facts()};</script>\n<script>{script()}</script>"
    return f"<style>{UNTIL_DRAWN}</style>\n{told}"
