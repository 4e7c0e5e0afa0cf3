"""TRANSCRIPT: the film's sound, or somebody's own transcript, becomes sentences with word times.

The sound goes by in passages of one to two minutes, so memory does not grow with the film. Who does
the work: the person's transcript, else the site's subtitles, else Whisper, else (no weights to be
had) pocketsphinx. Every step away from the first choice is told and stays in `Transcript.made_by`.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Protocol

from pipeline.errors import NoSpeech, TranscriptError
from pipeline.media import Ffmpeg, FfmpegFailed
from pipeline.options import AsrOptions
from pipeline.records import MadeBy, Ms, Sentence, Source, Span, Transcript, Wish, Word
from pipeline.speech import align, cleanup, language, subtitles, vad
from pipeline.speech.notes import AsrProgress, AsrWarning, Tell
from pipeline.speech.recogniser import ENGLISH, Recogniser, recogniser
from pipeline.speech.sentences import punctuated, sentences
from pipeline.speech.sound import Loudness, Samples, pieces, to_ms


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
        author = _Heard(recogniser(wish, options, on_event))
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


def _clock(ms: Ms) -> str:
    minutes, seconds = divmod(ms // 1000, 60)
    return f"{minutes}:{seconds:02d}"
