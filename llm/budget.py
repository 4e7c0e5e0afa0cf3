"""Which model fits a GPU, and how much of its memory vLLM may take so that Whisper's share stays free. Pure.

A row of the table is taken whole or not at all. So more memory never gives a smaller model or context.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import MISSING, dataclass, fields, replace
from itertools import pairwise
from typing import Any

from llm.client import ModelUnusable

GB = 1_000_000_000

RESERVE_BYTES = 1 * GB
"""Free for everyone else: NVENC, a display, and what CUDA counts less than nvidia-smi does."""

GRAPHS_BYTES = 2_500_000_000
EAGER_BYTES = 1_600_000_000
"""CUDA's context and the activations, with the CUDA graphs of compiled models and without; estimates."""

SMALL_CONTEXT = 8192
"""Holds a part of five minutes, the rules and the longest answer about twice over."""

MOST_PERCENT = 90
LEAST_UNKNOWN_BYTES = 4 * GB
"""For a model of unknown size: the most that vLLM gets, and what it is not worth trying below."""


@dataclass(frozen=True, slots=True)
class Tier:
    """A model and what it takes. `whisper_bytes` stay free beside it; 0: Whisper has to run first."""

    model: str
    weights_bytes: int
    kv_bytes_per_token: int
    context_tokens: int
    whisper_bytes: int
    sequences: int
    eager: bool = False

    @property
    def need_bytes(self) -> int:
        """All that vLLM needs to serve one question of the full context."""
        overhead = EAGER_BYTES if self.eager else GRAPHS_BYTES
        return self.weights_bytes + self.kv_bytes_per_token * self.context_tokens + overhead


# Qwen3 with its thinking off: its later "Instruct-2507" models do not end an answer that is bound to a
# schema (QwenLM/Qwen3 issue 1700). Weights: the files' size; of 14B and 32B calculated, 4.25 bits a
# parameter (FP8: 8), the embeddings 16. KV: 2 x layers x 8 heads x 128 x 2 bytes.
TIERS = (
    # for cards of about 8, 12, 16, 24, 48 and 80 GB
    Tier("Qwen/Qwen3-4B-AWQ", 2_700_000_000, 147_456, SMALL_CONTEXT, 0, 4, eager=True),
    Tier("Qwen/Qwen3-4B-AWQ", 2_700_000_000, 147_456, 16_384, 0, 4),
    Tier("Qwen/Qwen3-8B-AWQ", 6_200_000_000, 147_456, 16_384, 3 * GB, 4),
    Tier("Qwen/Qwen3-14B-AWQ", 10_100_000_000, 163_840, 32_768, 4 * GB, 4),
    Tier("Qwen/Qwen3-32B-AWQ", 19_800_000_000, 262_144, 32_768, 6 * GB, 8),
    Tier("Qwen/Qwen3-32B-FP8", 34_400_000_000, 262_144, 32_768, 6 * GB, 8),
)


@dataclass(frozen=True, slots=True)
class Plan:
    """How to start vLLM. `max_model_len` is in tokens, None: vLLM takes what fits.

    `sequential`: Whisper has to end before the server starts, there is no room for both.
    """

    model: str
    gpu_memory_utilization: float
    max_model_len: int | None
    max_num_seqs: int
    sequential: bool
    eager: bool


class BadTiers(ValueError):
    """The text of a table cannot be used; the message names the row, the key, the value and the rule."""


def plan_for(total_bytes: int, free_bytes: int, model: str = "", tiers: Sequence[Tier] = TIERS) -> Plan:
    """The best plan for a card of that memory, for the named model if there is a name.

    Raises ModelUnusable with one sentence when nothing fits.
    """
    rows = [replace(tier, model=model) for tier in tiers if _alike(tier.model, model)] if model else tiers
    if not rows:
        return _plan_for_unknown(total_bytes, free_bytes, model, tiers)
    choices = [*reversed(rows)]
    if model:
        alone = replace(rows[0], whisper_bytes=0)
        small = replace(alone, context_tokens=min(alone.context_tokens, SMALL_CONTEXT), eager=True)
        choices += [alone, small]
    for tier in choices:
        if _fits(tier, total_bytes, free_bytes):
            percent = _percent(tier, total_bytes)
            return Plan(
                tier.model,
                percent / 100,
                tier.context_tokens,
                tier.sequences,
                sequential=not tier.whisper_bytes,
                eager=tier.eager,
            )
    least = choices[-1]
    raise ModelUnusable(
        f"{least.model} needs {(least.need_bytes + least.whisper_bytes + RESERVE_BYTES) / GB:.1f} GB of free "
        f"GPU memory, and {free_bytes / GB:.1f} of {total_bytes / GB:.1f} GB are free"
    )


def _plan_for_unknown(total_bytes: int, free_bytes: int, model: str, tiers: Sequence[Tier]) -> Plan:
    """For a model that the table does not know: all memory but Whisper's share, vLLM finds the context."""
    fitting = [tier for tier in tiers if _fits(tier, total_bytes, free_bytes)]
    like = fitting[-1] if fitting else replace(tiers[0], whisper_bytes=0, eager=True)
    left_bytes = free_bytes - like.whisper_bytes - RESERVE_BYTES
    if left_bytes < LEAST_UNKNOWN_BYTES:
        raise ModelUnusable(
            f"{max(0, left_bytes) / GB:.1f} GB of GPU memory are left for {model}, "
            f"and less than {LEAST_UNKNOWN_BYTES / GB:.0f} GB are not worth a try"
        )
    return Plan(
        model,
        min(MOST_PERCENT, 100 * left_bytes // total_bytes) / 100,
        None,
        like.sequences,
        sequential=not like.whisper_bytes,
        eager=like.eager,
    )


def _alike(known: str, named: str) -> bool:
    """Whether a name is that model, or a folder called like it."""
    return known.rpartition("/")[2].lower() == named.rstrip("/").rpartition("/")[2].lower()


def _percent(tier: Tier, total_bytes: int) -> int:
    return -(-100 * tier.need_bytes // total_bytes)


def _fits(tier: Tier, total_bytes: int, free_bytes: int) -> bool:
    # vLLM refuses to start when less than its share is free, so what others hold counts too.
    taken = _percent(tier, total_bytes) * total_bytes
    return taken + 100 * (tier.whisper_bytes + RESERVE_BYTES) <= 100 * min(free_bytes, total_bytes)


# -- the table as a setting ----------------------------------------------------------------------------

_BOUNDS = {
    "weights_bytes": (1, 10**13),
    "kv_bytes_per_token": (1, 10**9),
    "context_tokens": (2048, 10**7),
    "whisper_bytes": (0, 10**12),
    "sequences": (1, 1024),
}


def tiers_from(text: str) -> tuple[Tier, ...]:
    """The table from JSON: a list of objects with the keys of `Tier`, smallest first; empty text: TIERS.

    Raises BadTiers.
    """
    if not text.strip():
        return TIERS
    try:
        rows = json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise BadTiers(f"the table of models is no JSON: {exc}") from exc
    if not isinstance(rows, list) or not rows:
        raise BadTiers("the table of models must be a list of at least one object")
    tiers = tuple(_tier(number, row) for number, row in enumerate(rows, start=1))
    for number, (smaller, larger) in enumerate(pairwise(tiers), start=2):
        if larger.context_tokens < smaller.context_tokens:
            raise _bad(number, "context_tokens", larger.context_tokens, "at least that of the row before it")
    return tiers


def _tier(number: int, row: Any) -> Tier:
    if not isinstance(row, dict):
        raise BadTiers(f"row {number} of the table of models is {row!r}, but must be an object")
    known = {entry.name: entry.default is MISSING for entry in fields(Tier)}
    for key in row:
        if key not in known:
            raise _bad(number, key, row[key], "left out: there is no such key")
    for key, is_needed in known.items():
        if is_needed and key not in row:
            raise BadTiers(f"row {number} of the table of models lacks {key}")
    for key, (low, high) in _BOUNDS.items():
        if type(row[key]) is not int or not low <= row[key] <= high:
            raise _bad(number, key, row[key], f"a whole number from {low} to {high}")
    if not isinstance(row["model"], str) or not row["model"].strip() or row["model"].startswith("-"):
        raise _bad(number, "model", row["model"], "a hub id or a path")
    if not isinstance(row.get("eager", False), bool):
        raise _bad(number, "eager", row["eager"], "true or false")
    return Tier(**row)


def _bad(number: int, key: str, value: object, rule: str) -> BadTiers:
    return BadTiers(f"{key} in row {number} of the table of models is {value!r}, but must be {rule}")
