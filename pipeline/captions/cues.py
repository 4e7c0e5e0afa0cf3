"""Words to cues: what is shown together, on which lines, from when to when. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from pipeline.captions.measure import Measure
from pipeline.captions.styles import Sheet
from pipeline.records import ClipPlan, Ms, Transcript, Word

PAUSE_MS: Ms = 600
"""A pause this long ends a cue: what comes after is another breath."""
HOLD_MS: Ms = 400
"""A cue stays this long after its last word, if nothing follows."""
FLASH_MS: Ms = 300
"""No cue is shown for a shorter time where its neighbours leave room."""

_NO_SPACES = ("zh", "ja", "th", "lo", "my", "km")
_SENTENCE_END = tuple(".?!…。？！؟।")


@dataclass(frozen=True, slots=True)
class Cue:
    """Lines of words on screen from `start_ms` to `end_ms` (clip time)."""

    start_ms: Ms
    end_ms: Ms
    lines: tuple[tuple[Word, ...], ...]
    joiner: str = " "

    @property
    def words(self) -> tuple[Word, ...]:
        return tuple(word for line in self.lines for word in line)

    @property
    def texts(self) -> tuple[str, ...]:
        return tuple(self.joiner.join(word.text for word in line) for line in self.lines)


def clip_words(
    plan: ClipPlan, transcript: Transcript, clip_ms: Callable[[Ms], Ms] | None = None
) -> tuple[Word, ...]:
    """The words of the clip in clip time, as they are to be shown: clipped to its edges, in order, never
    overlapping. `clip_ms` gives a moment of the film in the clip's time; needed where parts are removed.
    """
    at = clip_ms or (lambda film_ms: min(film_ms - plan.start_ms, plan.span_ms))
    reworded = {(r.sentence, r.word): r.text for r in plan.words}
    out: list[Word] = []
    for sentence in transcript.sentences[plan.first : plan.last + 1]:
        for number, word in enumerate(sentence.words):
            text = reworded.get((sentence.id, number), word.text)
            start = max(at(word.start_ms), out[-1].end_ms if out else 0)
            end = at(word.end_ms)
            if text.strip() and end > start:
                out.append(replace(word, start_ms=start, end_ms=end, text=text))
    return tuple(out)


def joiner_for(language: str) -> str:
    """What stands between words: nothing in scripts written without spaces."""
    return "" if language.split("-")[0].lower() in _NO_SPACES else " "


def lay_out(words: Sequence[Word], sheet: Sheet, measure: Measure, joiner: str = " ") -> tuple[Cue, ...]:
    """Lay the words out: no line is wider than the sheet allows, no cue has more lines.

    A cue ends with a sentence, before a pause, or when it is full. A word wider than a line is
    broken with hyphens. Cues do not overlap.
    """
    layout = _Layout(sheet, measure, joiner)
    cues = []
    for group in _groups(words):
        pieces = [piece for word in group for piece in layout.pieces(_cased(word, sheet))]
        for page in layout.pages(pieces):
            cues.append(Cue(page[0][0].start_ms, page[-1][-1].end_ms, page, joiner))
    return _timed(cues)


def _cased(word: Word, sheet: Sheet) -> Word:
    return replace(word, text=word.text.upper()) if sheet.style.upper else word


def _groups(words: Sequence[Word]) -> Iterable[list[Word]]:
    group: list[Word] = []
    for word in words:
        if group and (word.start_ms - group[-1].end_ms >= PAUSE_MS or group[-1].text.endswith(_SENTENCE_END)):
            yield group
            group = []
        group.append(word)
    if group:
        yield group


@dataclass(frozen=True, slots=True)
class _Layout:
    sheet: Sheet
    measure: Measure
    joiner: str

    def fits(self, words: Sequence[Word]) -> bool:
        text = self.joiner.join(word.text for word in words)
        return len(text) <= self.sheet.max_chars and self.measure(text) <= self.sheet.line_width

    def pieces(self, word: Word) -> list[Word]:
        """The word, or as many hyphenated parts as it needs, sharing its time by letters."""
        out, rest = [], word
        while not self.fits([rest]) and len(rest.text) > 1:
            cut = min(len(rest.text), self.sheet.max_chars) - 1
            while cut > 1 and not self.fits([replace(rest, text=rest.text[:cut] + "-")]):
                cut -= 1
            at = rest.start_ms + (rest.end_ms - rest.start_ms) * cut // len(rest.text)
            out.append(replace(rest, text=rest.text[:cut] + "-", end_ms=at))
            rest = replace(rest, text=rest.text[cut:], start_ms=at)
        return [*out, rest]

    def lines(self, words: Sequence[Word]) -> list[list[Word]]:
        lines: list[list[Word]] = []
        for word in words:
            if lines and self.fits([*lines[-1], word]):
                lines[-1].append(word)
            else:
                lines.append([word])
        return lines

    def pages(self, words: Sequence[Word]) -> Iterable[tuple[tuple[Word, ...], ...]]:
        """Full pages of balanced lines; the last page takes over words rather than hold one alone."""
        rest = self.lines(words)
        while rest:
            taken = rest[: self.sheet.max_lines]
            rest = rest[self.sheet.max_lines :]
            if len(rest) == 1 and len(rest[0]) == 1 and len(taken[-1]) > 1:
                rest = [[taken[-1].pop(), *rest[0]]]
                rest = self.lines(rest[0])
            yield self.balanced([word for line in taken for word in line], len(taken))

    def balanced(self, words: Sequence[Word], count: int) -> tuple[tuple[Word, ...], ...]:
        """At most `count` lines that fit, the widest as narrow as can be (dynamic programming)."""
        best: list[list[tuple[float, int]]] = [
            [(float("inf"), 0)] * (len(words) + 1) for _ in range(count + 1)
        ]
        best[0][0] = (0.0, 0)
        for k in range(1, count + 1):
            for end in range(1, len(words) + 1):
                for start in range(end - 1, -1, -1):
                    line = words[start:end]
                    if end - start > 1 and not self.fits(line):
                        break
                    width = self.measure(self.joiner.join(word.text for word in line))
                    best[k][end] = min(best[k][end], (max(best[k - 1][start][0], width), start))
        lines, end = [], len(words)
        for k in range(count, 0, -1):
            start = best[k][end][1]
            lines.append(tuple(words[start:end]))
            end = start
        return tuple(reversed(lines))


def _timed(cues: Sequence[Cue]) -> tuple[Cue, ...]:
    out = []
    for i, cue in enumerate(cues):
        limit = cues[i + 1].start_ms if i + 1 < len(cues) else cue.end_ms + HOLD_MS
        wanted = max(cue.end_ms + HOLD_MS, cue.start_ms + FLASH_MS)
        out.append(replace(cue, end_ms=max(cue.end_ms, min(wanted, limit))))
    return tuple(out)
