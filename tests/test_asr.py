"""TRANSCRIPT as a whole, on real sound through the real recognisers.

`whisper_double` is a tiny Whisper that knows one recording by heart, so faster-whisper's own path
gives text that can be compared.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import ffmpeg
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.asr import transcribe
from pipeline.errors import NoSpeech, TranscriptError
from pipeline.media import Ffmpeg
from pipeline.options import AsrOptions
from pipeline.records import Sentence, Source, Span, Transcript, Wish
from pipeline.speech import sound, vad, whisper
from pipeline.speech.notes import AsrProgress, AsrWarning, Note
from pipeline.speech.whisper import Gear, WhisperRecogniser

RECORDING_MS = 19_245
FIRST_SENTENCE = "Welcome back to the show."


def film(path: Path, duration_ms: int, audio_index: int = 0, **more: Any) -> Source:
    """A source as DOWNLOAD would describe it, as far as TRANSCRIPT looks at it."""
    return Source(
        path=path, title="t", duration_ms=duration_ms, width=640, height=360, fps_num=25, fps_den=1,
        video_codec="h264", audio_codec="aac", audio_index=audio_index, video_index=0, rotation=0,
        transfer="", size_bytes=1, fingerprint="x", **more,
    )  # fmt: skip


@pytest.fixture
def double(shared_media: Path) -> Path:
    return shared_media / "weights" / "whisper_double"


@pytest.fixture
def recording(double: Path) -> Source:
    return film(double / "recording.flac", RECORDING_MS)


class Listener:
    """Runs the stage and keeps everything it says."""

    def __init__(self, engine: Ffmpeg, options: AsrOptions) -> None:
        self.engine = engine
        self.options = options
        self.notes: list[Note] = []
        self.streamed: list[Sentence] = []

    def hear(self, source: Source, **wish: Any) -> Transcript:
        *streamed, last = transcribe(source, Wish("", **wish), self.options, self.engine, self.notes.append)
        self.streamed = [one for one in streamed if isinstance(one, Sentence)]
        assert len(self.streamed) == len(streamed)
        assert isinstance(last, Transcript)
        return last

    @property
    def warnings(self) -> list[str]:
        return [note.message for note in self.notes if isinstance(note, AsrWarning)]


@pytest.fixture
def offline(engine: Ffmpeg, tmp_path: Path) -> Listener:
    return Listener(engine, AsrOptions(model_dir=tmp_path, offline=True))


@pytest.fixture
def whispering(engine: Ffmpeg, double: Path) -> Listener:
    return Listener(engine, AsrOptions(model=str(double), device="cpu"))


def made(engine: Ffmpeg, path: Path, *inputs: Any, **options: Any) -> Path:
    engine.run(ffmpeg.output(*inputs, str(path), **options), timeout_s=60)
    return path


def check_words(transcript: Transcript, duration_ms: int) -> None:
    words = [word for one in transcript.sentences for word in one.words]
    assert all(a.end_ms <= b.start_ms for a, b in pairwise(words))
    assert all(word.end_ms - word.start_ms >= 20 and 0 <= word.probability <= 1 for word in words)
    assert words[-1].end_ms <= duration_ms
    assert [one.id for one in transcript.sentences] == list(range(len(transcript.sentences)))
    assert all(a.end_ms <= b.start_ms for a, b in pairwise(transcript.speech))
    assert len(transcript.sound.level_db) == -(-duration_ms // transcript.sound.step_ms)


# -- Whisper --------------------------------------------------------------------------------------


def test_whisper_hears_the_recording(whispering: Listener, recording: Source, double: Path) -> None:
    transcript = whispering.hear(recording)
    truth = [text for text, _, _ in json.loads((double / "words.json").read_text())]
    heard = [word.text for one in transcript.sentences for word in one.words]
    assert heard[:5] == truth[:5]
    assert abs(len(heard) - len(truth)) <= 2
    assert transcript.sentences[0].text == FIRST_SENTENCE
    assert (transcript.language, transcript.punctuated) == ("en", True)
    assert transcript.made_by.name == "faster-whisper"
    assert transcript.made_by.settings == "whisper_double int8 beam 5 batched 8"
    assert transcript.made_by.fallback == ""
    assert tuple(whispering.streamed) == transcript.sentences
    assert whispering.warnings == []
    fractions = [note.fraction for note in whispering.notes if isinstance(note, AsrProgress)]
    assert fractions == sorted(fractions) and fractions[-1] == 1.0
    check_words(transcript, RECORDING_MS)


def test_the_same_film_gives_the_same_transcript(whispering: Listener, recording: Source) -> None:
    assert whispering.hear(recording) == whispering.hear(recording)


def test_random_weights_run_the_whole_path(engine: Ffmpeg, shared_media: Path) -> None:
    stub = str(shared_media / "weights" / "whisper_stub_random")
    listener = Listener(engine, AsrOptions(model=stub, device="cpu", beam_size=1))
    # Noise may leave nothing that can be believed; that is an answer too.
    with suppress(NoSpeech):
        check_words(listener.hear(film(shared_media / "speech" / "jfk.flac", 11_000), language="en"), 11_000)


def test_a_folder_that_lacks_files_is_refused_before_loading(
    engine: Ffmpeg, recording: Source, double: Path, tmp_path: Path
) -> None:
    (tmp_path / "model.bin").write_bytes(b"x")
    listener = Listener(engine, AsrOptions(model=str(tmp_path)))
    with pytest.raises(TranscriptError, match=r"lacks config\.json, tokenizer\.json, vocabulary\.json or"):
        listener.hear(recording)


def test_weights_that_are_not_weights(
    engine: Ffmpeg, recording: Source, double: Path, tmp_path: Path
) -> None:
    for path in double.iterdir():
        (tmp_path / path.name).write_bytes(b"junk" if path.name == "model.bin" else path.read_bytes())
    listener = Listener(engine, AsrOptions(model=str(tmp_path), device="cpu"))
    with pytest.raises(TranscriptError, match="cannot run here"):
        listener.hear(recording)


def test_a_model_nobody_knows(engine: Ffmpeg, recording: Source) -> None:
    with pytest.raises(TranscriptError, match="neither a folder nor a Whisper size; choose one of tiny"):
        Listener(engine, AsrOptions(model="smal")).hear(recording)


def test_a_language_whisper_does_not_know(whispering: Listener, recording: Source) -> None:
    with pytest.raises(TranscriptError, match="does not know the language 'xx'"):
        whispering.hear(recording, language="xx")


class CrowdedGpu:
    """Loads the double on any device's gear, but runs out of memory above a batch size."""

    def __init__(
        self, folder: Path, batches: int, message: str = "CUDA failed with error out of memory"
    ) -> None:
        self.on_cpu = whisper.loader(folder, threads=0)
        self.batches = batches
        self.message = message

    def load(self, gear: Gear) -> Any:
        if gear.device == "cuda" and gear.batch_size > self.batches:
            raise RuntimeError(self.message)
        return self.on_cpu(Gear("cpu", "int8", gear.batch_size))


LADDER = whisper.gears(AsrOptions(), gpu=True)


def listen(load: Any, source: Source, engine: Ffmpeg, said: list[str]) -> WhisperRecogniser:
    recogniser = WhisperRecogniser("double", load, LADDER, 5, "en", said.append)
    for passage in vad.passages(sound.pieces(source, engine)):
        assert list(recogniser.listen(passage))
    return recogniser


def test_the_ladder_goes_down_batch_then_numbers_then_device() -> None:
    assert [str(gear) for gear in LADDER] == [
        "float16 batch 8 on cuda",
        "float16 batch 4 on cuda",
        "float16 batch 1 on cuda",
        "int8 batch 1 on cuda",
        "int8 batch 8 on cpu",
    ]
    assert [gear.device for gear in whisper.gears(AsrOptions(), gpu=False)] == ["cpu", "cpu"]


@pytest.mark.parametrize(
    ("batches", "settings_end", "steps"), [(4, "batched 4 cuda", 1), (0, "batched 8", 4)]
)
def test_a_full_gpu_is_stepped_down(
    double: Path, recording: Source, engine: Ffmpeg, batches: int, settings_end: str, steps: int
) -> None:
    said: list[str] = []
    made_by = listen(CrowdedGpu(double, batches).load, recording, engine, said).made_by
    assert made_by.settings.endswith(settings_end)
    assert "out of memory" in made_by.fallback
    assert len(said) == steps


def test_a_missing_driver_goes_to_the_cpu_at_once(double: Path, recording: Source, engine: Ffmpeg) -> None:
    said: list[str] = []
    gpu = CrowdedGpu(double, 0, "Library libcublas.so.12 is not found")
    assert listen(gpu.load, recording, engine, said).made_by.settings.endswith("int8 beam 5 batched 8")
    assert len(said) == 1 and "libcublas" in said[0]


# -- pocketsphinx ---------------------------------------------------------------------------------


def test_without_weights_the_embedded_recogniser_takes_over(offline: Listener, shared_media: Path) -> None:
    transcript = offline.hear(film(shared_media / "speech" / "jfk.flac", 11_000))
    assert transcript.made_by.name == "pocketsphinx"
    assert "no Whisper weights: small is not in" in transcript.made_by.fallback
    assert (transcript.language, transcript.punctuated) == ("en", False)
    assert len(offline.warnings) == 1 and "English is assumed" in offline.warnings[0]
    text = " ".join(one.text for one in transcript.sentences).lower()
    assert "what you can" in text
    assert any(word.probability < 1 for one in transcript.sentences for word in one.words)
    check_words(transcript, 11_000)


def test_the_embedded_recogniser_knows_only_english(offline: Listener, recording: Source) -> None:
    with pytest.raises(TranscriptError, match="only English can be recognised, not 'de': give a transcript"):
        offline.hear(recording, language="de")


# -- given transcripts ----------------------------------------------------------------------------


def srt(path: Path, cues: list[tuple[float, float, str]]) -> Path:
    def clock(seconds: float) -> str:
        return f"00:00:{int(seconds):02d},{round(seconds % 1 * 1000):03d}"

    blocks = [f"{n}\n{clock(a)} --> {clock(b)}\n{text}\n" for n, (a, b, text) in enumerate(cues, start=1)]
    path.write_text("\n".join(blocks))
    return path


def rough_cues(words: list[list[Any]]) -> list[tuple[float, float, str]]:
    """Cues of six words whose edges are up to 0.3 s wrong, as people's subtitles are."""
    groups = [words[n : n + 6] for n in range(0, len(words), 6)]
    edges = [max(0.0, group[0][1] + 0.3 * (-1) ** n) for n, group in enumerate(groups)]
    ends = [*edges[1:], words[-1][2] + 0.2]
    texts = [" ".join(word for word, _, _ in group) for group in groups]
    return list(zip(edges, ends, texts, strict=True))


def test_an_english_transcript_is_aligned_word_by_word(
    offline: Listener, recording: Source, double: Path, tmp_path: Path
) -> None:
    truth = json.loads((double / "words.json").read_text())
    own = srt(tmp_path / "own.srt", rough_cues(truth))
    transcript = offline.hear(recording, transcript=own)
    words = [word for one in transcript.sentences for word in one.words]
    assert [word.text for word in words] == [text for text, _, _ in truth]
    errors = [abs(word.start_ms - start * 1000) for word, (_, start, _) in zip(words, truth, strict=True)]
    assert median(errors) < 40
    assert sorted(errors)[len(errors) * 9 // 10] < 120
    assert transcript.made_by.name == "subtitles"
    assert transcript.made_by.settings.startswith(f"{len(truth)} words: {len(truth)} aligned to the sound")
    assert transcript.punctuated and transcript.language == "en"
    check_words(transcript, RECORDING_MS)


def test_other_languages_are_spread_over_the_voice(
    offline: Listener, recording: Source, tmp_path: Path
) -> None:
    own = srt(tmp_path / "own.srt", [(0, 4, "Selamat datang kembali."), (4, 9, "Hari ini kita akan bicara.")])
    transcript = offline.hear(recording, transcript=own, language="id")
    assert [one.text for one in transcript.sentences] == [
        "Selamat datang kembali.",
        "Hari ini kita akan bicara.",
    ]
    assert "0 aligned to the sound" in transcript.made_by.settings
    assert transcript.language == "id"
    check_words(transcript, RECORDING_MS)


def test_the_sites_subtitles_replace_listening_unless_told_not_to(
    offline: Listener, whispering: Listener, recording: Source, double: Path, tmp_path: Path
) -> None:
    site = srt(tmp_path / "site.srt", [(0.2, 1.4, "Welcome back, dear people.")])
    with_subtitles = film(recording.path, RECORDING_MS, subtitles=site, subtitles_language="en-GB")
    assert offline.hear(with_subtitles).made_by.name == "subtitles"
    assert whispering.hear(with_subtitles, language="en").sentences[0].text == "Welcome back, dear people."
    listening = AsrOptions(model=str(double), device="cpu", use_site_subtitles=False)
    heard = Listener(offline.engine, listening).hear(with_subtitles)
    assert heard.sentences[0].text == FIRST_SENTENCE


def test_useless_site_subtitles_do_no_harm(whispering: Listener, recording: Source, tmp_path: Path) -> None:
    (tmp_path / "site.srt").write_text("<html>403</html>")
    broken = film(recording.path, RECORDING_MS, subtitles=tmp_path / "site.srt")
    assert whispering.hear(broken).sentences[0].text == FIRST_SENTENCE
    assert "of no use" in whispering.warnings[0]


def test_a_persons_useless_transcript_is_refused(
    whispering: Listener, recording: Source, tmp_path: Path
) -> None:
    (tmp_path / "own.srt").write_text("hello")
    with pytest.raises(TranscriptError, match=r"own\.srt holds no text with times"):
        whispering.hear(recording, transcript=tmp_path / "own.srt")


# -- sound and time -------------------------------------------------------------------------------


@pytest.mark.parametrize("filter_", ["anullsrc=r=44100:cl=stereo", "sine=frequency=440", "anoisesrc=a=0.05"])
def test_sound_without_a_voice_is_no_speech(
    offline: Listener, engine: Ffmpeg, tmp_path: Path, filter_: str
) -> None:
    path = made(engine, tmp_path / "quiet.flac", ffmpeg.input(filter_, f="lavfi", t=5))
    with pytest.raises(NoSpeech, match="Nobody speaks"):
        offline.hear(film(path, 5000))


def test_a_late_second_track_keeps_the_films_time(
    whispering: Listener, engine: Ffmpeg, recording: Source, tmp_path: Path
) -> None:
    picture = ffmpeg.input("color=black:size=64x64:rate=25", f="lavfi", t=23)
    silence = ffmpeg.input("anullsrc=r=16000:cl=mono", f="lavfi", t=23)
    voice = ffmpeg.input(str(recording.path), itsoffset=2.5)
    path = made(engine, tmp_path / "late.mkv", picture, silence, voice, acodec="flac", vcodec="mpeg4")
    on_time = whispering.hear(recording)
    late = whispering.hear(film(path, 23_000, audio_index=2))
    assert late.sentences[0].text == FIRST_SENTENCE
    assert abs(late.speech[0].start_ms - on_time.speech[0].start_ms - 2500) <= 40
    with pytest.raises(NoSpeech):
        whispering.hear(film(path, 23_000, audio_index=1))


def test_sound_that_cannot_be_decoded(offline: Listener, tmp_path: Path) -> None:
    (tmp_path / "junk.mp4").write_bytes(b"\0" * 5000)
    with pytest.raises(TranscriptError, match="cannot be decoded"):
        offline.hear(film(tmp_path / "junk.mp4", 5000))


def test_the_grid_tells_the_level_and_covers_the_film(engine: Ffmpeg, tmp_path: Path) -> None:
    tone = ffmpeg.input("sine=frequency=440:duration=1.05", f="lavfi").filter("volume", "-6dB")
    path = made(engine, tmp_path / "tone.wav", tone)
    loudness = sound.Loudness()
    for samples in sound.pieces(film(path, 2000), engine):
        loudness.add(samples)
    grid = loudness.grid(2000)
    # ffmpeg's sine has an amplitude of 1/8: -18 dBFS peak, -21 RMS, and 6 less.
    assert grid.level_db[:10] == (-27,) * 10
    assert grid.level_db[11:] == (sound.FLOOR_DB,) * 9
    assert len(grid.level_db) == 20


def test_a_long_film_is_cut_in_pauses(engine: Ffmpeg, recording: Source, tmp_path: Path) -> None:
    path = made(engine, tmp_path / "long.flac", ffmpeg.input(str(recording.path), stream_loop=9))
    whole = list(vad.passages(sound.pieces(film(path, 10 * RECORDING_MS), engine)))
    assert len(whole) >= 2
    assert all(a.end_ms == b.start_ms for a, b in pairwise(whole))
    assert all(one.end_ms - one.start_ms <= vad.LONGEST_PASSAGE_MS for one in whole)
    for passage in whole[1:]:
        assert not any(span.start_ms < passage.start_ms < span.end_ms for one in whole for span in one.speech)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4000), st.integers(1, 70_000)), max_size=20))
def test_clips_cover_all_speech_and_are_short_enough(gaps: list[tuple[int, int]]) -> None:
    speech, at = [], 0
    for gap, length in gaps:
        speech.append(Span(at + gap + 1, at + gap + 1 + length))
        at = speech[-1].end_ms
    samples = np.zeros(sound.to_sample(at), dtype=np.float32)
    found = vad.clips(vad.Passage(0, samples, tuple(speech)), 25_000, 2000, 300)
    assert all(clip.length_ms <= 25_600 for clip in found)
    assert all(a.end_ms <= b.start_ms for a, b in pairwise(found))
    covered = sum(
        max(0, min(span.end_ms, clip.end_ms) - max(span.start_ms, clip.start_ms))
        for span in speech
        for clip in found
    )
    assert covered == sum(span.length_ms for span in speech)


def children() -> set[str]:
    return set(Path("/proc/self/task").joinpath(str(os.getpid()), "children").read_text().split())


def test_leaving_early_ends_ffmpeg(
    whispering: Listener, engine: Ffmpeg, recording: Source, tmp_path: Path
) -> None:
    path = made(engine, tmp_path / "long.wav", ffmpeg.input(str(recording.path), stream_loop=8))
    before = children()
    stage = transcribe(
        film(path, 9 * RECORDING_MS), Wish(""), whispering.options, engine, whispering.notes.append
    )
    assert isinstance(next(stage), Sentence)
    assert children() > before
    stage.close()  # type: ignore[attr-defined]
    assert children() == before


MEASURE = """
import resource, sys
from pathlib import Path
from tests.test_asr import film, Listener
from pipeline.media import Ffmpeg
from pipeline.options import AsrOptions
path, length, model = sys.argv[1:]
Listener(Ffmpeg.bundled(), AsrOptions(model=model, device="cpu")).hear(film(Path(path), int(length)))
sys.stdout.write(str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_film(
    engine: Ffmpeg, recording: Source, double: Path, tmp_path: Path
) -> None:
    def peak_kb(loops: int) -> int:
        path = made(engine, tmp_path / f"{loops}.flac", ffmpeg.input(str(recording.path), stream_loop=loops))
        length = str((loops + 1) * RECORDING_MS)
        run = subprocess.run(
            [sys.executable, "-c", MEASURE, str(path), length, str(double)],
            cwd=Path(__file__).parents[1], capture_output=True, text=True, check=True, timeout=300,
        )  # fmt: skip
        return int(run.stdout)

    # Three minutes and half an hour; held as samples, the difference alone would be 100 MB.
    assert peak_kb(92) - peak_kb(9) < 60_000
