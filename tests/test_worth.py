"""What a sentence is worth: a share, whatever is spoken; the same measure in a talk as in a meeting."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.learn_worth import learn
from benchmarks.meetings import Act, Meeting, read_meetings
from llm.features import measure, sentence_vectors
from llm.terms import words_of
from llm.worth import MEASURES, WEIGHTS_FILE, measures, shipped_weights
from tests.talks import make_sentence, transcript_of

WORDS = st.lists(st.integers(1, 900), min_size=1, max_size=12)


@given(st.lists(WORDS, max_size=12), st.sampled_from(["en", "id", "ar", "xx"]))
def test_it_is_a_share_whatever_is_spoken(lengths, language):
    at, sentences = 0, []
    for number, words in enumerate(lengths):
        sentences.append(make_sentence(number, at, words))
        at = sentences[-1].end_ms + 100
    talk = replace(transcript_of(sentences), language=language)
    worth = measure(talk).worth
    assert len(worth) == len(sentences) and np.isfinite(worth).all() and ((worth >= 0) & (worth <= 1)).all()


def table(talk):
    spoken = [words_of(sentence.text) for sentence in talk.sentences]
    start = np.array([sentence.start_ms for sentence in talk.sentences], dtype=np.int64)
    end = np.array([sentence.end_ms for sentence in talk.sentences], dtype=np.int64)
    return measures(start, end, spoken, sentence_vectors(talk), "en")


def test_measures_are_relative_to_the_film():
    talk = transcript_of([make_sentence(i, 4_000 * i, [200 + 7 * i] * (3 + i % 9)) for i in range(60)])
    found = table(talk)
    assert set(found) == set(MEASURES)
    for name, values in found.items():
        assert abs(values.mean()) < 1e-6, name
        assert values.std() < 1.001, name
    assert found["long"].std() == pytest.approx(1, abs=1e-3)


def test_sentences_that_hardly_differ_are_not_told_apart():
    talk = transcript_of([make_sentence(i, 5_000 * i, [400 + i % 2] * 8) for i in range(40)])
    assert float(np.ptp(measure(talk).worth)) < 0.02


def test_a_long_thought_is_worth_more_than_chat():
    lengths = [2, 1, 3, 40, 2, 1, 2, 1, 3, 2]
    sentences, at = [], 0
    for number, count in enumerate(lengths):
        sentences.append(make_sentence(number, at, [300] * count))
        at = sentences[-1].end_ms + 300
    worth = measure(transcript_of(sentences)).worth
    assert int(worth.argmax()) == 3


def test_only_english_words_count_as_such():
    talk = transcript_of([make_sentence(i, 4_000 * i, [300] * 8) for i in range(6)])
    english, other = measure(talk).worth, measure(replace(talk, language="de")).worth
    assert np.allclose(english, other), "nothing of these invented words is English"
    said = replace(talk.sentences[2], text="Today we would like to talk about any such project")
    spoken = replace(talk, sentences=(*talk.sentences[:2], said, *talk.sentences[3:]))
    assert measure(spoken).worth[2] != pytest.approx(
        measure(replace(spoken, language="de")).worth[2], abs=1e-3
    )


def test_the_shipped_weights_are_whole():
    weights = shipped_weights()
    assert (
        set(weights.measures) == set(MEASURES) and "AMI" in weights.learnt_on and "ICSI" in weights.learnt_on
    )
    assert all(
        np.isfinite(value) and abs(value) < 5
        for value in (*weights.measures.values(), *weights.words.values())
    )
    assert 100 < len(weights.words) < 1000 and WEIGHTS_FILE.stat().st_size < 50_000


def marked(name: str, chosen_when) -> Meeting:
    rng = np.random.default_rng(len(name))
    acts, at = [], 0
    for _ in range(300):
        size = int(rng.integers(1, 30))
        words = tuple(rng.choice(["apple", "pear", "plum", "the", "and", "so"], size))
        acts.append(Act(at, at + 300 * size, "A", bool(chosen_when(size)), words))
        at += 300 * size + 200
    return Meeting(name, tuple(acts))


def test_what_is_marked_is_learnt():
    long = learn([marked("ES2002a", lambda size: size > 15), marked("ES2002b", lambda size: size > 15)])
    short = learn([marked("ES2002a", lambda size: size < 8), marked("ES2002b", lambda size: size < 8)])
    assert long.measures["long"] > 0 > short.measures["long"]
    assert long.learnt_on == "2 meetings of AMI"
    with pytest.raises(ValueError, match="no meetings"):
        learn([])


def test_a_line_that_is_none_is_named(tmp_path):
    (tmp_path / "ES2002a.da").write_text("a\t1\t2\tA\tPM\ts\t+1\t1\tfine words\nbroken line\n")
    with pytest.raises(ValueError, match=r"ES2002a\.da, line 2"):
        read_meetings(tmp_path)
    (tmp_path / "ES2002a.da").write_text("a\t1\t2\tA\tPM\ts\t+1\t1\tfine {vocalsound} words .\n")
    (meeting,) = read_meetings(tmp_path)
    assert meeting.corpus == "AMI" and meeting.acts[0] == Act(1000, 2000, "A", True, ("fine", "words"))
