"""The options a clip's look has, made from the fields of `Look`: a page or a command line builds its
controls from this alone. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, get_args, get_type_hints

from pipeline.captions.styles import STYLES
from pipeline.errors import WishError
from pipeline.records import Look

LABELS = {
    "captions": "Captions",
    "position": "Captions stand",
    "layout": "Picture",
    "title_card": "Title card",
}
DESCRIPTIONS = {
    ("position", "bottom"): "in the lower third, clear of the players' buttons",
    ("position", "middle"): "in the middle of the picture",
    ("position", "top"): "near the top, clear of the players' bars",
    ("layout", "auto"): "follows a face where one is seen, shows the whole width elsewhere",
    ("layout", "follow"): "always a tight crop: on the face, or on the middle",
    ("layout", "fit"): "always the whole width over a blurred fill",
    ("title_card", "off"): "no title in the picture",
    ("title_card", "opening"): "the title at the top for the first three seconds",
}


@dataclass(frozen=True, slots=True)
class OfferValue:
    name: str
    label: str
    description: str


@dataclass(frozen=True, slots=True)
class Offer:
    """One option of a clip: its name in `Look`, the default, and the values it may have."""

    name: str
    label: str
    default: str
    values: tuple[OfferValue, ...]


def offered() -> tuple[Offer, ...]:
    """Every option with its values, in the order of `Look`'s fields."""
    hints = get_type_hints(Look)
    return tuple(
        Offer(f.name, LABELS.get(f.name, _words(f.name)), str(f.default), _values(f.name, hints[f.name]))
        for f in fields(Look)
    )


def restyled(look: Look, option: str, value: str) -> Look:
    """The look with one option set. Raises WishError with the names there are."""
    options = {offer.name: offer for offer in offered()}
    if option not in options:
        raise WishError(f"A clip has no option {option[:40]!r}; it has {', '.join(options)}.")
    names = [known.name for known in options[option].values]
    if value not in names:
        shown = ", ".join(name or '""' for name in names)
        raise WishError(f"{option} can't be {value[:40]!r}; choose one of {shown}.")
    changes: dict[str, Any] = {option: value}
    return replace(look, **changes)


def _values(option: str, kind: Any) -> tuple[OfferValue, ...]:
    if option == "captions":
        styles = (OfferValue(s.name, _words(s.name), s.description) for s in STYLES.values())
        return (OfferValue("", "As the job", "the style that was chosen for the whole job"), *styles)
    return tuple(
        OfferValue(name, _words(name), DESCRIPTIONS.get((option, name), "")) for name in get_args(kind)
    )


def _words(name: str) -> str:
    return name.replace("_", " ").capitalize()
