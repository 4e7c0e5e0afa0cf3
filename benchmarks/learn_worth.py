"""Learns what sentences are worth to people from marked meetings; writes llm/weights/worth.json.

    python -m benchmarks.learn_worth [--meetings FOLDER_OR_ARCHIVE] [--corpus AMI|ICSI|both] [--out FILE]

Ridge logistic regression by Newton's method, each act weighted by its words. Part of an act's target is
what its surroundings were marked: clips are made of neighbours.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from benchmarks.meetings import GIVEN, Meeting, as_transcript, read_meetings
from llm.features import sentence_vectors
from llm.terms import words_of
from llm.worth import MEASURES, WEIGHTS_FILE, Floats, Weights, around, measures
from pipeline.workspace import write_json

IN_MEETINGS = 0.6
"""Share of each corpus's meetings that a word must occur in: what people speak of stays out."""
RIDGE = 400.0
OWN = 0.6
REACH = 6
STEPS = 8


def learn(meetings: Sequence[Meeting]) -> Weights:
    """Weights from these meetings. Raises ValueError when there are none."""
    if not meetings:
        raise ValueError("there are no meetings to learn from")
    vocabulary = _vocabulary(meetings)
    place = {word: len(MEASURES) + 1 + i for i, word in enumerate(vocabulary)}
    rows, targets, sizes = [], [], []
    for meeting in meetings:
        table, target, words = _table(meeting, place)
        rows.append(table)
        targets.append(target)
        sizes.append(words)
    fitted = _fit(np.concatenate(rows), np.concatenate(targets), np.concatenate(sizes))
    measured = dict(zip(MEASURES, (round(float(w), 4) for w in fitted[1 : len(MEASURES) + 1]), strict=True))
    words = {word: round(float(fitted[at]), 3) for word, at in place.items()}
    corpora = Counter(meeting.corpus for meeting in meetings)
    learnt_on = " and ".join(f"{count} meetings of {corpus}" for corpus, count in sorted(corpora.items()))
    return Weights(learnt_on, round(float(fitted[0]), 4), measured, {w: v for w, v in words.items() if v})


def _vocabulary(meetings: Sequence[Meeting]) -> list[str]:
    corpora: dict[str, list[set[str]]] = {}
    for meeting in meetings:
        said = {word for act in meeting.acts for word in words_of(" ".join(act.words))}
        corpora.setdefault(meeting.corpus, []).append(said)
    common = [
        {
            word
            for word, count in Counter(w for said in all_said for w in said).items()
            if count > IN_MEETINGS * len(all_said)
        }
        for all_said in corpora.values()
    ]
    return sorted(set.intersection(*common))


def _table(meeting: Meeting, place: dict[str, int]) -> tuple[np.ndarray, Floats, Floats]:
    transcript = as_transcript(meeting)
    spoken = [words_of(sentence.text) for sentence in transcript.sentences]
    start = np.array([act.start_ms for act in meeting.acts], dtype=np.int64)
    end = np.array([act.end_ms for act in meeting.acts], dtype=np.int64)
    found = measures(start, end, spoken, sentence_vectors(transcript), "en")
    table = np.zeros((len(spoken), 1 + len(MEASURES) + len(place)), dtype=np.float32)
    table[:, 0] = 1
    table[:, 1 : 1 + len(MEASURES)] = np.stack([found[name] for name in MEASURES], axis=1)
    for row, words in enumerate(spoken):
        for word in words:
            if word in place:
                table[row, place[word]] = 1
    size = np.array([len(act.words) for act in meeting.acts], dtype=np.float64)
    chosen = np.array([act.chosen for act in meeting.acts], dtype=np.float64)
    return table, OWN * chosen + (1 - OWN) * around(chosen, size, REACH), size


def _fit(table: np.ndarray, target: Floats, size: Floats) -> Floats:
    weights = np.zeros(table.shape[1])
    penalty = np.full(table.shape[1], RIDGE)
    penalty[0] = 0.0
    for _ in range(STEPS):
        chance = 1 / (1 + np.exp(-(table @ weights)))
        slope = table.T @ (size * (chance - target)) + penalty * weights
        curve = np.diag(penalty)
        for part in np.array_split(np.arange(len(table)), 40):
            rows = table[part]
            curve += rows.T @ (rows * (size * chance * (1 - chance))[part, None])
        weights -= np.linalg.solve(curve, slope)
    return weights


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--meetings", type=Path, default=GIVEN)
    parser.add_argument("--corpus", choices=("AMI", "ICSI", "both"), default="both")
    parser.add_argument("--out", type=Path, default=WEIGHTS_FILE)
    asked = parser.parse_args()
    meetings = [m for m in read_meetings(asked.meetings) if asked.corpus in ("both", m.corpus)]
    write_json(asked.out, {"schema": "kangklip/worth/1", **asdict(learn(meetings))})
    print(f"{asked.out}: learnt on {json.loads(asked.out.read_text())['learnt_on']}")


if __name__ == "__main__":
    main()
