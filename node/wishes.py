"""What a visitor asks for, checked, as a job request. Pure but for a look at the job's own folder."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any
from urllib.parse import urlsplit

from node.errors import BadRequest
from pipeline.captions.styles import STYLES
from pipeline.records import Ms

LONGEST_FOCUS = 500
LONGEST_LINK = 4000


@dataclass(frozen=True, slots=True)
class Asked:
    """The arguments of a job as any door gives them. Seconds, 0 for what is left open."""

    link: str = ""
    upload: str = ""
    length: int = 45
    min_seconds: float = 0.0
    max_seconds: float = 0.0
    count: int = 3
    language: str = "auto"
    output_language: str = "auto"
    focus: str = ""
    captions: str = "karaoke"
    transcript: str = ""


def checked(asked: Asked) -> Asked:
    """The same with every value in its bounds. Raises BadRequest with the value and what is possible."""
    asked = _of_their_kinds(asked)
    _check_link(asked.link.strip())
    if not 1 <= asked.count <= 5:
        raise BadRequest(f"{asked.count} clips can't be made; ask for 1 to 5.")
    if asked.captions not in STYLES:
        raise BadRequest(
            f"There is no caption style {asked.captions[:40]!r}; choose one of {', '.join(STYLES)}."
        )
    if len(asked.focus) > LONGEST_FOCUS:
        raise BadRequest(f"The focus has {len(asked.focus)} letters; say it in at most {LONGEST_FOCUS}.")
    for name, value in (("language", asked.language), ("output language", asked.output_language)):
        if not value.replace("-", "").isalnum() or len(value) > 12:
            raise BadRequest(
                f"The {name} {value[:20]!r} can't be used; give a code such as en or id, or auto."
            )
    bounds_ms(asked)
    return asked


def _of_their_kinds(asked: Asked) -> Asked:
    """The same with whole numbers as such; a door may have been given any JSON value."""
    whole: dict[str, Any] = {}
    for field in fields(asked):
        value, kind = getattr(asked, field.name), type(field.default)
        is_number = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e9
        if kind is str and not isinstance(value, str):
            raise BadRequest(f"{field.name} is {str(value)[:20]!r}, but must be a text.")
        if kind is not str and not is_number:
            raise BadRequest(f"{field.name} is {str(value)[:20]!r}, but must be a number.")
        if kind is int and value != value // 1:
            raise BadRequest(f"{field.name} is {value:g}, but must be a whole number.")
        if kind is int:
            whole[field.name] = int(value)
    return replace(asked, **whole)


def _check_link(link: str) -> None:
    try:
        parts = urlsplit(link)
        known = parts.scheme in ("http", "https")
        whole = bool(parts.hostname) and parts.port != 0
    except ValueError as exc:
        raise BadRequest(f"The link {link[:80]!r} can't be read; copy it once more.") from exc
    if link and not known:
        raise BadRequest("A link begins with http:// or https://; to use a file, upload it.")
    if link and not whole:
        raise BadRequest(f"The link {link[:80]!r} names no site; copy it once more.")
    if len(link) > LONGEST_LINK:
        raise BadRequest(f"The link has {len(link)} letters; at most {LONGEST_LINK} can be used.")


def bounds_ms(asked: Asked) -> tuple[Ms, Ms]:
    """Shortest and longest clip: own bounds, or at most the length and at least two thirds of it."""
    longest = asked.max_seconds or asked.length
    shortest = asked.min_seconds or longest * 2 / 3
    if not 3 <= shortest < longest <= 600:
        raise BadRequest(
            f"Clips of {shortest:g} to {longest:g} s can't be made: the shortest must be at least 3 s, "
            "the longest at most 600 s, and longer than the shortest."
        )
    return round(shortest * 1000), round(longest * 1000)
