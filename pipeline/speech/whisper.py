"""The Whisper recogniser: faster-whisper in batches, stepping down when the machine is too small."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import TranscriptError
from pipeline.options import AsrOptions
from pipeline.records import MadeBy, Ms, Span, Word
from pipeline.speech.cleanup import Utterance, doubtful
from pipeline.speech.sentences import UNSPACED
from pipeline.speech.sound import Samples, to_ms
from pipeline.speech.vad import Passage, clips

# Whisper hears 30 s at a time; a clip with its margins must stay below.
_LONGEST_CLIP_MS = 28_000
_BRIDGE_MS = 2000
_MARGIN_MS = 300
_ENOUGH_TO_TELL_MS = 10_000
_DETECT_WINDOWS = 4
_SECOND_TRIES = [0.2, 0.6]
_SEED = 20_240_517


@dataclass(frozen=True, slots=True)
class Gear:
    """One way of running the model."""

    device: str
    compute_type: str
    batch_size: int

    def __str__(self) -> str:
        return f"{self.compute_type} batch {self.batch_size} on {self.device}"


Load = Callable[[Gear], Any]
"""Loads the model for a gear and gives a `faster_whisper.WhisperModel`."""


def has_gpu() -> bool:
    """Whether CTranslate2 sees a CUDA device."""
    import ctranslate2

    try:
        return int(ctranslate2.get_cuda_device_count()) > 0
    except RuntimeError:
        return False


def gears(options: AsrOptions, gpu: bool) -> tuple[Gear, ...]:
    """What to try, best first: smaller batches, then smaller numbers, then the CPU."""
    batch = max(1, options.batch_size)
    cpu = Gear("cpu", options.compute_type or "int8", batch)
    if options.device == "cpu" or (options.device == "auto" and not gpu):
        return tuple(dict.fromkeys([cpu, Gear("cpu", "int8", 1)]))
    first = options.compute_type or "float16"
    steps = [Gear("cuda", first, size) for size in (batch, min(batch, 4), 1)]
    return tuple(dict.fromkeys([*steps, Gear("cuda", "int8", 1), Gear("cpu", "int8", batch)]))


def loader(folder: Path, threads: int) -> Load:
    """Loads the weights of a whole folder; never asks the hub."""

    def load(gear: Gear) -> Any:
        from faster_whisper import WhisperModel

        model = WhisperModel(
            str(folder),
            device=gear.device,
            compute_type=gear.compute_type,
            cpu_threads=threads,
            local_files_only=True,
        )
        expected = model.model.n_mels
        if model.feature_extractor.mel_filters.shape[0] != expected:
            raise TranscriptError(
                f"The Whisper weights in {folder} want {expected} mel bands, but their "
                "preprocessor_config.json is missing or says otherwise; copy the whole model folder."
            )
        return model

    return load


class WhisperRecogniser:
    """Speech in any of Whisper's languages to words with punctuation and probabilities.

    `say` is told of every step down. Raises TranscriptError when no gear works or the model
    does not know the wished language ("auto" lets it listen).
    """

    def __init__(
        self,
        name: str,
        load: Load,
        ladder: tuple[Gear, ...],
        beam_size: int,
        language: str,
        say: Callable[[str], None],
    ) -> None:
        self._name = name
        self._load = load
        self._ladder = list(ladder)
        self._beam_size = beam_size
        self._say = say
        self._fallback = ""
        self.language = "" if language == "auto" else language
        self._settled = bool(self.language)
        self._model, self._batched = self._start()
        self._check_language()

    @property
    def made_by(self) -> MadeBy:
        gear = self._ladder[0]
        settings = f"{self._name} {gear.compute_type} beam {self._beam_size} batched {gear.batch_size}"
        device = "" if gear.device == "cpu" else f" {gear.device}"
        return MadeBy("faster-whisper", version("faster-whisper"), settings + device, self._fallback)

    def listen(self, passage: Passage) -> Iterator[Utterance]:
        """The words of a passage, clip by clip, in order."""
        todo = list(clips(passage, _LONGEST_CLIP_MS, _BRIDGE_MS, _MARGIN_MS))
        while todo:
            try:
                self._tell_language(passage, todo)
                for done, utterance in self._heard(passage, todo):
                    todo = [clip for clip in todo if clip.start_ms > done.start_ms]
                    yield utterance
                return
            except (RuntimeError, MemoryError, ValueError) as exc:
                self._step_down(exc)
                self._model, self._batched = self._start()

    def _heard(self, passage: Passage, todo: list[Span]) -> Iterator[tuple[Span, Utterance]]:
        stamps = [
            {
                "start": (clip.start_ms - passage.start_ms) / 1000,
                "end": (clip.end_ms - passage.start_ms) / 1000,
            }
            for clip in todo
        ]
        segments, _ = self._batched.transcribe(
            passage.samples,
            language=self.language,
            beam_size=self._beam_size,
            batch_size=self._ladder[0].batch_size,
            word_timestamps=True,
            condition_on_previous_text=False,
            clip_timestamps=stamps,
        )
        for segment in segments:
            # A clip's number is not handed through; its place in frames of 10 ms is.
            at = passage.start_ms + segment.seek * 10
            clip = min(todo, key=lambda one: abs(one.start_ms - at))
            utterance = _utterance(segment, clip, passage.start_ms)
            if doubtful(utterance.compression, utterance.avg_logprob, utterance.no_speech):
                yield from ((clip, again) for again in self._second_try(passage, clip))
            else:
                yield clip, utterance

    def _second_try(self, passage: Passage, clip: Span) -> Iterator[Utterance]:
        """A clip once more, unbatched: only there does the library try higher temperatures."""
        import ctranslate2

        # Sampling must give the same words each time the same film is done.
        ctranslate2.set_random_seed(_SEED)
        segments, _ = self._model.transcribe(
            passage.between(clip),
            language=self.language,
            beam_size=self._beam_size,
            temperature=_SECOND_TRIES,
            best_of=1,
            word_timestamps=True,
            condition_on_previous_text=False,
            vad_filter=False,
        )
        for segment in segments:
            yield _utterance(segment, clip, clip.start_ms)

    def _tell_language(self, passage: Passage, todo: list[Span]) -> None:
        """Detect the language on the first passages, until one held enough speech to be sure."""
        if self._settled:
            return
        if not self._model.model.is_multilingual:
            self.language, self._settled = "en", True
            return
        voice: Samples = np.concatenate([passage.between(clip) for clip in todo])
        self.language, _, _ = self._model.detect_language(voice, language_detection_segments=_DETECT_WINDOWS)
        self._settled = to_ms(len(voice)) >= _ENOUGH_TO_TELL_MS

    def _check_language(self) -> None:
        if self.language and self.language not in self._model.supported_languages:
            raise TranscriptError(
                f"The Whisper model {self._name!r} does not know the language {self.language!r}; "
                "use a code like en, id or de, or auto."
            )

    def _start(self) -> tuple[Any, Any]:
        from faster_whisper import BatchedInferencePipeline

        while True:
            try:
                model = self._load(self._ladder[0])
                return model, BatchedInferencePipeline(model=model)
            except (RuntimeError, MemoryError, ValueError) as exc:
                self._step_down(exc)

    def _step_down(self, exc: Exception) -> None:
        """Take the next gear, or give up. The model is let go first: it holds the memory."""
        self._model = self._batched = None
        reason = " ".join(str(exc).split())[:200] or type(exc).__name__
        failed = self._ladder[0]
        self._ladder = [gear for gear in self._ladder[1:] if _may_help(gear, failed, exc)]
        if not self._ladder:
            raise TranscriptError(
                f"Whisper ({self._name}) cannot run here; choose a smaller model or check its files.",
                detail=reason,
            ) from exc
        self._fallback = f"{failed} failed: {reason}"
        self._say(f"Whisper with {failed} failed ({reason}); going on with {self._ladder[0]}.")


def _may_help(gear: Gear, failed: Gear, exc: Exception) -> bool:
    """Whether another gear can get round an error: want of memory, of a number type, of a driver."""
    if isinstance(exc, MemoryError) or "memory" in str(exc).lower():
        return True
    if isinstance(exc, ValueError):
        return (gear.device, gear.compute_type) != (failed.device, failed.compute_type)
    return gear.device != failed.device


def _utterance(segment: Any, clip: Span, offset_ms: Ms) -> Utterance:
    return Utterance(
        span=clip,
        words=tuple(_words(segment.words or (), offset_ms)),
        avg_logprob=float(segment.avg_logprob),
        no_speech=float(segment.no_speech_prob),
        compression=float(segment.compression_ratio),
    )


def _words(heard: Any, offset_ms: Ms) -> list[Word]:
    """Whisper's words; pieces without a space before them belong to the word before ("well", "-known")."""
    words: list[Word] = []
    for one in heard:
        text = one.word.strip()
        start, end = (offset_ms + round(float(seconds) * 1000) for seconds in (one.start, one.end))
        glued = words and text and not one.word[0].isspace() and not UNSPACED.match(text)
        if glued and not UNSPACED.match(words[-1].text[-1]):
            before = words.pop()
            probability = min(before.probability, float(one.probability))
            words.append(Word(before.start_ms, max(before.end_ms, end), before.text + text, probability))
        elif text:
            words.append(Word(start, max(start, end), text, float(one.probability)))
    return words
