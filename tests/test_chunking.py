"""Chunks cover the whole talk, in order, and leave no clip cut in two."""

from itertools import pairwise

import pytest
from hypothesis import given, settings

from pipeline.chunking import CHUNK_MS, OVERLAP_MS, chunk
from tests.talks import talk


@settings(deadline=None, max_examples=150)
@given(talk(max_sentences=120))
def test_every_sentence_is_covered_in_order(sentences):
    chunks = chunk(sentences)
    covered = {i for c in chunks for i in range(c.first, c.last + 1)}
    assert covered == {s.id for s in sentences}
    assert [c.id for c in chunks] == list(range(len(chunks)))
    for before, after in pairwise(chunks):
        assert before.first < after.first <= before.last + 1
        assert before.last < after.last


@settings(deadline=None, max_examples=150)
@given(talk(max_sentences=120))
def test_a_chunk_is_no_longer_than_asked_unless_one_sentence_is(sentences):
    for c in chunk(sentences):
        assert c.end_ms - c.start_ms <= CHUNK_MS or c.first == c.last


@settings(deadline=None, max_examples=100)
@given(talk(max_sentences=120, longest_ms=8_000, longest_pause_ms=500))
def test_a_window_shorter_than_the_overlap_lies_whole_in_one_chunk(sentences):
    chunks = chunk(sentences)
    for start in range(len(sentences)):
        for end in range(start, min(start + 8, len(sentences))):
            if sentences[end].end_ms - sentences[start].start_ms <= OVERLAP_MS - 8_000:
                assert any(c.first <= start and end <= c.last for c in chunks)


def test_no_sentences_give_no_chunks():
    assert chunk(()) == ()


def test_an_overlap_as_long_as_the_chunk_is_refused():
    with pytest.raises(ValueError, match="overlap"):
        chunk((), chunk_ms=1000, overlap_ms=1000)
