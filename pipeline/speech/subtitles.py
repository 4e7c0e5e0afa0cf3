"""Somebody else's transcript as cues: SRT, WebVTT, and the JSON forms people have.

JSON: our own transcript.json, a plain list of {start, end, text} in seconds, Whisper's (segments
with words), IBM Watson's and Amazon Transcribe's. Whatever a file holds, the worst it can do is a
TranscriptError.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.errors import TranscriptError
from pipeline.records import Ms, Word
from pipeline.speech import foreign
from pipeline.speech.foreign import Cue
from pipeline.speech.sentences import UNSPACED

MAX_BYTES = 32 << 20

_CLOCK = r"(?:\d{1,4}:)?\d{1,2}:\d{2}\.\d{2,3}"
_INLINE_TIME = re.compile(rf"<({_CLOCK})>")
_MARK = re.compile(r"<at (\d+)>")
_TAG = re.compile(r"</?[a-zA-Z][^<>]{0,500}>|\{\\[^{}]{0,200}\}")
_NOT_SPOKEN = re.compile(
    r"\[[^\[\]]{0,200}\]|[♪♫]+|^\s*\([^()]{0,200}\)\s*$|^\s*>>+|^\s*[-–]\s+", re.MULTILINE
)
_TOKEN = re.compile(rf"{UNSPACED.pattern}[^\w\s]*|(?:(?!{UNSPACED.pattern})\S)+")


@dataclass(frozen=True, slots=True)
class Subtitles:
    """Cues in order that do not overlap; `language` is empty when the file does not say."""

    cues: tuple[Cue, ...]
    language: str = ""


def read(path: Path, duration_ms: Ms) -> Subtitles:
    """The cues of a file that lie in the film. Raises TranscriptError with what is wrong."""
    text = decoded(_bytes_of(path), path.name)
    if text.lstrip()[:1] in ("{", "["):
        cues, language = foreign.parsed(text, path.name)
    else:
        cues, language = tuple(_timed_text(text, path.name)), ""
    kept = tuple(merged(clipped(cues, duration_ms)))
    if not kept:
        raise TranscriptError(
            f"The transcript {path.name} holds no text with times inside the video; "
            "give an SRT, WebVTT or JSON file made for this video."
        )
    return Subtitles(kept, language)


def decoded(data: bytes, name: str) -> str:
    """The text of a file in UTF-8, UTF-16 (with its mark) or, failing those, Windows' cp1252."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encodings = ["utf-16"]
    elif b"\0" in data[:1000]:
        encodings = ["utf-16-le" if data[1:2] == b"\0" else "utf-16-be"]
    else:
        encodings = ["utf-8-sig", "cp1252"]
    for encoding in encodings:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        return text.replace("\r\n", "\n").replace("\r", "\n")
    raise TranscriptError(f"The transcript {name} is not a text file; save it as UTF-8 and try again.")


def tokens(text: str) -> list[str]:
    """The words of a text; in scripts without spaces every letter is one, with its punctuation."""
    return _TOKEN.findall(text)


def clipped(cues: Iterable[Cue], duration_ms: Ms) -> list[Cue]:
    """Cues in the order of time, none outside the film, none without words."""
    inside = []
    for cue in sorted(cues, key=lambda one: one.start_ms):
        start, end = max(0, cue.start_ms), min(cue.end_ms, duration_ms)
        words = tuple(
            replace(word, start_ms=max(0, word.start_ms), end_ms=min(word.end_ms, duration_ms))
            for word in cue.words
            if word.start_ms < duration_ms
        )
        if start < end and any(letter.isalnum() for letter in cue.text):
            inside.append(Cue(start, end, cue.text, words))
    return inside


def merged(cues: Sequence[Cue]) -> list[Cue]:
    """Cues that follow each other: text rolled up from the cue before is said once.

    Rolling captions show the last line again above the new one. Of two cues that overlap, the
    first ends where the second begins.
    """
    result: list[Cue] = []
    shown: list[str] = []
    for cue in cues:
        lines = [line.strip() for line in cue.text.split("\n") if line.strip()]
        repeated = _rolled_up(shown, lines) if result and cue.start_ms <= result[-1].end_ms + 100 else 0
        cue = _without_lines(cue, lines[:repeated])
        shown, fresh = lines, lines[repeated:]
        if not fresh:
            result[-1] = replace(result[-1], end_ms=max(result[-1].end_ms, cue.end_ms))
            continue
        if result and cue.start_ms < result[-1].end_ms:
            before = result[-1]
            if cue.start_ms <= before.start_ms:
                text, words = f"{before.text} {' '.join(fresh)}", before.words + cue.words
                complete = bool(before.words) and bool(cue.words)
                end = max(before.end_ms, cue.end_ms)
                result[-1] = Cue(before.start_ms, end, text, words if complete else ())
                continue
            ended = tuple(word for word in before.words if word.start_ms < cue.start_ms)
            complete = len(ended) == len(before.words)
            result[-1] = replace(before, end_ms=cue.start_ms, words=ended if complete else ())
        result.append(replace(cue, text=" ".join(fresh)))
    return result


def _without_lines(cue: Cue, lines: Sequence[str]) -> Cue:
    """The cue less the words of its first lines; the next word then begins with the cue."""
    rest = cue.words[sum(len(tokens(line)) for line in lines) :]
    if lines and rest:
        rest = (replace(rest[0], start_ms=min(cue.start_ms, rest[0].end_ms)), *rest[1:])
    return replace(cue, words=rest)


def _rolled_up(shown: Sequence[str], lines: Sequence[str]) -> int:
    """How many of the first lines were the last ones shown before."""
    sizes = range(min(len(shown), len(lines)), 0, -1)
    return next((size for size in sizes if list(shown[-size:]) == list(lines[:size])), 0)


def _bytes_of(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise TranscriptError(
                f"The transcript {path.name} is larger than {MAX_BYTES >> 20} MB; is it the right file?"
            )
        return path.read_bytes()
    except OSError as exc:
        raise TranscriptError(f"The transcript {path.name} cannot be read: {exc.strerror}.") from exc


def _timed_text(text: str, name: str) -> Iterator[Cue]:
    """The cues of an SRT or WebVTT text, with the word times of its `<00:00:01.500>` marks."""
    from pysubs2 import SSAFile
    from pysubs2.exceptions import Pysubs2Error

    form = "vtt" if text.lstrip("\ufeff \n\t").startswith("WEBVTT") else "srt"
    # Two marks in a line of text would be taken for a cue's own times.
    hidden = _INLINE_TIME.sub(lambda found: f"<at {_clock_ms(found[1])}>", text)
    try:
        events = SSAFile.from_string(hidden, format_=form, keep_html_tags=True)
    except (Pysubs2Error, ValueError, OverflowError) as exc:
        raise TranscriptError(
            f"The transcript {name} cannot be read as SRT, WebVTT or JSON; check the file.", detail=str(exc)
        ) from exc
    for event in events:
        # After a blank line come the next cue's name, notes and styles.
        body = re.split(r"\n\s*\n", event.text.replace("\\N", "\n"), maxsplit=1)[0]
        spoken = _NOT_SPOKEN.sub(" ", html.unescape(_TAG.sub("", _MARK.sub(r"\0\1\0", body))))
        yield _cue(event.start, event.end, spoken)


def _cue(start: Ms, end: Ms, marked: str) -> Cue:
    """A cue from text in which `\\0ms\\0` stands before a word that has its own time."""
    parts = marked.split("\0")
    text = "".join(parts[::2])
    times = [start, *(int(one) for one in parts[1::2])]
    words: list[Word] = []
    for part, begin, until in zip(parts[::2], times, [*times[1:], end], strict=True):
        found = tokens(part)
        if found and len(parts) > 1:
            words += spread(found, begin, max(begin, until))
    return Cue(start, end, "\n".join(" ".join(line.split()) for line in text.split("\n")), tuple(words))


def spread(texts: Sequence[str], start: Ms, end: Ms) -> list[Word]:
    """Words over a stretch of time, each as long as its share of the letters."""
    sizes = [len(text) + 1 for text in texts]
    edges = [start + (end - start) * sum(sizes[:n]) // sum(sizes) for n in range(len(texts) + 1)]
    return [Word(a, b, text, 1.0) for text, a, b in zip(texts, edges, edges[1:], strict=False)]


def _clock_ms(clock: str) -> Ms:
    whole, _, part = clock.partition(".")
    seconds = 0
    for field in whole.split(":"):
        seconds = seconds * 60 + int(field)
    return seconds * 1000 + int(part.ljust(3, "0"))
