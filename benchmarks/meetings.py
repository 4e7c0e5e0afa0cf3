"""Real meetings with people's marks, read from AMI's and ICSI's dialogue-act files.

One act a line, tab-separated: id, start s, end s, speaker, role, type, mark (+1: taken into the summary),
number of linked summary sentences, words. Nothing but words and times goes to a chooser.
"""

from __future__ import annotations

import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.records import MadeBy, Sentence, Sound, Span, Transcript, Word

GIVEN = Path(__file__).resolve().parents[2] / "shared" / "media" / "highlights" / "ami_icsi_dev.tar.xz"

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


def read_meetings(place: Path) -> list[Meeting]:
    """All `*.da` files of a folder (below it too) or of a tar archive, by name.

    Raises FileNotFoundError when there is no such place, ValueError for a line that is none.
    """
    return [Meeting(name, tuple(_acts(name, text))) for name, text in sorted(_texts(place))]


def _texts(place: Path) -> Iterator[tuple[str, str]]:
    if place.is_dir():
        for path in place.rglob("*.da"):
            yield path.stem, path.read_text(encoding="utf-8", errors="replace")
        return
    with tarfile.open(place) as tar:
        for member in tar:
            stream = tar.extractfile(member) if member.isfile() else None
            if stream is not None and member.name.endswith(".da"):
                yield Path(member.name).stem, stream.read().decode("utf-8", "replace")


def _acts(name: str, text: str) -> list[Act]:
    acts = []
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            _, start, end, speaker, _, _, mark, _, said = line.split("\t", 8)
            start_ms, end_ms = round(float(start) * 1000), round(float(end) * 1000)
        except ValueError as exc:
            raise ValueError(
                f"{name}.da, line {number}: expected nine fields with times, got {line[:60]!r}"
            ) from exc
        words = tuple(word for word in _MARK.sub(" ", said).split() if any(c.isalnum() for c in word))
        if words:
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
