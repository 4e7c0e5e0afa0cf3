"""Other people's transcripts: what is read, what is refused, and how cues become words."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import TranscriptError
from pipeline.records import Span
from pipeline.speech import align, subtitles
from pipeline.speech.foreign import Cue
from pipeline.speech.pronounce import phones, spoken_forms

HOUR_MS = 3_600_000
SRT = """1
00:00:01,000 --> 00:00:02,500
Héllo <i>there</i> &amp; you.

2
00:00:03,000 --> 00:00:04,000
Bye
"""


def read(tmp_path: Path, text: str | bytes, duration_ms: int = HOUR_MS) -> tuple[Cue, ...]:
    path = tmp_path / "own.srt"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return subtitles.read(path, duration_ms).cues


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
def test_srt_in_any_usual_encoding(tmp_path: Path, encoding: str) -> None:
    cues = read(tmp_path, SRT.replace("\n", "\r\n").encode(encoding))
    assert cues == (Cue(1000, 2500, "Héllo there & you."), Cue(3000, 4000, "Bye"))


VTT = """WEBVTT
Kind: captions

STYLE
::cue { color: red }

NOTE nobody reads this

intro
00:00.000 --> 00:02.000 align:start position:0%
<v Roger Bingham>We are in <i>New York</i>

00:00:01.990 --> 00:00:04.000
We are in New York
so<00:00:02.500><c> this</c><00:00:03.000><c> is</c>

next cue
00:00:04.000 --> 00:00:05.000
[Music]

00:00:05.000 --> 00:00:07.000
- Hello.
- Hi!
"""


def test_webvtt_with_voices_rolling_lines_and_word_times(tmp_path: Path) -> None:
    first, second, third = read(tmp_path, VTT)
    assert first == Cue(0, 1990, "We are in New York")
    assert second.text == "so this is"
    assert [(w.text, w.start_ms, w.end_ms) for w in second.words] == [
        ("so", 1990, 2500),
        ("this", 2500, 3000),
        ("is", 3000, 4000),
    ]
    assert third == Cue(5000, 7000, "Hello. Hi!")


def test_overlapping_and_late_cues(tmp_path: Path) -> None:
    cues = read(
        tmp_path,
        "1\n00:00:01,000 --> 00:00:05,000\none\n\n2\n00:00:03,000 --> 00:00:09,000\ntwo\n\n"
        "3\n00:00:03,000 --> 00:00:08,000\nthree\n\n4\n00:01:00,000 --> 00:01:05,000\nlate\n",
        duration_ms=6000,
    )
    assert cues == (Cue(1000, 3000, "one"), Cue(3000, 6000, "two three"))


OURS = {
    "schema": "kangklip/transcript/1",
    "language": "en",
    "sentences": [
        {"id": 0, "start_ms": 500, "end_ms": 900, "text": "Hi you",
         "words": [{"start_ms": 500, "end_ms": 700, "text": "hi", "probability": 0.5},
                   {"start_ms": 700, "end_ms": 900, "text": "you", "probability": 1.0}]}
    ],
}  # fmt: skip
PLAIN = [{"start": 0.5, "end": 0.9, "text": "Hi you"}]
WHISPER = {"language": "en", "segments": [
    {"start": 0.5, "end": 0.9, "text": " Hi you",
     "words": [{"word": " Hi", "start": 0.5, "end": 0.7, "probability": 0.5},
               {"word": " you", "start": 0.7, "end": 0.9, "probability": 1.0}]}]}  # fmt: skip
WATSON = {"results": [{"alternatives": [
    {"transcript": "hi you", "timestamps": [["hi", 0.5, 0.7], ["%HESITATION", 0.7, 0.7], ["you", 0.7, 0.9]]}
]}]}  # fmt: skip
AMAZON = {"results": {"items": [
    {"type": "pronunciation", "start_time": "0.5", "end_time": "0.7",
     "alternatives": [{"content": "Hi", "confidence": "0.5"}]},
    {"type": "pronunciation", "start_time": "0.7", "end_time": "0.9",
     "alternatives": [{"content": "you", "confidence": None}]},
    {"type": "punctuation", "alternatives": [{"content": ".", "confidence": None}]}]}}  # fmt: skip


@pytest.mark.parametrize(
    ("data", "timed"), [(OURS, True), (PLAIN, False), (WHISPER, True), (WATSON, True), (AMAZON, True)]
)
def test_json_of_every_kind(tmp_path: Path, data: object, timed: bool) -> None:
    (cue,) = read(tmp_path, json.dumps(data))
    assert (cue.start_ms, cue.end_ms) == (500, 900)
    assert cue.text.rstrip(".").lower() == "hi you"
    assert [(w.start_ms, w.end_ms) for w in cue.words] == ([(500, 700), (700, 900)] if timed else [])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"   \n",
        b"hello",
        bytes(range(256)) * 20,
        b"\xff\xfe\x00",
        b"WEBVTT\n\n",
        b"1\n00:00:02,000 --> 00:00:01,000\nbackwards\n",
        b"1\n09:00:00,000 --> 09:00:01,000\nafter the end\n",
        b"1\n00:00:01,000 --> 00:00:02,000\n[Music]\n",
        b"[" * 100_000,
        b"{",
        b"{}",
        b"[1, 2]",
        b'{"results": 5}',
        b'{"sentences": [{"start_ms": "x"}]}',
        b'[{"start": NaN, "end": 1, "text": "x"}]',
        b'[{"start": 1e300, "end": 1e301, "text": "x"}]',
        b'[{"start": 0, "end": 1, "text": {"a": 1}}]',
        b'{"results": {"items": [{"type": "pronunciation"}]}}',
    ],
)
def test_garbage_is_one_sentence(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(TranscriptError) as caught:
        read(tmp_path, data)
    assert "own.srt" in caught.value.user_message
    assert "\n" not in caught.value.user_message


def test_a_missing_file_and_a_huge_one(tmp_path: Path) -> None:
    with pytest.raises(TranscriptError, match=r"gone\.srt cannot be read"):
        subtitles.read(tmp_path / "gone.srt", HOUR_MS)
    with (tmp_path / "huge.srt").open("wb") as file:
        file.truncate(subtitles.MAX_BYTES + 1)
    with pytest.raises(TranscriptError, match="larger than 32 MB"):
        subtitles.read(tmp_path / "huge.srt", HOUR_MS)


@settings(max_examples=100, deadline=None)
@given(
    st.binary(max_size=400)
    | st.text(max_size=300).map(lambda text: f"1\n0:00:01.0 --> 0:00:02.0\n{text}".encode())
)
def test_hostile_bytes_give_cues_or_an_error(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "hostile"
    path.write_bytes(data)
    try:
        cues = subtitles.read(path, HOUR_MS).cues
    except TranscriptError:
        return
    assert all(a.end_ms <= b.start_ms for a, b in pairwise(cues))
    assert all(0 <= cue.start_ms < cue.end_ms <= HOUR_MS for cue in cues)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 90_000), st.integers(1, 30_000), st.booleans()), max_size=30))
def test_groups_hold_every_cue_and_do_not_grow_long(times: list[tuple[int, int, bool]]) -> None:
    made = (Cue(start, start + length, "a b", ()) for start, length, _ in times)
    cues = subtitles.merged(subtitles.clipped(made, 100_000))
    groups = align.grouped(cues)
    assert [cue for group in groups for cue in group.cues] == cues
    assert all(len(group.cues) == 1 or group.span.length_ms <= 20_000 for group in groups)


def test_words_are_spread_over_the_voice_by_their_length() -> None:
    words = align.over_voice(["aaaa", "bbbb"], Cue(0, 10_000, ""), [Span(1000, 2000), Span(8000, 9000)])
    assert [(word.start_ms, word.end_ms) for word in words] == [(1000, 2000), (8000, 9000)]
    (alone,) = align.over_voice(["word"], Cue(500, 900, ""), [])
    assert (alone.start_ms, alone.end_ms) == (500, 900)


def test_tokens_of_unspaced_scripts_are_letters_with_their_punctuation() -> None:
    assert subtitles.tokens("你好，Python 3.5 世界。") == ["你", "好，", "Python", "3.5", "世", "界。"]
    assert subtitles.tokens("well-known, isn't it?") == ["well-known,", "isn't", "it?"]


@pytest.mark.parametrize(
    ("token", "forms"),
    [
        ("Well-known,", ["well", "known"]),
        ("isn’t", ["isn't"]),
        ("1865", ["eighteen", "sixty", "five"]),
        ("1905", ["nineteen", "oh", "five"]),
        ("2,350", ["two", "thousand", "three", "hundred", "fifty"]),
        ("3.5%", ["three", "point", "five", "percent"]),
        ("10", ["ten"]),
        ("1000000", ["one", "million"]),
        ("007", ["zero", "zero", "seven"]),
        ("—", []),
    ],
)
def test_how_a_token_is_spoken(token: str, forms: list[str]) -> None:
    assert spoken_forms(token) == forms


def test_phones_of_an_unknown_word() -> None:
    assert phones("kangklip") == "K AE NG K L IH P"
    assert phones("'") == ""
