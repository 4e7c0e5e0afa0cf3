"""What a job will take, what it took, and what the next forecast learns from that. Pure.

The first rates are for a machine with 2 CPU cores, no GPU, no weights of a larger recogniser and no
chooser model. They were measured on the sample talk (4:29 min) with the settings as they come, alone on
the machine: recognising 25 s (own subtitles: 6.7 s), 3 clips of together 96 s rendered in 52 s,
choosing 0.1 s, storing 0.2 s. With other work beside it all took twice as long, so they lie between.
What a link takes is a guess. After each job they move towards what this machine really takes.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

from node.records import Forecast, JobRequest, JobState, JobStatus, Probed, Receipt
from pipeline.records import Ms, Stage
from pipeline.workspace import from_json, write_json

WEIGHT, FIRST_WEIGHT = 0.4, 0.8
"""Of the newest job in the moving average, and of the first one, which is the first from this machine."""
LEAST, MOST = 1e-4, 1e4
"""Bounds of any rate, so that one odd job can't spoil the forecasts."""
USUAL_FILM_MS: Ms = 10 * 60_000
"""For the weights of the stages while the length of the film is not known."""


@dataclass(frozen=True, slots=True)
class Rates:
    """Wall seconds of each stage: per minute of film, per second of finished clip, or per job."""

    file_per_film_min: float = 0.12
    link_per_film_min: float = 3.0
    recognise_per_film_min: float = 7.5
    own_transcript_per_film_min: float = 1.5
    chunk_per_job: float = 0.05
    select_per_film_min: float = 0.03
    render_per_clip_s: float = 0.8
    upload_per_job: float = 0.3


def forecast(probed: Probed, request: JobRequest, rates: Rates, price_per_hour_usd: float | None) -> Forecast:
    """Seconds for each stage of the job that is asked for, and its price where there is one."""
    stage_s = {
        stage: _amount(field, request, probed.duration_ms) * getattr(rates, field)
        for stage, field in _fields_of(request).items()
    }
    return Forecast(probed.duration_ms, stage_s, _usd(sum(stage_s.values()), price_per_hour_usd))


def usual_stage_s(request: JobRequest) -> Mapping[str, float]:
    """Weights of the stages when nothing is known of the film."""
    return forecast(Probed(USUAL_FILM_MS, 0, 0), request, Rates(), None).stage_s


def learned(rates: Rates, request: JobRequest, duration_ms: Ms, wall_ms: Mapping[str, Ms]) -> Rates:
    """The rates after a job of that length took `wall_ms` in the stages that it really did."""
    for stage, field in _fields_of(request).items():
        amount = _amount(field, request, duration_ms)
        if stage in wall_ms and wall_ms[stage] > 0 and amount > 0:
            measured = max(LEAST, min(MOST, wall_ms[stage] / 1000 / amount))
            known = getattr(rates, field)
            weight = FIRST_WEIGHT if known == getattr(Rates(), field) else WEIGHT
            rates = replace(rates, **{field: (1 - weight) * known + weight * measured})
    return rates


def learned_from(rates: Rates, state: JobState) -> Rates:
    """The rates after a finished job; stages taken over from an earlier run teach nothing."""
    if state.status is not JobStatus.SUCCEEDED or state.forecast is None or state.shortfall:
        return rates
    wall_ms = {view.stage: view.wall_ms for view in state.stages if view.status == "done"}
    return learned(rates, state.request, state.forecast.duration_ms, wall_ms)


def receipt(state: JobState, price_per_hour_usd: float | None) -> Receipt | None:
    """What the last run of an ended job took; None for a job that never ran.

    `off_by` is given for a whole run only: one that ended well and took nothing over.
    """
    if state.started is None or state.ended is None:
        return None
    wall_s = max(0.0, state.ended - state.started)
    expected = state.forecast.total_s if state.forecast else None
    whole = state.status is JobStatus.SUCCEEDED and all(v.status != "resumed" for v in state.stages)
    off_by = round(wall_s / expected - 1, 3) if whole and expected else None
    return Receipt(round(wall_s, 3), _usd(wall_s, price_per_hour_usd), expected, off_by)


# -- kept between sessions ------------------------------------------------------------------------


def load_rates(path: Path) -> Rates:
    """The kept rates, or the first ones when there are none. Raises ValueError for an unusable file."""
    try:
        rates = from_json(Rates, json.loads(path.read_bytes())["rates"])
    except FileNotFoundError:
        return Rates()
    except (KeyError, TypeError) as exc:
        raise ValueError(f"{path.name} is no file of rates") from exc
    for field in fields(rates):
        value = getattr(rates, field.name)
        if not (math.isfinite(value) and LEAST <= value <= MOST):
            raise ValueError(f"{path.name}: {field.name} is {value}, expected {LEAST:g} to {MOST:g}")
    return rates


def save_rates(path: Path, rates: Rates) -> None:
    write_json(path, {"schema": "kangklip/rates/1", "rates": asdict(rates)})


# -- which rate counts for what -------------------------------------------------------------------


def _fields_of(request: JobRequest) -> Mapping[str, str]:
    link = request.source.startswith(("http://", "https://"))
    return {
        Stage.DOWNLOAD.value: "link_per_film_min" if link else "file_per_film_min",
        Stage.TRANSCRIPT.value: (
            "own_transcript_per_film_min" if request.transcript else "recognise_per_film_min"
        ),
        Stage.CHUNK.value: "chunk_per_job",
        Stage.SELECT.value: "select_per_film_min",
        Stage.RENDER.value: "render_per_clip_s",
        Stage.UPLOAD.value: "upload_per_job",
    }


def _amount(field: str, request: JobRequest, duration_ms: Ms) -> float:
    if field.endswith("_per_job"):
        return 1.0
    if field.endswith("_per_clip_s"):
        # Clips end where a sentence ends: anywhere between the bounds.
        usual = (request.min_ms + request.max_ms) / 2
        return min(request.count * usual, duration_ms) / 1000
    return duration_ms / 60_000


def _usd(wall_s: float, price_per_hour_usd: float | None) -> float | None:
    return None if price_per_hour_usd is None else round(wall_s / 3600 * price_per_hour_usd, 6)
