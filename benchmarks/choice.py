"""How well a chooser finds what people marked: five clips of 27–45 s from each of many real meetings.

    python -m benchmarks.choice FOLDER_OF_DA_FILES [--chooser heuristic|model] [--learn-on AMI|ICSI] [--json]

A meeting's score is the share of the chosen windows' words that lie in acts which people took into
their summary; the score is the mean over the meetings. A chooser sees words and times alone: no
speakers, no sound. The model is the one that LLM_API_BASE and LLM_MODEL_NAME name. `--learn-on` has the
heuristic use what is learnt from one corpus of the given meetings, to be judged on the other.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import mean
from typing import Any

from benchmarks.learn_worth import learn
from benchmarks.meetings import Meeting, as_transcript, read_meetings
from llm.choose import choose
from llm.heuristic import choose_heuristic
from llm.worth import Weights
from pipeline.chunking import chunk
from pipeline.options import ModelOptions
from pipeline.records import Choice, Wish
from settings import NodeSettings

CLIPS = 5
MIN_MS, MAX_MS = 27_000, 45_000
EDGE_ROOM_MS = 400  # the choosers leave this much below the longest clip for lead-in and lead-out

Window = tuple[int, int]
Chooser = Callable[[Meeting], Sequence[Window]]


# -- choosers -------------------------------------------------------------------------------------


def _wish(meeting: Meeting) -> Wish:
    return Wish(source=meeting.name, count=CLIPS, min_ms=MIN_MS, max_ms=MAX_MS + EDGE_ROOM_MS)


def _first(choice: Choice) -> Sequence[Window]:
    return [(pick.first, pick.last) for pick in choice.picks[:CLIPS]]


def by_heuristic(meeting: Meeting, weights: Weights | None = None) -> Sequence[Window]:
    return _first(choose_heuristic(as_transcript(meeting), _wish(meeting), weights=weights))


def by_model(meeting: Meeting, options: ModelOptions) -> Sequence[Window]:
    transcript = as_transcript(meeting)
    return _first(choose(transcript, chunk(transcript.sentences), _wish(meeting), options))


def all_windows(meeting: Meeting) -> list[Window]:
    """Every stretch of whole acts that is as long as a clip."""
    acts = meeting.acts
    found = []
    for first in range(len(acts)):
        last = first
        while last < len(acts) and acts[last].end_ms - acts[first].start_ms <= MAX_MS:
            if acts[last].end_ms - acts[first].start_ms >= MIN_MS:
                found.append((first, last))
            last += 1
    return found


def _apart(ranked: Sequence[Window]) -> list[Window]:
    taken: list[Window] = []
    for first, last in ranked:
        if all(last < a or first > b for a, b in taken):
            taken.append((first, last))
        if len(taken) == CLIPS:
            break
    return taken


def by_chance(meeting: Meeting) -> Sequence[Window]:
    windows = all_windows(meeting)
    random.Random(meeting.name).shuffle(windows)
    return _apart(windows)


def by_longest_acts(meeting: Meeting) -> Sequence[Window]:
    """The windows whose words lie in the longest acts."""

    def rank(window: Window) -> tuple[float, Window]:
        sizes = [len(act.words) for act in meeting.acts[window[0] : window[1] + 1]]
        return -sum(size * size for size in sizes) / sum(sizes), window

    return _apart(sorted(all_windows(meeting), key=rank))


def by_oracle(meeting: Meeting) -> Sequence[Window]:
    """The greedy choice that sees the marks."""
    return _apart(sorted(all_windows(meeting), key=lambda window: (-score(meeting, [window]), window)))


# -- scores ---------------------------------------------------------------------------------------


def score(meeting: Meeting, windows: Sequence[Window]) -> float:
    """The share of the windows' words that lie in chosen acts; nothing chosen scores 0."""
    acts = [act for first, last in windows for act in meeting.acts[first : last + 1]]
    words = sum(len(act.words) for act in acts)
    return sum(len(act.words) for act in acts if act.chosen) / words if words else 0.0


@dataclass(frozen=True, slots=True)
class Measured:
    """Mean score over the meetings and the seconds it took."""

    score: float
    seconds: float


def measured(meetings: Sequence[Meeting], chooser: Chooser) -> Measured:
    """Raises ValueError when there are no meetings."""
    if not meetings:
        raise ValueError("there are no meetings to choose from; name a folder of .da files")
    began = time.perf_counter()
    scores = [score(meeting, chooser(meeting)) for meeting in meetings]
    return Measured(round(mean(scores), 3), round(time.perf_counter() - began, 2))


def report(meetings: Sequence[Meeting], chooser: Chooser) -> dict[str, Any]:
    """One JSON object: the chooser's score beside chance, the longest acts and the oracle."""
    found = measured(meetings, chooser)
    return {
        "meetings": len(meetings),
        "score": found.score,
        "random": measured(meetings, by_chance).score,
        "longest_acts": measured(meetings, by_longest_acts).score,
        "oracle": measured(meetings, by_oracle).score,
        "seconds": found.seconds,
    }


def by_corpus(meetings: Sequence[Meeting]) -> dict[str, Any]:
    """The shipped weights on all meetings of each corpus, and each corpus with the other's weights."""
    corpora = {corpus: [m for m in meetings if m.corpus == corpus] for corpus in ("AMI", "ICSI")}
    found: dict[str, Any] = {}
    for corpus, other in (("AMI", "ICSI"), ("ICSI", "AMI")):
        if corpora[corpus]:
            found[corpus] = report(corpora[corpus], by_heuristic)
        if corpora[corpus] and corpora[other]:
            transferred = partial(by_heuristic, weights=learn(corpora[other]))
            found[corpus][f"score_learnt_on_{other}"] = measured(corpora[corpus], transferred).score
    return found


def table(found: dict[str, Any]) -> Iterator[str]:
    """The same as lines of a Markdown table."""
    yield "| | meetings | heuristic | learnt on the other corpus | random | longest acts | oracle |"
    yield "|---|---|---|---|---|---|---|"
    for corpus, row in found.items():
        transferred = next((row[key] for key in row if key.startswith("score_learnt_on")), "")
        yield (
            f"| {corpus} | {row['meetings']} | {row['score']} | {transferred} | {row['random']} "
            f"| {row['longest_acts']} | {row['oracle']} |"
        )


def _chooser(asked: argparse.Namespace, meetings: Sequence[Meeting]) -> Chooser:
    if asked.chooser == "model":
        settings = NodeSettings.from_env()
        options = ModelOptions(settings.llm_api_base, settings.llm_model_name, settings.llm_api_key)
        return partial(by_model, options=options)
    if asked.learn_on:
        return partial(by_heuristic, weights=learn([m for m in meetings if m.corpus == asked.learn_on]))
    return by_heuristic


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.choice", description="Score a chooser against people's own marks."
    )
    parser.add_argument("meetings", type=Path, help="a folder of .da files, or a tar archive of them")
    parser.add_argument("--chooser", choices=("heuristic", "model"), default="heuristic")
    parser.add_argument("--learn-on", choices=("AMI", "ICSI"), help="judge on the other corpus")
    parser.add_argument("--corpora", action="store_true", help="a table by corpus, with both directions")
    parser.add_argument("--json", action="store_true", help="one JSON object and nothing else")
    asked = parser.parse_args()
    try:
        meetings = read_meetings(asked.meetings)
        if asked.corpora:
            print("\n".join(table(by_corpus(meetings))))
            return
        judged = [m for m in meetings if m.corpus != asked.learn_on]
        found = report(judged, _chooser(asked, meetings))
    except (OSError, ValueError) as exc:
        parser.error(str(exc))
    print(json.dumps(found) if asked.json else json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
