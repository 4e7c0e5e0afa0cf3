"""How well a chooser finds what people marked: five clips of 27–45 s from each of 170 real meetings.

    python -m benchmarks.choice_score [--chooser heuristic|longest|random] [--meetings FILE.tar.xz]

A meeting's score is the share of the chosen windows' words that lie in acts which people took into
their summary; a corpus's score is the mean over its meetings. The chooser sees words and times alone:
no speakers, no sound. Prints JSON.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import tarfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

from llm.heuristic import choose_heuristic
from pipeline.records import MadeBy, Sentence, Sound, Span, Transcript, Wish, Word

DEFAULT_MEETINGS = (
    Path(__file__).resolve().parents[2] / "shared" / "media" / "highlights" / "ami_icsi_dev.tar.xz"
)
CLIPS = 5
MIN_MS, MAX_MS = 27_000, 45_000
EDGE_ROOM_MS = 400  # the choosers leave this much below the longest clip for lead-in and lead-out

# AMI names look like ES2002a, ICSI names like Bed002.
_AMI_NAME = re.compile(r"^[A-Z]{2}\d{4}[a-d]$")
_MARK = re.compile(r"\{[^}]*\}")


@dataclass(frozen=True, slots=True)
class Act:
    """One line of a meeting: who said what when, and whether people took it into the summary."""

    start_ms: int
    end_ms: int
    speaker: str
    chosen: bool
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Meeting:
    name: str
    acts: tuple[Act, ...]

    @property
    def corpus(self) -> str:
        return "AMI" if _AMI_NAME.match(self.name) else "ICSI"


Window = tuple[int, int]
Chooser = Callable[[Meeting], Sequence[Window]]


def read_meetings(archive: Path) -> Iterator[Meeting]:
    with tarfile.open(archive) as tar:
        for member in sorted(tar, key=lambda each: each.name):
            stream = tar.extractfile(member) if member.isfile() else None
            if stream is not None and member.name.endswith(".da"):
                lines = stream.read().decode("utf-8", "replace").splitlines()
                yield Meeting(Path(member.name).stem, tuple(_acts(lines)))


def _acts(lines: list[str]) -> list[Act]:
    acts = []
    for line in lines:
        _, start, end, speaker, _, _, mark, _, text = line.split("\t", 8)
        words = tuple(word for word in _MARK.sub(" ", text).split() if any(c.isalnum() for c in word))
        if words:
            start_ms, end_ms = round(float(start) * 1000), round(float(end) * 1000)
            acts.append(Act(start_ms, max(start_ms + 1, end_ms), speaker, mark == "+1", words))
    return sorted(acts, key=lambda act: (act.start_ms, act.end_ms))


def as_transcript(meeting: Meeting) -> Transcript:
    """The meeting as the product would hear it: one stream of sentences, nobody named."""
    sentences = []
    for number, act in enumerate(meeting.acts):
        step = (act.end_ms - act.start_ms) / len(act.words)
        words = tuple(
            Word(round(act.start_ms + i * step), round(act.start_ms + (i + 1) * step), text)
            for i, text in enumerate(act.words)
        )
        sentences.append(Sentence(number, act.start_ms, act.end_ms, " ".join(act.words), words))
    speech = tuple(Span(act.start_ms, act.end_ms) for act in meeting.acts)
    return Transcript("en", tuple(sentences), speech, Sound(100, ()), MadeBy("meeting"), punctuated=True)


def by_heuristic(meeting: Meeting) -> Sequence[Window]:
    wish = Wish(source=meeting.name, count=CLIPS, min_ms=MIN_MS, max_ms=MAX_MS + EDGE_ROOM_MS)
    choice = choose_heuristic(as_transcript(meeting), wish)
    return [(pick.first, pick.last) for pick in choice.picks[:CLIPS]]


def all_windows(meeting: Meeting) -> list[Window]:
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
    """The baseline that knows the speakers: windows that hold the longest unbroken acts."""
    length = [(act.end_ms - act.start_ms) ** 2 for act in meeting.acts]
    ranked = sorted(all_windows(meeting), key=lambda w: (-sum(length[w[0] : w[1] + 1]), w))
    return _apart(ranked)


CHOOSERS: dict[str, Chooser] = {
    "heuristic": by_heuristic,
    "longest": by_longest_acts,
    "random": by_chance,
}


def score(meeting: Meeting, windows: Sequence[Window]) -> float:
    """The share of the windows' words that lie in chosen acts; nothing chosen scores 0."""
    acts = [act for first, last in windows for act in meeting.acts[first : last + 1]]
    words = sum(len(act.words) for act in acts)
    return sum(len(act.words) for act in acts if act.chosen) / words if words else 0.0


def measure(meetings: Sequence[Meeting], chooser: Chooser) -> dict[str, object]:
    began = time.perf_counter()
    scores: dict[str, list[float]] = {}
    found = 0
    for meeting in meetings:
        windows = chooser(meeting)
        found += len(windows)
        scores.setdefault(meeting.corpus, []).append(score(meeting, windows))
    result: dict[str, object] = {
        corpus: {"meetings": len(values), "score": round(mean(values), 3)}
        for corpus, values in sorted(scores.items())
    }
    return result | {"windows": found, "seconds": round(time.perf_counter() - began, 2)}


def main() -> None:
    parser = argparse.ArgumentParser(description="Score a chooser against people's own marks.")
    parser.add_argument("--meetings", type=Path, default=DEFAULT_MEETINGS)
    parser.add_argument("--chooser", choices=sorted(CHOOSERS), default="heuristic")
    asked = parser.parse_args()
    if not asked.meetings.is_file():
        parser.error(f"{asked.meetings} is not there; give the meetings with --meetings FILE.tar.xz")
    result = measure(list(read_meetings(asked.meetings)), CHOOSERS[asked.chooser])
    print(json.dumps({"benchmark": "choice", "chooser": asked.chooser, **result}, indent=2))


if __name__ == "__main__":
    main()
