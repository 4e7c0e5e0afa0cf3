"""The one door to choosing: a model when one is configured, the heuristic otherwise or when it fails.

Each part of the video is asked about in its own question, several at once; what comes back is checked,
pooled and ranked. Whoever chose, and why the other did not, is in the result.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from llm.answer import Claim, Reading, read_answer
from llm.best_set import REJECTED, RESERVES
from llm.client import BadAnswer, ChatClient, ModelUnusable
from llm.features import Features, measure
from llm.heuristic import choose_heuristic
from llm.prompt import PROMPT_VERSION, answer_schema, disarmed, messages_for, repair_for
from llm.titles import hook_of, title_of
from llm.topics import SAME_TOPIC, likeness, vector_of
from llm.windows import Windows, energy_lift, score_windows
from pipeline.options import ModelOptions
from pipeline.records import Choice, Chunk, MadeBy, Pick, Rejected, Transcript, Wish

PARALLEL_QUESTIONS = 4
"""What a local server batches well and a hosted one's rate limit bears."""

LIVELY_TAG_DB = 2.0


@dataclass(frozen=True, slots=True)
class _Film:
    """What every question and every check needs of the film."""

    transcript: Transcript
    wish: Wish
    features: Features
    windows: Windows
    parts: Sequence[Chunk]
    energy: dict[int, str]


@dataclass(frozen=True, slots=True)
class _PartResult:
    """A part's reading, or the fault that made its answer useless."""

    part: Chunk
    reading: Reading | None
    repaired: bool = False
    fault: str = ""


def choose(transcript: Transcript, chunks: Sequence[Chunk], wish: Wish, options: ModelOptions) -> Choice:
    """Passages worth a clip, best first, and those considered and not taken.

    The first `wish.count` picks lie apart and differ in topic (fewer where the film holds fewer); what
    follows is a reserve in order. Whatever goes wrong with the model, the heuristic decides instead,
    and `made_by.fallback` says why.
    """
    if not options.api_base.strip():
        return choose_heuristic(transcript, wish, fallback="no model is configured")
    if not options.model.strip():
        return choose_heuristic(
            transcript, wish, fallback="LLM_API_BASE is set, but LLM_MODEL_NAME names no model"
        )
    features = measure(transcript)
    windows = score_windows(features, transcript.sound, wish)
    if not chunks or not len(windows.first):
        return choose_heuristic(transcript, wish, fallback="the video holds no passage to ask a model about")
    film = _Film(transcript, wish, features, windows, chunks, _energy_tags(transcript))
    try:
        results = _ask_all(film, options)
    except ModelUnusable as exc:
        return choose_heuristic(transcript, wish, fallback=str(exc))
    return _pooled(film, results, options.model)


def _ask_all(film: _Film, options: ModelOptions) -> list[_PartResult]:
    """Every part's result, in the order of the parts. Raises ModelUnusable at the first such failure."""
    with (
        ChatClient(options) as client,
        ThreadPoolExecutor(PARALLEL_QUESTIONS, thread_name_prefix="choose") as pool,
    ):
        futures = [pool.submit(_ask, client, film, part) for part in film.parts]
        try:
            return [future.result() for future in futures]
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _ask(client: ChatClient, film: _Film, part: Chunk) -> _PartResult:
    """Ask about one part, and once more when the answer is of no use."""
    sentences = film.transcript.sentences
    asked = messages_for(
        part,
        len(film.parts),
        sentences[part.first : part.last + 1],
        film.energy,
        film.wish,
        film.transcript.language,
    )
    schema, answer, fault = answer_schema(part), "", ""
    for attempt in (asked, None):
        messages = attempt or repair_for(asked, answer, fault, part, film.wish)
        try:
            answer = client.ask(messages, schema)
            reading = read_answer(answer, part, sentences, film.windows, film.wish)
        except BadAnswer as exc:
            answer, fault = exc.answer, str(exc)
            continue
        if reading.claims or not reading.faults:
            return _PartResult(part, reading, repaired=attempt is None)
        fault = "; ".join(reading.faults)
    return _PartResult(part, None, repaired=True, fault=fault)


def _energy_tags(transcript: Transcript) -> dict[int, str]:
    """A coarse word for how a sentence is spoken, where the sound tells."""
    lift = energy_lift(transcript.sound)
    tags: dict[int, str] = {}
    for sentence in transcript.sentences:
        seconds = lift[sentence.start_ms // 1000 : sentence.end_ms // 1000 + 1]
        level = float(seconds.mean()) if len(seconds) else 0.0
        tags[sentence.id] = (
            "lively" if level > LIVELY_TAG_DB else "calm" if level < -LIVELY_TAG_DB else "even"
        )
    return tags


def _pooled(film: _Film, results: Sequence[_PartResult], model: str) -> Choice:
    """All parts' claims ranked together, filled up by the heuristic where they are too few."""
    failed = [result for result in results if result.reading is None]
    if len(failed) == len(results):
        return choose_heuristic(
            film.transcript, film.wish, fallback=f"the model's answers could not be used: {failed[0].fault}"
        )
    readings = [result.reading for result in results if result.reading is not None]
    claims = [claim for reading in readings for claim in reading.claims]
    second = choose_heuristic(film.transcript, film.wish)
    candidates = [_as_pick(film, claim) for claim in claims]
    candidates += [pick for pick in second.picks if any(_inside(pick, result.part) for result in failed)]
    taken, turned_away = _apart(film, sorted(candidates, key=lambda p: (-p.score, p.first, p.last)), [])
    by_model = len(taken)
    wanted = film.wish.count + RESERVES
    if by_model < wanted:
        taken, _ = _apart(film, second.picks, taken)
    rejected = [*turned_away, *(each for reading in readings for each in reading.rejected), *second.rejected]
    made_by = MadeBy(
        name=disarmed(model, 100),
        version=f"prompt {PROMPT_VERSION}",
        settings=_settings(results, by_model, film.wish.count),
        fallback=_shortfall(failed, len(results), by_model, film.wish.count),
    )
    return Choice(tuple(taken[:wanted]), tuple(_others(rejected, taken[:wanted])), made_by)


def _settings(results: Sequence[_PartResult], by_model: int, count: int) -> str:
    repaired = sum(result.repaired for result in results)
    text = f"{len(results)} parts, {repaired} asked twice, temperature 0"
    return text if by_model >= count else f"{text}; picks from number {by_model + 1} on by the heuristic"


def _shortfall(failed: Sequence[_PartResult], parts: int, by_model: int, count: int) -> str:
    """Why the heuristic had a hand in the result; empty when it had none."""
    told = []
    if failed:
        told.append(f"{len(failed)} of {parts} parts were judged by the heuristic ({failed[0].fault})")
    if by_model < count:
        told.append(
            f"the model found {by_model} of {count} clips, the heuristic chose the rest"
            if by_model
            else "the model found nothing worth a clip, the heuristic chose"
        )
    return "; ".join(told)


def _inside(pick: Pick, part: Chunk) -> bool:
    return part.first <= pick.first and pick.last <= part.last


def _as_pick(film: _Film, claim: Claim) -> Pick:
    sentences = film.transcript.sentences[claim.first : claim.last + 1]
    own_title = title_of(sentences, film.features, film.transcript.language, film.transcript.punctuated)
    return Pick(
        first=claim.first,
        last=claim.last,
        title=claim.title or own_title,
        score=claim.score,
        reason=claim.reason or "The model gave no reason.",
        hook=hook_of(sentences),
        parts=claim.parts,
    )


def _apart(
    film: _Film, candidates: Sequence[Pick], taken: Sequence[Pick]
) -> tuple[list[Pick], list[Rejected]]:
    """`taken` and those candidates, in order, that neither overlap nor repeat one before them."""
    kept = list(taken)
    vectors = [vector_of(film.features, pick.first, pick.last) for pick in kept]
    away: list[Rejected] = []
    for pick in candidates:
        vector = vector_of(film.features, pick.first, pick.last)
        why = ""
        for place, (other, said) in enumerate(zip(kept, vectors, strict=True), start=1):
            if pick.first <= other.last and other.first <= pick.last:
                why = f"overlaps a better clip (clip {place})"
            elif likeness(vector, said) >= SAME_TOPIC:
                why = f"says the same as clip {place}"
            if why:
                break
        if why:
            away.append(Rejected(pick.first, pick.last, pick.score, why, pick.title))
        else:
            kept.append(pick)
            vectors.append(vector)
    return kept, away


def _others(rejected: Sequence[Rejected], picks: Sequence[Pick]) -> list[Rejected]:
    """The rejected passages without doubles and without what was picked after all."""
    seen = {(pick.first, pick.last) for pick in picks}
    others: list[Rejected] = []
    for each in rejected:
        if (each.first, each.last) not in seen:
            seen.add((each.first, each.last))
            others.append(each)
    return others[:REJECTED]
