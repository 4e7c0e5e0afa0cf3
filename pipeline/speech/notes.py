"""What the stage tells while it works."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AsrProgress:
    """`fraction` 0..1 of the stage is done; `message` says what is going on."""

    fraction: float
    message: str


@dataclass(frozen=True, slots=True)
class AsrWarning:
    """Something is done another way than asked; `message` says what and why."""

    message: str


Note = AsrProgress | AsrWarning
Tell = Callable[[Note], None]
