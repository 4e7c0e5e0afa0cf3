"""What a recogniser makes up is taken out again; words get times a player can show. Pure.

Whisper invents text under music and silence (mostly phrases from the credits of its training
films) and can get stuck repeating itself. The thresholds for compression, probability and "no
speech" are those of OpenAI's reference implementation (whisper/transcribe.py).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from pipeline.records import Ms, Span, Word

SHORTEST_WORD_MS = 20
MAX_COMPRESSION = 2.4
MIN_LOGPROB = -1.0
MAX_NO_SPEECH = 0.6
_SURE = 0.6
_NEAR_MS = 500
_FLASH_MS = 120
_MAX_REPEATS = 3
_LONGEST_LOOP = 12

PHANTOMS = re.compile(
    "|".join(
        (
            "(thanks|thank you)( so much| very much)? for (watching|listening|viewing)( .*)?",
            "please subscribe( .*)?|((like and|don t forget to) )?subscribe( to (my|the|our) channel)?",
            "see you (in the )?next (time|video)|.*amara org.*",
            "(subtitles|captions|transcription|translated|subs) ((created|made|provided) )?by .*",
            "terima kasih (telah|sudah) menonton.*|jangan lupa (like|(untuk )?subscribe).*",
            "sampai jumpa di .*",
            "untertitel(ung)? .*|vielen dank fürs zuschauen|copyright wdr.*|sous titr(es|age) .*",
            "merci d avoir regardé.*|subtítulos .*|gracias por ver.*|sottotitoli .*|grazie per la visione",
            "legendas .*|obrigado por assistir.*|onderti(teling|tels) .*|napisy .*|субтитры .*",
            "продолжение следует|ご視聴ありがとうございました|チャンネル登録.*|请不吝点赞.*|字幕.*",
            "(谢谢|謝謝)(观看|觀看|收看).*|시청해 ?주셔서 감사합니다|구독과 좋아요.*|ترجمة .*",
            "اشتركوا في القناة.*|altyazı .*|izlediğiniz için .*",
        )
    )
)
"""What Whisper writes under silence, lower case and without punctuation."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """What a recogniser gave for one clip, in film time, with its doubts.

    `avg_logprob` and `no_speech` (0..1) and `compression` are Whisper's; others leave them as is.
    """

    span: Span
    words: tuple[Word, ...]
    avg_logprob: float = 0.0
    no_speech: float = 0.0
    compression: float = 1.0

    @property
    def text(self) -> str:
        return _plain(" ".join(word.text for word in self.words))


def doubtful(compression: float, avg_logprob: float, no_speech: float) -> bool:
    """Whether a clip deserves a second try: repeats itself, or unlikely though somebody speaks."""
    return compression > MAX_COMPRESSION or (avg_logprob < MIN_LOGPROB and no_speech < MAX_NO_SPEECH)


def believable(utterance: Utterance, speech: Sequence[Span]) -> bool:
    """Whether an utterance was probably said, given where a voice was heard."""
    if not utterance.words:
        return False
    start, end = utterance.words[0].start_ms, utterance.words[-1].end_ms
    heard = sum(_shared(Span(start, max(start, end)), span) for span in speech)
    if not heard:
        return False
    if utterance.avg_logprob < MIN_LOGPROB and utterance.no_speech > MAX_NO_SPEECH:
        return False
    sure = sum(word.probability for word in utterance.words) / len(utterance.words)
    if PHANTOMS.fullmatch(utterance.text) and (sure < _SURE or heard * 2 < end - start):
        return False
    # A loop compresses well too, but can be collapsed to what was really said.
    loops = len(without_loops(utterance.words)) < len(utterance.words)
    return utterance.compression <= MAX_COMPRESSION or loops


def without_echoes(utterances: Iterable[Utterance]) -> Iterator[Utterance]:
    """Leaves out an utterance whose text was already said twice in a row just before."""
    last, times = "", 0
    for utterance in utterances:
        times = times + 1 if utterance.text == last else 1
        last = utterance.text
        if times < _MAX_REPEATS:
            yield utterance


def without_loops(words: Sequence[Word]) -> tuple[Word, ...]:
    """Collapses a phrase that is said more than three times running to one; a word to three."""
    kept = list(words)
    for size in range(1, _LONGEST_LOOP + 1):
        kept = _collapsed(kept, size)
    return tuple(kept)


def _collapsed(words: list[Word], size: int) -> list[Word]:
    plain = [_plain(word.text) or word.text for word in words]
    result: list[Word] = []
    at = 0
    while at < len(words):
        phrase = plain[at : at + size]
        times = 1
        while plain[at + times * size : at + (times + 1) * size] == phrase:
            times += 1
        if times > _MAX_REPEATS:
            result.extend(words[at : at + size * (_MAX_REPEATS if size == 1 else 1)])
            at += times * size
        else:
            result.append(words[at])
            at += 1
    return result


def tidied(words: Iterable[Word], speech: Sequence[Span], after_ms: Ms = 0) -> tuple[Word, ...]:
    """Words in order that do not overlap, last at least 20 ms and lie where a voice was heard.

    `after_ms` is the end of the word before. A word near no voice keeps its time.
    """
    result: list[Word] = []
    for word in words:
        if not word.text.strip():
            continue
        span = _in_speech(Span(max(0, word.start_ms), max(0, word.start_ms, word.end_ms)), speech)
        if result and span.start_ms < result[-1].end_ms:
            # Onsets are the surer half of a word's time: the word before ends where this one begins.
            before = result[-1]
            after_ms = max(before.start_ms + SHORTEST_WORD_MS, span.start_ms)
            result[-1] = replace(before, end_ms=after_ms)
        start = max(span.start_ms, after_ms)
        result.append(
            replace(
                word,
                start_ms=start,
                end_ms=max(span.end_ms, start + SHORTEST_WORD_MS),
                text=word.text.strip(),
                probability=min(1.0, max(0.0, word.probability)),
            )
        )
        after_ms = result[-1].end_ms
    return tuple(_widened(result, speech))


def _widened(words: Sequence[Word], speech: Sequence[Span]) -> Iterator[Word]:
    """Gives a word that flashed by more of the voice that follows it, up to the next word."""
    for n, word in enumerate(words):
        room = words[n + 1].start_ms if n + 1 < len(words) else word.start_ms + _FLASH_MS
        heard = next((span.end_ms for span in speech if span.start_ms <= word.start_ms < span.end_ms), 0)
        end = min(room, heard, word.start_ms + _FLASH_MS)
        yield replace(word, end_ms=end) if end > word.end_ms else word


def _in_speech(span: Span, speech: Sequence[Span]) -> Span:
    best = max(speech, key=lambda one: (_shared(span, one), -_distance(span, one)), default=None)
    if best is None:
        return span
    if _shared(span, best):
        return Span(max(span.start_ms, best.start_ms), min(span.end_ms, best.end_ms))
    if 0 < _distance(span, best) <= _NEAR_MS:
        length = min(span.length_ms, best.length_ms)
        if best.start_ms >= span.end_ms:
            return Span(best.start_ms, best.start_ms + length)
        return Span(best.end_ms - length, best.end_ms)
    return span


def _shared(one: Span, other: Span) -> Ms:
    return max(0, min(one.end_ms, other.end_ms) - max(one.start_ms, other.start_ms))


def _distance(one: Span, other: Span) -> Ms:
    return max(0, other.start_ms - one.end_ms, one.start_ms - other.end_ms)


def _plain(text: str) -> str:
    """Lower case without punctuation, single spaces."""
    folded = unicodedata.normalize("NFC", text).lower()
    spaced = "".join(c if unicodedata.category(c)[0] in "LMN" else " " for c in folded)
    return " ".join(spaced.split())
