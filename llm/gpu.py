"""What the first NVIDIA card is and how much of its memory is free, as `nvidia-smi` tells it."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from llm.client import ModelUnusable

QUERY = ("--query-gpu=memory.total,memory.free,name,driver_version", "--format=csv,noheader,nounits")
MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Card:
    """A GPU, its memory in bytes."""

    name: str
    total_bytes: int
    free_bytes: int
    driver: str


def first_card(program: Sequence[str] = ("nvidia-smi",), timeout_s: float = 10.0) -> Card:
    """The card that vLLM and Whisper use when nobody tells them another. Raises ModelUnusable."""
    said, code = _asked([*program, *QUERY], timeout_s)
    if code:
        words = said.strip().splitlines()
        raise ModelUnusable(f"no GPU: {words[0][:200]}" if words else f"no GPU: nvidia-smi ended with {code}")
    cards = cards_in(said)
    if not cards:
        raise ModelUnusable("no GPU: nvidia-smi names no card that tells its memory")
    return cards[0]


def cards_in(text: str) -> list[Card]:
    """The cards in nvidia-smi's answer, in its order; those that do not tell their memory are left out."""
    cards = []
    for line in text.splitlines():
        total, _, rest = line.partition(",")
        free, _, rest = rest.partition(",")
        name, _, driver = rest.rpartition(",")
        total_mib, free_mib = _mib(total), _mib(free)
        if total_mib and free_mib is not None:
            cards.append(Card(name.strip(), total_mib * MIB, min(free_mib, total_mib) * MIB, driver.strip()))
    return cards


def _mib(text: str) -> int | None:
    number = text.strip().removesuffix("MiB").strip()
    return int(number) if number.isascii() and number.isdigit() else None


def _asked(command: list[str], timeout_s: float) -> tuple[str, int]:
    """What it printed and its exit code. Raises ModelUnusable."""
    try:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as exc:
        raise ModelUnusable(f"no GPU: nvidia-smi cannot be started ({exc.strerror})") from exc
    assert child.stdout is not None
    try:
        said, _ = child.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired as exc:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        # A broken driver can hold it beyond SIGKILL: it is not waited for long.
        with suppress(subprocess.TimeoutExpired):
            child.wait(1.0)
        child.stdout.close()
        raise ModelUnusable(f"no GPU: nvidia-smi did not answer within {timeout_s:g} s") from exc
    return said.decode(errors="replace"), child.returncode
