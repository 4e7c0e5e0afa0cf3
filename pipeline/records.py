"""Every value that travels through the pipeline, grouped by the arrow it travels on.

All times are integer milliseconds from the start of the film (`Ms`); the only places where float
seconds become `Ms` are the borders that talk to libraries. All records are frozen; their JSON form
is made and read by `pipeline.workspace`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Literal

Ms = int
"""Milliseconds from the start of the film."""


class Stage(StrEnum):
    """The stages of a job, in their order."""

    DOWNLOAD = "DOWNLOAD"
    TRANSCRIPT = "TRANSCRIPT"
    CHUNK = "CHUNK"
    SELECT = "SELECT"
    RENDER = "RENDER"
    UPLOAD = "UPLOAD"


@dataclass(frozen=True, slots=True)
class MadeBy:
    """Who made a result, so that a result says how it came about.

    `fallback` is empty, or the reason why the first choice did not do the work.
    """

    name: str
    version: str = ""
    settings: str = ""
    fallback: str = ""


# -- the person -> the job ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Wish:
    """What the person asked for. Bounds are the shortest and longest clip wanted."""

    source: str
    count: int = 3
    min_ms: Ms = 30_000
    max_ms: Ms = 45_000
    language: str = "auto"
    output_language: str = "auto"
    focus: str = ""
    captions: str = "karaoke"
    transcript: Path | None = None


@dataclass(frozen=True, slots=True)
class Scope:
    """Which part of a chosen job to do again after edits: one clip, or all that changed (None).

    A draft is the preview and the poster of that one clip; nothing is stored or published.
    """

    clip: int | None = None
    draft: bool = False


# -- DOWNLOAD -> everybody ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Source:
    """A checked media file: it has a picture that decodes and sound that decodes.

    `width` and `height` are what a viewer sees: after rotation, with square pixels. `rotation` is
    clockwise: 0, 90, 180 or 270. `video_index` and `audio_index` are ffmpeg's stream numbers (0:N).
    `fingerprint` stands for the content (size and samples of the bytes), not for the path.
    `warnings` tells what was wanted with it and could not be had.
    """

    path: Path
    title: str
    duration_ms: Ms
    width: int
    height: int
    fps_num: int
    fps_den: int
    video_codec: str
    audio_codec: str
    audio_index: int
    video_index: int
    rotation: int
    transfer: str
    size_bytes: int
    fingerprint: str
    url: str = ""
    uploader: str = ""
    license: str = ""
    subtitles: Path | None = None
    subtitles_language: str = ""
    warnings: tuple[str, ...] = ()

    @property
    def fps(self) -> float:
        return self.fps_num / self.fps_den


# -- TRANSCRIPT -> CHUNK, SELECT, RENDER ----------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Span:
    """A half-open stretch of time, `start_ms <= t < end_ms`."""

    start_ms: Ms
    end_ms: Ms

    def __post_init__(self) -> None:
        if not 0 <= self.start_ms <= self.end_ms:
            raise ValueError(f"span {self.start_ms}..{self.end_ms}: expected 0 <= start <= end")

    @property
    def length_ms(self) -> Ms:
        return self.end_ms - self.start_ms

    def overlaps(self, other: Span) -> bool:
        return self.start_ms < other.end_ms and other.start_ms < self.end_ms


@dataclass(frozen=True, slots=True)
class Word:
    """One spoken word; `text` without surrounding spaces, `probability` 0..1."""

    start_ms: Ms
    end_ms: Ms
    text: str
    probability: float = 1.0


@dataclass(frozen=True, slots=True)
class Sentence:
    """A thought as it is spoken; `id` counts from 0 and is what choosers answer with."""

    id: int
    start_ms: Ms
    end_ms: Ms
    text: str
    words: tuple[Word, ...]


@dataclass(frozen=True, slots=True)
class Sound:
    """Loudness of the whole film on a fixed grid: dBFS (RMS), one integer per `step_ms`."""

    step_ms: Ms
    level_db: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Transcript:
    """Everything that was said, with word times.

    `speech` are the stretches where the voice detector hears a voice; what lies between is safe to
    cut. `punctuated` is False when sentences were guessed from pauses.
    """

    language: str
    sentences: tuple[Sentence, ...]
    speech: tuple[Span, ...]
    sound: Sound
    made_by: MadeBy
    punctuated: bool = True


# -- CHUNK -> SELECT ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Chunk:
    """About five minutes of sentences `first..last` (ids, inclusive): what one model call sees."""

    id: int
    first: int
    last: int
    start_ms: Ms
    end_ms: Ms


# -- SELECT -> RENDER -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Pick:
    """A passage somebody wants as a clip: sentences `first..last` (ids, inclusive), never times.

    `score` 0..100; `parts` names the sub-scores that made it.
    """

    first: int
    last: int
    title: str
    score: int
    reason: str
    hook: str = ""
    parts: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Rejected:
    """A passage that was considered and not taken, with why."""

    first: int
    last: int
    score: int
    why: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """The chooser's answer, best pick first; `notes` is what the person should know about it."""

    picks: tuple[Pick, ...]
    rejected: tuple[Rejected, ...]
    made_by: MadeBy
    notes: tuple[str, ...] = ()


CaptionPlace = Literal["bottom", "middle", "top"]
LayoutWish = Literal["auto", "follow", "fit"]
TitleCard = Literal["off", "opening"]


@dataclass(frozen=True, slots=True)
class Look:
    """How one clip is to look. `captions` is the name of a style; empty: the job's."""

    captions: str = ""
    position: CaptionPlace = "bottom"
    layout: LayoutWish = "auto"
    title_card: TitleCard = "off"


@dataclass(frozen=True, slots=True)
class Rewording:
    """What the captions show for a word (counted from 0 in its sentence); empty: nothing."""

    sentence: int
    word: int
    text: str


@dataclass(frozen=True, slots=True)
class ClipPlan:
    """A settled clip. Unless it was edited by hand its edges lie in silence and it overlaps no other.

    `removed` is film time cut out of the middle; `words` differ in the captions from what was heard.
    """

    index: int
    first: int
    last: int
    start_ms: Ms
    end_ms: Ms
    title: str
    hook: str
    score: int
    reason: str
    parts: tuple[tuple[str, int], ...] = ()
    removed: tuple[Span, ...] = ()
    words: tuple[Rewording, ...] = ()
    look: Look = Look()

    def __post_init__(self) -> None:
        if not 0 <= self.start_ms < self.end_ms:
            raise ValueError(f"clip {self.index}: {self.start_ms}..{self.end_ms} is no stretch of time")
        at = self.start_ms
        for span in self.removed:
            if span.start_ms < at or span.end_ms > self.end_ms:
                raise ValueError(f"clip {self.index}: what is removed must be sorted, disjoint and inside")
            at = span.end_ms

    @property
    def span(self) -> Span:
        return Span(self.start_ms, self.end_ms)

    @property
    def span_ms(self) -> Ms:
        """From the first to the last moment in the film."""
        return self.end_ms - self.start_ms

    @property
    def length_ms(self) -> Ms:
        """How long the clip plays: without what is removed."""
        return self.span_ms - sum(span.length_ms for span in self.removed)

    @property
    def stem(self) -> str:
        return f"clip_{self.index:02d}"


@dataclass(frozen=True, slots=True)
class Edl:
    """What SELECT decided: the clips, what was not taken and why, who decided.

    `shortfall` is empty, or says why there are fewer clips than asked for; `notes` come from the
    chooser.
    """

    clips: tuple[ClipPlan, ...]
    rejected: tuple[Rejected, ...]
    made_by: MadeBy
    shortfall: str = ""
    notes: tuple[str, ...] = ()


# -- inside RENDER --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Face:
    """A detected face: box as fractions of the frame (x, y = top left), detector score 0..1."""

    x: float
    y: float
    width: float
    height: float
    score: float

    @property
    def centre_x(self) -> float:
        return self.x + self.width / 2

    @property
    def centre_y(self) -> float:
        return self.y + self.height / 2


@dataclass(frozen=True, slots=True)
class FaceSample:
    """The faces seen at one moment; `at_ms` counts from the start of the clip."""

    at_ms: Ms
    faces: tuple[Face, ...]


@dataclass(frozen=True, slots=True)
class Sighting:
    """What was seen in a clip's span: shots (clip time, first starts at 0) and sampled faces."""

    shots: tuple[Span, ...]
    samples: tuple[FaceSample, ...]
    detector: MadeBy


@dataclass(frozen=True, slots=True)
class Gain:
    """What to do to a clip's sound (dB, limit in dBFS), and the loudness measured after it was done."""

    gain_db: float
    limit_db: float
    result_lufs: float


Layout = Literal["follow", "fit"]
"""follow: a 9:16 crop that follows the speaker; fit: the whole width over a blurred fill."""


@dataclass(frozen=True, slots=True)
class Keyframe:
    """At `at_ms` (clip time) the crop's left top corner is (`x`, `y`), fractions of the frame."""

    at_ms: Ms
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Framing:
    """How one shot is shown. Between keyframes the corner moves linearly; `fit` has none.

    Times count from the clip's start in the film, before anything is removed.
    """

    span: Span
    layout: Layout
    reason: str
    keyframes: tuple[Keyframe, ...] = ()


# -- RENDER -> UPLOAD -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Clip:
    """A finished clip: the plan, the names of its files in the job's folder, how it was made."""

    plan: ClipPlan
    video: str
    preview: str
    poster: str
    srt: str
    vtt: str
    framing: tuple[Framing, ...]
    made_by: MadeBy
    loudness_lufs: float
    warnings: tuple[str, ...] = ()

    @property
    def files(self) -> tuple[str, ...]:
        return (self.video, self.preview, self.poster, self.srt, self.vtt)


@dataclass(frozen=True, slots=True)
class Draft:
    """A quick preview of a plan: the names of its two files in the job's folder."""

    plan: ClipPlan
    preview: str
    poster: str


@dataclass(frozen=True, slots=True)
class Artifact:
    """A stored file of a job: where it can be fetched (`location`), and what it must be."""

    name: str
    size_bytes: int
    sha256: str
    location: str


# -- the job -> whoever watches -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StageStarted:
    stage: Stage
    resumed: bool = False


@dataclass(frozen=True, slots=True)
class Progress:
    """`fraction` 0..1 of the stage; `left_ms` is None while nobody can tell."""

    stage: Stage
    fraction: float
    elapsed_ms: Ms
    left_ms: Ms | None
    message: str = ""


@dataclass(frozen=True, slots=True)
class Heard:
    """Sentences just finished by TRANSCRIPT, so that others need not wait for the last one."""

    sentences: tuple[Sentence, ...]


@dataclass(frozen=True, slots=True)
class ClipReady:
    clip: Clip
    folder: Path


@dataclass(frozen=True, slots=True)
class DraftReady:
    """The draft of one clip can be shown: two files in `folder`."""

    index: int
    preview: str
    poster: str
    folder: Path


@dataclass(frozen=True, slots=True)
class Warned:
    """Something was done another way than asked; `message` says what and why."""

    stage: Stage
    message: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The last event of a job that could not be finished."""

    code: str
    message: str
    detail: str
    stage: Stage | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """The last event of a whole job. After a draft it holds no clips and no artifacts."""

    clips: tuple[Clip, ...]
    artifacts: tuple[Artifact, ...]
    location: str
    shortfall: str = ""


Event = StageStarted | Progress | Heard | ClipReady | DraftReady | Warned | Failed | Done
