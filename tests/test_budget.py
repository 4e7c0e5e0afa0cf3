"""What fits which card: invariants over all cards and tables, our table, nvidia-smi's odd answers."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from llm.budget import (
    GB,
    MOST_PERCENT,
    RESERVE_BYTES,
    SMALL_CONTEXT,
    TIERS,
    BadTiers,
    Plan,
    Tier,
    plan_for,
    tiers_from,
)
from llm.client import ModelUnusable
from llm.gpu import MIB, Card, cards_in, first_card

memory = st.integers(1, 200 * GB)


@st.composite
def tables(draw: st.DrawFn) -> tuple[Tier, ...]:
    """Any table that the setting may hold: contexts never fall, everything else may."""
    contexts = sorted(draw(st.lists(st.integers(2048, 200_000), min_size=1, max_size=6)))
    return tuple(
        Tier(
            f"model-{number}",
            weights_bytes=draw(st.integers(1, 100 * GB)),
            kv_bytes_per_token=draw(st.integers(1, 1_000_000)),
            context_tokens=context,
            whisper_bytes=draw(st.just(0) | st.integers(1, 10 * GB)),
            sequences=draw(st.integers(1, 64)),
            eager=draw(st.booleans()),
        )
        for number, context in enumerate(contexts)
    )


any_table = st.just(TIERS) | tables()


def plan_or_none(total: int, free: int, model: str, tiers: tuple[Tier, ...]) -> Plan | None:
    try:
        return plan_for(total, free, model, tiers)
    except ModelUnusable:
        return None


def row_of(plan: Plan, tiers: tuple[Tier, ...]) -> int:
    """The place in the table that a plan was made from."""
    return next(
        place
        for place, tier in enumerate(tiers)
        if (tier.model, tier.context_tokens) == (plan.model, plan.max_model_len)
    )


# -- invariants ----------------------------------------------------------------------------------------


@given(memory, memory, any_table)
@example(8188 * MIB, 7800 * MIB, TIERS)
@example(81559 * MIB, 81000 * MIB, TIERS)
def test_everyone_has_room(total: int, free: int, tiers: tuple[Tier, ...]) -> None:
    plan = plan_or_none(total, free, "", tiers)
    if plan is None:
        return
    tier = tiers[row_of(plan, tiers)]
    assert plan.gpu_memory_utilization == round(plan.gpu_memory_utilization, 2)
    share = round(plan.gpu_memory_utilization * 100) * total / 100
    taken_by_others = total - min(free, total)
    assert share + tier.whisper_bytes + RESERVE_BYTES + taken_by_others <= total
    overhead = GB * (1.6 if plan.eager else 2.5)
    assert tier.weights_bytes + tier.kv_bytes_per_token * plan.max_model_len + overhead <= share
    assert plan.sequential is (tier.whisper_bytes == 0)


@given(memory, memory, memory, memory, any_table, st.booleans())
def test_more_memory_never_gives_less(
    total: int, taken: int, more_total: int, given_back: int, tiers: tuple[Tier, ...], named: bool
) -> None:
    model = tiers[0].model if named else ""
    free, better_total = max(0, total - taken), total + more_total
    better_free = min(better_total, free + more_total + given_back)
    plan = plan_or_none(total, free, model, tiers)
    better = plan_or_none(better_total, better_free, model, tiers)
    if plan is not None:
        assert better is not None and better.max_model_len >= plan.max_model_len
        if not named:
            assert row_of(better, tiers) >= row_of(plan, tiers)


@given(memory, memory, any_table)
def test_a_model_of_unknown_size_leaves_the_same_room(total: int, free: int, tiers: tuple[Tier, ...]) -> None:
    free = min(free, total)
    plan = plan_or_none(total, free, "somebody/unheard-of", tiers)
    if plan is None:
        # Next to nothing would be left, even if Whisper's share were the largest.
        assert free < (4 + 10) * GB + RESERVE_BYTES
        return
    known = plan_or_none(total, free, "", tiers)
    whisper = 0 if known is None else tiers[row_of(known, tiers)].whisper_bytes
    assert plan.gpu_memory_utilization * total + whisper + RESERVE_BYTES <= free * (1 + 1e-9)
    assert plan.max_model_len is None and plan.gpu_memory_utilization <= MOST_PERCENT / 100


# -- the table -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("card", "total_mib", "expected"),
    [
        ("RTX 3070, 8 GB", 8192, Plan("Qwen/Qwen3-4B-AWQ", 0.65, 8192, 4, sequential=True, eager=True)),
        ("RTX 3060, 12 GB", 12288, Plan("Qwen/Qwen3-4B-AWQ", 0.6, 16384, 4, sequential=True, eager=False)),
        ("RTX 4080, 16 GB", 16376, Plan("Qwen/Qwen3-8B-AWQ", 0.65, 16384, 4, sequential=False, eager=False)),
        ("A10, 24 GB", 23028, Plan("Qwen/Qwen3-14B-AWQ", 0.75, 32768, 4, sequential=False, eager=False)),
        ("RTX 4090, 24 GB", 24564, Plan("Qwen/Qwen3-14B-AWQ", 0.7, 32768, 4, sequential=False, eager=False)),
        ("L40S, 48 GB", 46068, Plan("Qwen/Qwen3-32B-AWQ", 0.64, 32768, 8, sequential=False, eager=False)),
        ("H100, 80 GB", 81559, Plan("Qwen/Qwen3-32B-FP8", 0.54, 32768, 8, sequential=False, eager=False)),
    ],
)
def test_each_card_gets_its_model(card: str, total_mib: int, expected: Plan) -> None:
    assert plan_for(total_mib * MIB, (total_mib - 400) * MIB) == expected, card


def test_a_card_that_is_too_small_is_told_in_one_sentence() -> None:
    with pytest.raises(ModelUnusable) as failure:
        plan_for(4 * GB, 3 * GB)
    assert str(failure.value) == (
        "Qwen/Qwen3-4B-AWQ needs 6.5 GB of free GPU memory, and 3.0 of 4.0 GB are free"
    )


def test_what_others_hold_counts() -> None:
    assert plan_for(24 * GB, 24 * GB).model == "Qwen/Qwen3-14B-AWQ"
    assert plan_for(24 * GB, 17 * GB).model == "Qwen/Qwen3-8B-AWQ"
    assert plan_for(24 * GB, 10 * GB).model == "Qwen/Qwen3-4B-AWQ"


def test_a_named_model_is_taken_as_it_is_named() -> None:
    named = plan_for(80 * GB, 79 * GB, "Qwen/Qwen3-8B-AWQ")
    assert named == Plan("Qwen/Qwen3-8B-AWQ", 0.14, 16384, 4, sequential=False, eager=False)
    folder = plan_for(24 * GB, 24 * GB, "/models/qwen3-14b-awq/")
    assert (folder.model, folder.max_model_len) == ("/models/qwen3-14b-awq/", 32768)


def test_a_named_model_makes_do_with_less_before_it_is_refused() -> None:
    named = "Qwen/Qwen3-8B-AWQ"
    assert not plan_for(16 * GB, 16 * GB, named).sequential
    alone = plan_for(16 * GB, 13 * GB, named)
    assert (alone.sequential, alone.max_model_len, alone.eager) == (True, 16384, False)
    small = plan_for(12 * GB, 11 * GB, named)
    assert (small.sequential, small.max_model_len, small.eager) == (True, SMALL_CONTEXT, True)
    with pytest.raises(ModelUnusable, match=r"Qwen3-8B-AWQ needs 10\.0 GB of free GPU memory, and 8\.0 of 8"):
        plan_for(8 * GB, 8 * GB, named)


def test_an_unknown_model_is_tried_with_what_is_left() -> None:
    assert plan_for(25 * GB, 25 * GB, "me/mine") == Plan(
        "me/mine", 0.8, None, 4, sequential=False, eager=False
    )
    assert plan_for(6 * GB, 6 * GB, "me/mine") == Plan("me/mine", 0.83, None, 4, sequential=True, eager=True)
    with pytest.raises(ModelUnusable, match=r"2\.0 GB of GPU memory are left for me/mine"):
        plan_for(4 * GB, 3 * GB, "me/mine")


# -- the table as a setting ----------------------------------------------------------------------------


@given(any_table)
def test_a_table_survives_being_a_setting(tiers: tuple[Tier, ...]) -> None:
    assert tiers_from(json.dumps([asdict(tier) for tier in tiers])) == tiers


def test_no_table_means_ours() -> None:
    assert tiers_from(" \n") is TIERS


GOOD = asdict(TIERS[2])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"weights_bytes": 0},
            "weights_bytes in row 2 of the table of models is 0, but must be a whole number",
        ),
        (
            {"weights_bytes": 6.2e9},
            "weights_bytes in row 2 of the table of models is 6200000000.0, but must be",
        ),
        ({"context_tokens": "16k"}, "context_tokens in row 2 of the table of models is '16k', but must be"),
        (
            {"context_tokens": 4096},
            "context_tokens in row 2 of the table of models is 4096, but must be at least",
        ),
        (
            {"sequences": True},
            "sequences in row 2 of the table of models is True, but must be a whole number",
        ),
        ({"whisper_bytes": -1}, "whisper_bytes in row 2 of the table of models is -1, but must be"),
        ({"model": " "}, "model in row 2 of the table of models is ' ', but must be a hub id or a path"),
        ({"model": "--port"}, "model in row 2 of the table of models is '--port', but must be"),
        ({"eager": 1}, "eager in row 2 of the table of models is 1, but must be true or false"),
        ({"colour": "red"}, "colour in row 2 of the table of models is 'red', but must be left out"),
    ],
)
def test_a_bad_value_is_refused_by_its_name(change: dict[str, object], message: str) -> None:
    with pytest.raises(BadTiers) as failure:
        tiers_from(json.dumps([GOOD, GOOD | change]))
    assert str(failure.value).startswith(message)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "no JSON"),
        ("[" * 100_000, "no JSON"),
        ("[]", "a list of at least one"),
        ('{"model": "a"}', "a list of at least one"),
        ("[3]", "row 1 of the table of models is 3, but must be an object"),
        ('[{"model": "a"}]', "row 1 of the table of models lacks weights_bytes"),
    ],
)
def test_what_is_no_table_is_refused(text: str, message: str) -> None:
    with pytest.raises(BadTiers) as failure:
        tiers_from(text)
    assert message in str(failure.value)


def test_eager_may_be_left_out() -> None:
    row = {key: value for key, value in GOOD.items() if key != "eager"}
    assert tiers_from(json.dumps([row])) == (replace(TIERS[2], eager=False),)


# -- nvidia-smi ----------------------------------------------------------------------------------------


def card(name: str, total_mib: int, free_mib: int, driver: str) -> Card:
    return Card(name, total_mib * MIB, free_mib * MIB, driver)


@pytest.mark.parametrize(
    ("text", "cards"),
    [
        (
            "81559, 81003, NVIDIA H100 80GB HBM3, 580.65.06\n",
            [card("NVIDIA H100 80GB HBM3", 81559, 81003, "580.65.06")],
        ),
        (
            "24564, 100, A, 580\n8192, 8000, B, 580\n",
            [card("A", 24564, 100, "580"), card("B", 8192, 8000, "580")],
        ),
        ("[N/A], [N/A], NVIDIA GB10, 580.95.05\n", []),
        ("[N/A], [N/A], NVIDIA GB10, 580\n8192, 8000, B, 580\n", [card("B", 8192, 8000, "580")]),
        ("24564, [Insufficient Permissions], A, 580", []),
        ("24564 MiB, 24000 MiB, A, 580", [card("A", 24564, 24000, "580")]),
        ("24564, 0, A, 580", [card("A", 24564, 0, "580")]),
        ("24564, 99999, A, 580", [card("A", 24564, 24564, "580")]),
        ("24564, 24000, Quadro, special, 580", [card("Quadro, special", 24564, 24000, "580")]),
        ("0, 0, A, 580", []),
        ("-5, 3, A, 580", []),
        ("²⁴, 3, A, 580", []),
        ("24564.5, 3, A, 580", []),
        ("No devices were found\n", []),
        ("24564", []),
        ("", []),
    ],
)
def test_cards_are_read_from_odd_answers(text: str, cards: list[Card]) -> None:
    assert cards_in(text) == cards


@given(st.text())
def test_no_answer_breaks_the_reading(text: str) -> None:
    assert all(0 <= card.free_bytes <= card.total_bytes for card in cards_in(text))


def program(folder: Path, script: str) -> tuple[str, ...]:
    path = folder / "nvidia-smi"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return (str(path),)


def test_the_first_card_counts(tmp_path: Path) -> None:
    wanted = "*memory.total,memory.free,name,driver_version*csv,noheader,nounits"
    asked = f'case "$1 $2" in {wanted}) ;; *) exit 9;; esac'
    smi = program(tmp_path, f"{asked}\necho '24564, 24000, A, 580'; echo '8192, 8000, B, 580'")
    assert first_card(smi) == card("A", 24564, 24000, "580")


@pytest.mark.parametrize(
    ("script", "why"),
    [
        (
            "echo NVIDIA-SMI has failed because it cannot talk to the driver; exit 9",
            "NVIDIA-SMI has failed because",
        ),
        ("exit 6", "nvidia-smi ended with 6"),
        ("kill -SEGV $$", "nvidia-smi ended with -11"),
        ("echo No devices were found", "names no card that tells its memory"),
        ("printf '\\377\\376'", "names no card that tells its memory"),
    ],
)
def test_no_card_is_told_with_its_reason(tmp_path: Path, script: str, why: str) -> None:
    with pytest.raises(ModelUnusable, match=r"^no GPU: ") as failure:
        first_card(program(tmp_path, script))
    assert why in str(failure.value)


def test_nvidia_smi_may_be_missing(tmp_path: Path) -> None:
    with pytest.raises(ModelUnusable, match=r"^no GPU: nvidia-smi cannot be started \(No such file"):
        first_card((str(tmp_path / "nvidia-smi"),))


def test_nvidia_smi_may_hang(tmp_path: Path) -> None:
    began = time.monotonic()
    with pytest.raises(ModelUnusable, match=r"no GPU: nvidia-smi did not answer within 0\.2 s"):
        first_card(program(tmp_path, "sleep 30"), timeout_s=0.2)
    assert time.monotonic() - began < 3
