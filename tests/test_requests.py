"""The exact questions, and that none is ever too long. `python -m tests.test_requests` writes the golden file
anew after a wanted change of a prompt."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from llm.desk import LONGEST_FAULT, LONGEST_QUOTED_ANSWER, Question, repair_of
from llm.film import film_of
from llm.find import question_of as find_question
from llm.mend import question_of as mend_question
from llm.name import question_of as name_question
from llm.pool import Candidate
from llm.prompt import MOST_QUESTION_CHARS, excerpt, filled
from llm.rank import question_of as rank_question
from pipeline.chunking import chunk
from pipeline.records import MadeBy, Pick, Sentence, Sound, Span, Transcript, Wish, Word
from tests.choosing import ask, talk
from tests.fake_llm import Answer, Script, clip, mended, says
from tests.films import ROOT

GOLDEN = ROOT / "tests" / "data" / "choice_requests.json"

SAID = (
    "Good evening and welcome back.",
    "Why does bread need a whole night?",
    "Most people think it is the yeast.",
    "It is not, it is the flour that needs time.",
    "My grandmother in Lyon knew that in 1950.",
    "She left the dough by the window and went to sleep.",
    "In the morning it had doubled, and the street smelled of it.",
    "So patience is an ingredient.",
    "Any questions?",
)


def small_talk() -> Transcript:
    """Nine sentences of four seconds, the fifth one loud."""
    sentences = tuple(
        Sentence(n, n * 5_000, n * 5_000 + 4_000, text, (Word(n * 5_000, n * 5_000 + 4_000, text),))
        for n, text in enumerate(SAID)
    )
    levels = tuple(-20 if 200 <= step < 240 else -32 for step in range(450))
    return Transcript(
        "en",
        sentences,
        tuple(Span(s.start_ms, s.end_ms) for s in sentences),
        Sound(100, levels),
        MadeBy("test"),
    )


def questions() -> dict[str, Question[Any]]:
    """One question of each step about the small talk, and a repair."""
    transcript = small_talk()
    wish = Wish("talk.mp4", count=2, min_ms=15_000, max_ms=30_000, output_language="id", focus="baking <b>")
    film = film_of(transcript, chunk(transcript.sentences), wish)
    pool = [
        Candidate(Pick(1, 4, "", 80, "It asks what everybody takes for granted.")),
        Candidate(Pick(5, 8, "", 70, "A picture one can smell.")),
    ]
    return {
        "find": find_question(film, film.parts[0]),
        "mend": mend_question(film, pool),
        "rank": rank_question(film, pool),
        "name": name_question(film, pool),
    }


def requests() -> dict[str, Any]:
    asked = questions()
    steps = {step: {"messages": q.messages, "schema": q.schema} for step, q in asked.items()}
    repair = repair_of(asked["find"], '{"clips": 7}', '"clips" is not a list')
    return json.loads(json.dumps({**steps, "repair": repair[2:]}))


@pytest.mark.parametrize("step", ["find", "mend", "rank", "name", "repair"])
def test_the_questions_are_those_of_the_golden_file(step: str) -> None:
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    assert requests()[step] == golden[step], "if that is wanted: python -m tests.test_requests"


GOOD = {
    "find": {"clips": [clip(1, 4, quote="Why does bread need")]},
    "mend": {"clips": {"clip_1": mended(1, 5, ("tight", 2, 5)), "clip_2": mended(5, 8)}},
    "rank": {"ranking": [{"candidate": n, "score": 50, "good": False} for n in (2, 1)]},
    "name": {"clips": {f"clip_{n}": {"title": "x" * 70, "hook": "x" * 90} for n in (1, 2)}},
}


@pytest.mark.parametrize("step", GOOD)
def test_a_good_answer_is_in_the_form_asked_for_and_others_are_not(step: str) -> None:
    question = questions()[step]
    jsonschema.validate(GOOD[step], question.schema)
    for spoilt in ({}, {**GOOD[step], "more": 1}, json.loads(json.dumps(GOOD[step]).replace("1", "-1"))):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(spoilt, question.schema)


def test_a_slot_left_open_is_an_error() -> None:
    with pytest.raises(KeyError):
        filled("name", language="English")


def test_an_excerpt_keeps_both_ends() -> None:
    text = " ".join(f"word{number}" for number in range(300))
    short = excerpt(text, 200)
    assert len(short) <= 200 and short.startswith("word0 word1") and short.endswith("word299")
    assert " (…) " in short and excerpt("one <b>", 200) == "one ‹b›"
    assert len(excerpt("あ" * 500, 100)) <= 100


# -- three hours ----------------------------------------------------------------------------------


def eight_each(question: Any) -> Answer:
    """Eight clips a part, as far as there are sentences."""
    starts = list(range(question.first, question.last - 5, 6))[:8]
    return says([clip(at, at + 5, 40 + at % 50) for at in starts])


def long_talk(words: int, space: str) -> Transcript:
    """Three hours; every sentence has other words, so that no topic repeats."""
    texts = {n: space.join(f"w{n * words + w}" for w in range(words)) + "." for n in range(1_930)}
    return talk(1_930, said=texts)


@pytest.mark.parametrize(
    ("words", "space"), [(14, " "), (100, " "), (60, "")], ids=["usual", "endless", "unspaced"]
)
@pytest.mark.parametrize("repairs", [False, True])
def test_no_question_about_three_hours_is_too_long(words: int, space: str, repairs: bool) -> None:
    film = long_talk(words, space)
    wish = Wish("talk.mp4", count=5, min_ms=20_000, max_ms=40_000, focus="字" * 1_000)
    broken: Script = lambda question: Answer("…" * 20_000)  # noqa: E731
    steps = dict.fromkeys(("mend", "rank", "name"), broken) if repairs else {}
    _, server = ask(eight_each, film, wish, **steps)
    first = [len(question.text) for question in server.questions if not question.is_repair]
    again = [len(question.text) for question in server.questions if question.is_repair]
    assert max(first) <= MOST_QUESTION_CHARS
    assert max(again, default=0) <= MOST_QUESTION_CHARS + LONGEST_QUOTED_ANSWER + LONGEST_FAULT + 500
    assert again or not repairs
    assert len(server.questions) - len(server.asked("find")) <= 2 * (5 + 2 + 2)
    shown = set().union(*(question.lines for question in server.asked("find")))
    assert shown == set(range(1_930))


if __name__ == "__main__":
    GOLDEN.write_text(json.dumps(requests(), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
