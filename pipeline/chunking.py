"""Sentences to chunks of about five minutes: what one call of a model can look at. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.records import Chunk, Ms, Sentence

CHUNK_MS: Ms = 300_000
OVERLAP_MS: Ms = 60_000
"""As long as the longest usual clip, so that every clip lies whole in at least one chunk."""


def chunk(
    sentences: Sequence[Sentence], *, chunk_ms: Ms = CHUNK_MS, overlap_ms: Ms = OVERLAP_MS
) -> tuple[Chunk, ...]:
    """Cover all sentences with chunks that end on sentences and share about `overlap_ms`.

    A chunk is as long as fits into `chunk_ms`, but never less than one sentence; each starts at
    least one sentence after the one before. No chunk but the first lies wholly inside another.
    Raises ValueError unless `0 <= overlap_ms < chunk_ms`.
    """
    if not 0 <= overlap_ms < chunk_ms:
        raise ValueError(f"overlap {overlap_ms} ms: expected 0 <= overlap < chunk ({chunk_ms} ms)")
    chunks: list[Chunk] = []
    first = 0
    while first < len(sentences):
        last = first
        end_by = sentences[first].start_ms + chunk_ms
        while last + 1 < len(sentences) and sentences[last + 1].end_ms <= end_by:
            last += 1
        chunks.append(
            Chunk(
                id=len(chunks),
                first=sentences[first].id,
                last=sentences[last].id,
                start_ms=sentences[first].start_ms,
                end_ms=sentences[last].end_ms,
            )
        )
        if last + 1 == len(sentences):
            break
        first = _next_first(sentences, first, last, overlap_ms)
    return tuple(chunks)


def _next_first(sentences: Sequence[Sentence], first: int, last: int, overlap_ms: Ms) -> int:
    overlap_from = sentences[last].end_ms - overlap_ms
    following = last + 1
    while following - 1 > first and sentences[following - 1].start_ms >= overlap_from:
        following -= 1
    return following
