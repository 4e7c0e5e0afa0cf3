"""Every error of the pipeline, one tree, split by who can act.

    ClipError                    (exit code, machine code)
    ├── WishError                what was asked cannot be done as asked          2, bad_wish
    ├── SourceError              the video itself                                3, bad_source
    │   ├── Refused              the site or our own rules refuse the address    3, refused
    │   ├── NotMedia             no picture, no sound, truncated, encrypted …    3, not_media
    │   └── TooBig               longer or larger than the limits                3, too_big
    ├── TranscriptError          nobody could turn the sound into words          4, no_transcript
    │   └── NoSpeech             the sound holds no words                        4, no_speech
    ├── NothingChosen            no passage fits what was asked                  5, nothing_chosen
    ├── RenderError              ffmpeg failed on a clip                         6, render_failed
    ├── StorageError             a result could not be put or read back          7, storage_failed
    └── Interrupted              Ctrl-C or SIGTERM; the job can be resumed       130, interrupted

Each carries one sentence for the person who asked (`user_message`) and the rest for the operator
(`detail`: tails of logs, values). `detail` may hold foreign text but never a secret.
"""

from __future__ import annotations

from typing import ClassVar


class ClipError(Exception):
    """A job cannot go on. `str(error)` is the sentence for the user."""

    code: ClassVar[str] = "failed"
    exit_code: ClassVar[int] = 1

    def __init__(self, user_message: str, detail: str = "") -> None:
        super().__init__(user_message)
        self.user_message = user_message
        self.detail = detail


class WishError(ClipError):
    """The wish contradicts itself or leaves the bounds."""

    code = "bad_wish"
    exit_code = 2


class SourceError(ClipError):
    """The video cannot be had or used."""

    code = "bad_source"
    exit_code = 3


class Refused(SourceError):
    """A site, or one of our safety rules, refuses the address."""

    code = "refused"


class NotMedia(SourceError):
    """The file has no usable picture and sound."""

    code = "not_media"


class TooBig(SourceError):
    """The video is longer or larger than the limits allow."""

    code = "too_big"


class TranscriptError(ClipError):
    """The sound could not be turned into words."""

    code = "no_transcript"
    exit_code = 4


class NoSpeech(TranscriptError):
    """Nobody speaks in the video."""

    code = "no_speech"


class NothingChosen(ClipError):
    """No passage of the video fits the wish."""

    code = "nothing_chosen"
    exit_code = 5


class RenderError(ClipError):
    """ffmpeg could not make a clip."""

    code = "render_failed"
    exit_code = 6


class StorageError(ClipError):
    """An artifact could not be stored or read back."""

    code = "storage_failed"
    exit_code = 7


class Interrupted(ClipError):
    """The job was stopped from outside and can be resumed under its id."""

    code = "interrupted"
    exit_code = 130
