"""Who listens: Whisper from a folder, the cache or the hub, else the embedded pocketsphinx."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from pipeline.errors import TranscriptError
from pipeline.options import AsrOptions
from pipeline.records import MadeBy, Wish
from pipeline.speech import cleanup, language, vad, weights, whisper
from pipeline.speech.notes import AsrProgress, AsrWarning, Tell
from pipeline.speech.sphinx import SphinxRecogniser

ENGLISH = "en"
GPU_MODEL = "large-v3-turbo"
CPU_MODEL = "small"


class Recogniser(Protocol):
    """Turns passages into words; says what language it hears and who it is."""

    @property
    def language(self) -> str: ...

    @property
    def made_by(self) -> MadeBy: ...

    def listen(self, passage: vad.Passage) -> Iterator[cleanup.Utterance]: ...


def recogniser(wish: Wish, options: AsrOptions, tell: Tell) -> Recogniser:
    """Whisper when its weights can be had, otherwise pocketsphinx, which says so.

    Raises TranscriptError for a model that is named wrongly or not whole, and for a language that
    nobody here understands.
    """
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
