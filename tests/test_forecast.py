"""What a job will take, and what is learned from what it took."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.jobs import progress
from node.jobs.forecast import (
    LEAST,
    MOST,
    Rates,
    forecast,
    learned,
    learned_from,
    load_rates,
    receipt,
    save_rates,
    usual_stage_s,
)
from node.records import JobRequest, JobStatus, Probed

REQUEST = JobRequest("/films/a.mp4", "a.mp4", count=2, min_ms=20_000, max_ms=30_000)
TALK = Probed(269_000, 640, 360)


def test_the_sample_takes_about_as_long_as_it_was_measured():
    made = forecast(TALK, replace(REQUEST, count=3, min_ms=30_000, max_ms=45_000), Rates(), 3.6)
    assert 25 < made.stage_s["TRANSCRIPT"] < 48, "alone on the machine, and with other work beside it"
    assert 52 < made.stage_s["RENDER"] < 110
    assert made.usd == pytest.approx(made.total_s / 1000, rel=1e-3)
    assert list(made.stage_s) == list(progress.STAGES)


def test_own_subtitles_make_it_quick_and_a_link_makes_it_longer(tmp_path):
    plain = forecast(TALK, REQUEST, Rates(), None)
    own = forecast(TALK, replace(REQUEST, transcript=tmp_path / "own.srt"), Rates(), None)
    link = forecast(TALK, replace(REQUEST, source="https://films.example/a"), Rates(), None)
    assert own.stage_s["TRANSCRIPT"] < plain.stage_s["TRANSCRIPT"] / 4
    assert link.stage_s["DOWNLOAD"] > plain.stage_s["DOWNLOAD"] and plain.usd is None


def test_no_more_is_rendered_than_the_film_has():
    short = forecast(Probed(20_000, 1, 1), replace(REQUEST, count=5), Rates(), None)
    assert short.stage_s["RENDER"] == pytest.approx(20 * Rates().render_per_clip_s)


def test_a_machine_that_is_twice_as_fast_is_soon_known_as_such():
    rates, true = Rates(), {"TRANSCRIPT": 24_000, "RENDER": 40_000}
    before = forecast(TALK, REQUEST, rates, None)
    for _ in range(8):
        rates = learned(rates, REQUEST, TALK.duration_ms, true)
    after = forecast(TALK, REQUEST, rates, None)
    assert after.stage_s["TRANSCRIPT"] == pytest.approx(24, rel=0.05)
    assert after.stage_s["RENDER"] == pytest.approx(40, rel=0.05)
    assert after.stage_s["DOWNLOAD"] == before.stage_s["DOWNLOAD"]
    assert rates.own_transcript_per_film_min == Rates().own_transcript_per_film_min


def test_the_first_job_on_a_machine_counts_most():
    once = learned(Rates(), REQUEST, TALK.duration_ms, {"RENDER": 400_000})
    assert forecast(TALK, REQUEST, once, None).stage_s["RENDER"] == pytest.approx(328, rel=0.02)
    twice = learned(once, REQUEST, TALK.duration_ms, {"RENDER": 40_000})
    assert forecast(TALK, REQUEST, twice, None).stage_s["RENDER"] == pytest.approx(213, rel=0.02)


@given(st.integers(0, 10**9), st.dictionaries(st.sampled_from(progress.STAGES), st.integers(0, 10**10)))
def test_one_odd_job_spoils_no_rate(duration_ms, wall_ms):
    rates = learned(Rates(), REQUEST, duration_ms, wall_ms)
    assert all(LEAST <= getattr(rates, field.name) <= MOST for field in fields(rates))
    assert forecast(Probed(duration_ms, 0, 0), REQUEST, rates, 1.0).total_s >= 0


def finished(*events):
    request = replace(REQUEST, forecast=forecast(TALK, REQUEST, Rates(), None))
    state = progress.started(progress.begin(request, "kk_1", 0.0), 10.0)
    for event in (*events, {"event": "Done", "clips": []}):
        state = progress.after(state, event, 110.0)
    return state


def test_a_receipt_says_how_far_the_forecast_was_off():
    state = finished()
    made = receipt(state, 36.0)
    assert made.wall_s == 100 and made.usd == pytest.approx(1.0)
    assert made.off_by == pytest.approx(100 / state.forecast.total_s - 1, abs=1e-3)
    assert receipt(progress.begin(REQUEST, "kk_1", 0.0), None) is None


def test_a_stage_taken_over_teaches_nothing_and_leaves_the_receipt_without_a_comparison():
    walls = {"stage": "TRANSCRIPT", "fraction": 1.0, "elapsed_ms": 1000}
    whole = finished({"event": "StageStarted", "stage": "TRANSCRIPT"}, {"event": "Progress", **walls})
    assert learned_from(Rates(), whole).recognise_per_film_min < Rates().recognise_per_film_min
    part = finished(
        {"event": "StageStarted", "stage": "TRANSCRIPT", "resumed": True}, {"event": "Progress", **walls}
    )
    assert learned_from(Rates(), part) == Rates() and receipt(part, None).off_by is None
    failed = replace(whole, status=JobStatus.FAILED)
    assert learned_from(Rates(), failed) == Rates()


def test_rates_are_kept_and_a_broken_file_is_named(tmp_path):
    path = tmp_path / "rates.json"
    assert load_rates(path) == Rates()
    rates = replace(Rates(), chunk_per_job=0.25)
    save_rates(path, rates)
    assert load_rates(path) == rates
    for text in ("{half", "{}", "[]", '{"rates": {"chunk_per_job": 0}}', '{"rates": {"chunk_per_job": NaN}}'):
        path.write_text(text)
        with pytest.raises(ValueError):
            load_rates(path)


def test_without_a_film_the_stages_still_have_weights():
    assert sum(usual_stage_s(REQUEST).values()) > 0
