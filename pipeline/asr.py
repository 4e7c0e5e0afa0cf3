"""TRANSCRIPT: the film's sound, or somebody's own transcript, becomes sentences with word times.

The sound goes by in passages of one to two minutes, so memory does not grow with the film. Who does
the work: the person's transcript, else the site's subtitles, else Whisper, else (no weights to be
had) pocketsphinx. Every step away from the first choice is told and stays in `Transcript.made_by`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from pipeline.errors import NoSpeech, TranscriptError
from pipeline.media import Ffmpeg, FfmpegFailed
from pipeline.options import AsrOptions
from pipeline.records import MadeBy, Ms, Sentence, Source, Span, Transcript, Wish, Word
from pipeline.speech import align, cleanup, language, subtitles, vad, weights, whisper
from pipeline.speech.sentences import punctuated, sentences
from pipeline.speech.sound import Loudness, Samples, pieces, to_ms
from pipeline.speech.sphinx import SphinxRecogniser

ENGLISH = "en"
GPU_MODEL = "large-v3-turbo"
CPU_MODEL = "small"


@dataclass(frozen=True, slots=True)
class AsrProgress:
    """`fraction` 0..1 of the stage is done; `message` says what is going on."""

    fraction: float
    message: str


@dataclass(frozen=True, slots=True)
class AsrWarning:
    """Something is done another way than asked; `message` says what and why."""

    message: str


Note = AsrProgress | AsrWarning
Tell = Callable[[Note], None]


class Recogniser(Protocol):
    """Turns passages into words; says what language it hears and who it is."""

    @property
    def language(self) -> str: ...

    @property
    def made_by(self) -> MadeBy: ...

    def listen(self, passage: vad.Passage) -> Iterator[cleanup.Utterance]: ...


def transcribe(
    source: Source, wish: Wish, options: AsrOptions, engine: Ffmpeg, on_event: Tell
) -> Iterator[Sentence | Transcript]:
    """Sentences as they are finished, then, as the last item, the whole transcript.

    Raises TranscriptError or NoSpeech.
    """
    hearing = _Hearing(source, engine, on_event)
    cues = _given_transcript(source, wish, options, on_event)
    if cues is not None:
        author: _Author = _Aligned(cues, wish)
    else:
        author = _Heard(_recogniser(source, wish, options, on_event))
    made: list[Sentence] = []
    # Closed explicitly, so that ffmpeg ends at once when the reader leaves early.
    with closing(hearing.passages()) as passages, closing(author.words(passages, hearing)) as words:
        for sentence in sentences(words):
            made.append(sentence)
            yield sentence
    if not made:
        raise NoSpeech("Nobody speaks in this video, so there is nothing to choose clips by.")
    yield Transcript(
        language=author.language,
        sentences=tuple(made),
        speech=tuple(hearing.speech),
        sound=hearing.loudness.grid(source.duration_ms),
        made_by=author.made_by,
        punctuated=punctuated(made),
    )


@dataclass(slots=True)
class _Hearing:
    """The film's sound going by once, and what is kept of it: loudness and where a voice is."""

    source: Source
    engine: Ffmpeg
    tell: Tell
    loudness: Loudness = field(default_factory=Loudness)
    speech: list[Span] = field(default_factory=list)
    told_ms: Ms = 0

    def passages(self) -> Generator[vad.Passage, None, None]:
        with closing(self._pieces()) as sound:
            for passage in vad.passages(sound):
                self.speech.extend(passage.speech)
                yield passage
                self.reached(passage.end_ms)

    def reached(self, at_ms: Ms) -> None:
        length = self.source.duration_ms
        at_ms = min(at_ms, length)
        if at_ms <= self.told_ms:
            return
        self.told_ms = at_ms
        self.tell(AsrProgress(at_ms / max(1, length), f"Heard {_clock(at_ms)} of {_clock(length)}"))

    def _pieces(self) -> Generator[Samples, None, None]:
        at = 0
        try:
            for samples in pieces(self.source, self.engine):
                self.loudness.add(samples)
                at += len(samples)
                yield samples
        except FfmpegFailed as exc:
            if not at:
                raise TranscriptError(
                    "The sound of this video cannot be decoded; try to save it again as MP4.",
                    detail=f"{exc}: {exc.tail}",
                ) from exc
            self.tell(
                AsrWarning(
                    f"The sound breaks off at {_clock(to_ms(at))} ({exc}); only what comes before is used."
                )
            )


class _Author(Protocol):
    """Who gives the words."""

    @property
    def language(self) -> str: ...

    @property
    def made_by(self) -> MadeBy: ...

    def words(self, passages: Iterator[vad.Passage], hearing: _Hearing) -> Generator[Word, None, None]: ...


class _Heard:
    """Words by a recogniser, with what it made up taken out."""

    def __init__(self, recogniser: Recogniser) -> None:
        self._recogniser = recogniser

    @property
    def language(self) -> str:
        return self._recogniser.language

    @property
    def made_by(self) -> MadeBy:
        return self._recogniser.made_by

    def words(self, passages: Iterator[vad.Passage], hearing: _Hearing) -> Generator[Word, None, None]:
        last = 0
        for utterance, speech in self._utterances(passages):
            words = cleanup.tidied(cleanup.without_loops(utterance.words), speech, last)
            last = words[-1].end_ms if words else last
            yield from words
            hearing.reached(utterance.span.end_ms)

    def _utterances(
        self, passages: Iterator[vad.Passage]
    ) -> Iterator[tuple[cleanup.Utterance, tuple[Span, ...]]]:
        speech: tuple[Span, ...] = ()

        def believed() -> Iterator[cleanup.Utterance]:
            nonlocal speech
            for passage in passages:
                speech = passage.speech
                yield from (
                    one for one in self._recogniser.listen(passage) if cleanup.believable(one, speech)
                )

        for utterance in cleanup.without_echoes(believed()):
            yield utterance, speech


class _Aligned:
    """Words of a given transcript, timed by the sound."""

    def __init__(self, given: subtitles.Subtitles, wish: Wish) -> None:
        self._cues = given.cues
        said = wish.language if wish.language != "auto" else given.language
        self.language = language.base(said) or language.guess(
            word for cue in given.cues for word in subtitles.tokens(cue.text)
        )
        self._total = self._by_sound = self._by_file = 0

    @property
    def made_by(self) -> MadeBy:
        spread = self._total - self._by_sound - self._by_file
        return MadeBy(
            "subtitles",
            settings=f"{self._total} words: {self._by_sound} aligned to the sound, "
            f"{self._by_file} timed by the file, {spread} spread by length",
        )

    def words(self, passages: Iterator[vad.Passage], hearing: _Hearing) -> Generator[Word, None, None]:
        last = 0
        length = hearing.source.duration_ms
        for one in align.timed(self._cues, passages, english=self.language == ENGLISH):
            words = [word for word in cleanup.tidied(one.words, one.speech, last) if word.end_ms <= length]
            self._total += len(words)
            self._by_sound += min(one.by_sound, len(words))
            self._by_file += min(one.by_file, len(words))
            last = words[-1].end_ms if words else last
            yield from words


def _given_transcript(
    source: Source, wish: Wish, options: AsrOptions, tell: Tell
) -> subtitles.Subtitles | None:
    """The person's transcript or the site's subtitles; the site's may be bad without harm."""
    if wish.transcript is not None:
        return subtitles.read(wish.transcript, source.duration_ms)
    if source.subtitles is None or not options.use_site_subtitles:
        return None
    try:
        given = subtitles.read(source.subtitles, source.duration_ms)
    except TranscriptError as exc:
        tell(AsrWarning(f"The site's subtitles are of no use, listening instead. {exc.user_message}"))
        return None
    spoken = language.base(wish.language)
    written = language.base(source.subtitles_language)
    if spoken != "auto" and written and written != spoken:
        tell(AsrWarning(f"The site's subtitles are in {written!r}, not {spoken!r}: listening instead."))
        return None
    return replace(given, language=given.language or written)


def _recogniser(source: Source, wish: Wish, options: AsrOptions, tell: Tell) -> Recogniser:
    """Whisper when its weights can be had, otherwise pocketsphinx, which says so."""
    wanted = language.base(wish.language)
    gpu = options.device != "cpu" and whisper.has_gpu()
    name = options.model or (GPU_MODEL if gpu else CPU_MODEL)
    try:
        folder = _weights(name, options, tell)
    except weights.NoWeights as exc:
        return _embedded(wanted, name, str(exc), tell)

    def say(message: str) -> None:
        tell(AsrWarning(message))

    return whisper.WhisperRecogniser(
        name=folder.name,
        load=whisper.loader(folder, options.threads),
        ladder=whisper.gears(options, gpu),
        beam_size=options.beam_size,
        language=wanted,
        say=say,
    )


def _weights(name: str, options: AsrOptions, tell: Tell) -> Path:
    """The folder of a Whisper model. Raises NoWeights, or TranscriptError for a folder that lacks files."""
    folder = Path(name)
    if folder.is_dir():
        if lacking := weights.missing_files(folder):
            raise TranscriptError(
                f"The Whisper model folder {name} lacks {', '.join(lacking)}; copy the whole model there."
            )
        return folder
    if name not in weights.sizes():
        raise TranscriptError(
            f"The speech model {name!r} is neither a folder nor a Whisper size; "
            f"choose one of {', '.join(weights.sizes())}."
        )
    if found := weights.find(name, options.model_dir):
        return found
    if options.offline:
        raise weights.NoWeights(f"{name} is not in {options.model_dir} and the work is offline")
    tell(AsrProgress(0.0, f"Asking the model hub for Whisper {name}"))

    def loaded(size: int) -> None:
        tell(AsrProgress(0.0, f"Downloading Whisper {name}: {size / 1e6:.0f} MB"))

    patience = weights.Patience(options.hub_first_byte_s, options.hub_stall_s)
    return weights.fetch(name, options.model_dir, patience, loaded)


def _embedded(wanted: str, name: str, reason: str, tell: Tell) -> Recogniser:
    if wanted not in ("auto", ENGLISH):
        raise TranscriptError(
            f"Without Whisper's weights only English can be recognised, not {wanted!r}: "
            f"give a transcript, or put the model {name!r} into the model folder.",
            detail=reason,
        )
    assumed = "; English is assumed" if wanted == "auto" else ""
    tell(
        AsrWarning(
            f"No Whisper weights: {reason}. The embedded recogniser takes over: "
            f"rougher, without punctuation{assumed}."
        )
    )
    return SphinxRecogniser(fallback=f"no Whisper weights: {reason}")


def _clock(ms: Ms) -> str:
    minutes, seconds = divmod(ms // 1000, 60)
    return f"{minutes}:{seconds:02d}"
