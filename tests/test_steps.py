"""MEND, RANK and NAME: what each may change, and that a step that fails leaves what the one before made."""

from __future__ import annotations

import pytest

from llm.choose import choose
from llm.grounding import fault_of
from llm.rank import DISAGREEMENT_POINTS, DOUBT_POINTS, read_ranking
from pipeline.records import Choice, Wish
from tests.choosing import SUBJECTS, TALK, WISH, ask, options, parts_of, talk
from tests.fake_llm import (
    MODEL,
    Answer,
    FakeLlm,
    Question,
    Script,
    clip,
    keeps,
    mended,
    names_by_its_words,
    ranks,
    says,
    scripted,
)

THREE = scripted(clip(22, 27, 90), clip(70, 75, 80), clip(100, 105, 70))


def places(choice: Choice, count: int = 3) -> list[tuple[int, int]]:
    return [(pick.first, pick.last) for pick in choice.picks[:count]]


def edges(**clips: dict[str, object]) -> Script:
    """MEND: what is given for the clips that begin there (`at_22`), the others stay as they are."""

    def answer(question: Question) -> Answer:
        return says(
            {f"clip_{s.number}": clips.get(f"at_{s.first}", mended(s.first, s.last)) for s in question.shown}
        )

    return answer


# -- MEND -----------------------------------------------------------------------------------------


def test_edges_move_within_what_was_shown_and_the_length() -> None:
    choice, server = ask(THREE, mend=edges(at_22=mended(20, 26), at_70=mended(72, 76)))
    assert places(choice) == [(20, 26), (72, 76), (100, 105)]
    assert "2 of 3 edges mended" in choice.made_by.settings and not choice.made_by.fallback
    shown = server.asked("mend")[0]
    assert sorted(shown.lines) == [*range(19, 31), *range(67, 79), *range(97, 109)]
    assert shown.shown[0].words.startswith("19 | before | 5 s | Report 19")
    assert "22 | first | 5 s | Report 22" in shown.user and "27 | last | 5 s | Report 27" in shown.user


@pytest.mark.parametrize(
    ("told", "stays"),
    [
        (mended(19, 30), (22, 27)),  # both: 67 s; either alone: 50 s
        (mended(19, 26), (22, 26)),  # 44 s is too long, but the end alone may move
        (mended(0, 27), (22, 27)),
        (mended(24, 33), (22, 27)),
        (mended("22", None), (22, 27)),
        (mended(27, 22), (22, 27)),
        ({}, (22, 27)),
        ("22-27", (22, 27)),
    ],
)
def test_a_move_that_cannot_be_leaves_the_clip_whole(told: dict[str, object], stays: tuple[int, int]) -> None:
    choice, server = ask(THREE, mend=edges(at_22=told))
    assert places(choice) == [stays, (70, 75), (100, 105)]
    assert len(server.asked("mend")) == 1  # the other clips were mended, so it is not asked again


def test_moves_that_never_fit_are_told() -> None:
    choice, server = ask(scripted(clip(22, 27, 90)), mend=edges(at_22=mended(0, 119)))
    assert [q.is_repair for q in server.asked("mend")] == [False, True]
    assert "only the ids shown" in server.asked("mend")[1].messages[-1]["content"]
    assert "mend left edges as they were found (clip_1: there are only the ids" in choice.made_by.fallback


def test_other_cuts_are_kept_as_what_they_are() -> None:
    others = mended(22, 27, ("with_question", 21, 27), ("tight", 23, 27))
    odd = mended(70, 75, ("tight", 70, 75), ("with_reaction", 70, 200), ("with_reaction", 70, 76))
    choice, _ = ask(THREE, mend=edges(at_22=others, at_70=odd, at_100=mended(100, 105, ("loud", 101, 105))))
    kept = {(r.first, r.last): r.why for r in choice.rejected if r.why.startswith("alternative")}
    assert kept == {(21, 27): "alternative: with the question", (23, 27): "alternative: tighter"}
    assert all(r.title for r in choice.rejected)


def test_many_candidates_take_a_bounded_number_of_questions() -> None:
    film = talk(400, said={n: f"Matter {n} of a kind {n} with word{n} thing{n} item{n}." for n in range(400)})
    every = scripted(*(clip(n, n + 5, 50 + n % 40) for n in range(0, 390, 7)))
    _, server = ask(every, film)
    assert sum(len(q.shown) for q in server.asked("mend")) == 3 * WISH.count + 4
    assert [len(q.shown) for q in server.asked("rank")] == [30, 30]


# -- RANK -----------------------------------------------------------------------------------------


def by(scores: dict[int, int], good: bool = True) -> Script:
    """RANK: scores by the candidate's first sentence, whatever the order of the list."""

    def answer(question: Question) -> Answer:
        entries = [(s.number, scores[s.first], good) for s in question.shown]
        return ranks(*sorted(entries, key=lambda entry: -entry[1]))

    return answer


def test_the_pool_is_ranked_in_both_directions() -> None:
    choice, server = ask(THREE, rank=by({22: 40, 70: 60, 100: 95}))
    assert [(p.first, p.score) for p in choice.picks[:3]] == [(100, 95), (70, 60), (22, 40)]
    one, other = server.asked("rank")
    assert sorted([[s.first for s in one.shown], [s.first for s in other.shown]]) == [
        [22, 70, 100],
        [100, 70, 22],
    ]


def test_disagreement_between_the_rounds_lowers_the_score() -> None:
    def first_come(question: Question) -> Answer:  # a model that likes what stands first
        return ranks(*((s.number, 90 - 10 * s.number, True) for s in question.shown))

    choice, _ = ask(THREE, rank=first_come)
    scores = {p.first: p.score for p in choice.picks[:3]}
    assert scores == {70: 70, 22: 70 - DISAGREEMENT_POINTS, 100: 70 - DISAGREEMENT_POINTS}
    assert choice.picks[0].first == 70


def test_only_two_good_clips_is_an_answer() -> None:
    def two(question: Question) -> Answer:
        order = sorted(question.shown, key=lambda s: -s.first)
        return ranks(*((s.number, 90, s.first != 100) for s in order))

    choice, _ = ask(THREE, rank=two)
    assert places(choice) == [(22, 27), (70, 75), (100, 105)]
    assert choice.picks[2].reason.endswith("; the model would not publish it as it is.")
    assert choice.picks[2].score <= min(choice.picks[0].score, choice.picks[1].score)
    assert any("would publish 2 of the 3 clips" in note for note in choice.notes)
    assert "2 of 3 candidates good" in choice.made_by.settings
    assert not ask(THREE)[0].notes
    none, _ = ask(THREE, rank=by({22: 1, 70: 2, 100: 3}, good=False))
    assert any("would publish none of the 3" in note for note in none.notes)


def test_a_passage_good_in_one_round_only_stays_good_for_less() -> None:
    def doubts(question: Question) -> Answer:
        ahead = question.shown[0].first == 22
        order = sorted(question.shown, key=lambda s: s.first)
        return ranks(*((s.number, 80, s.first != 22 or ahead) for s in order))

    choice, _ = ask(THREE, rank=doubts)
    assert {p.first: p.score for p in choice.picks[:3]} == {22: 80 - DOUBT_POINTS, 70: 80, 100: 80}
    assert not choice.notes


def test_missing_unknown_and_repeated_numbers_are_repaired() -> None:
    entries = ((9, 100, True), (3, 50, True), (3, 99, True), (1, 80, False), ("4", 7, True))
    read = read_ranking(ranks(*entries).text, 4)
    assert [(each.score, each.good) for each in read.value] == [
        (50, False),
        (50, False),
        (80, True),
        (50, False),
    ]
    assert [round(each.place * 3) for each in read.value] == [1, 2, 0, 3]
    assert not read.fault
    assert read_ranking(ranks((2, 50, True)).text, 4).fault == "3 of 4 candidates are left out"


# -- NAME -----------------------------------------------------------------------------------------


def named(*titles: str, hook: str = "Look") -> Script:
    """NAME: a question gets the first title for every clip, its repair the last."""

    def answer(question: Question) -> Answer:
        at = -1 if question.is_repair else 0
        return says({f"clip_{s.number}": {"title": titles[at], "hook": hook} for s in question.shown})

    return answer


@pytest.mark.parametrize(
    "title", ["7 ways to store sunlight", "What Elon does", "See sun.com", "NASA explains", "", "🌞", "太陽"]
)
def test_a_title_that_the_clip_does_not_say_is_asked_for_again_or_left(title: str) -> None:
    choice, server = ask(THREE, name=named(title, "How it works"))
    assert {p.title for p in choice.picks[:3]} == {"How it works"}
    asked = server.asked("name")
    assert 2 * sum(q.is_repair for q in asked) == len(asked) and "own words" not in choice.made_by.settings
    stubborn, _ = ask(THREE, name=named(title))
    assert all("Report" in p.title or p.title.lower() in SUBJECTS for p in stubborn.picks[:3])
    assert "6 titles in the clip's own words (title of clip_1: " in stubborn.made_by.settings
    assert not stubborn.made_by.fallback


def test_only_the_clips_and_a_few_reserves_are_named() -> None:
    choice, server = ask(THREE, name=named("How it works"))
    assert sum(len(q.shown) for q in server.asked("name")) == WISH.count + 3 < len(choice.picks)
    assert all(pick.title and pick.hook for pick in choice.picks)


def test_titles_in_another_language_are_held_to_their_numbers_alone() -> None:
    wish = Wish("talk.mp4", count=1, min_ms=20_000, max_ms=40_000, output_language="de")
    title = "Wie Sonnenlicht billig gespeichert wird"
    assert ask(scripted(clip(2, 7)), wish=wish, name=named(title))[0].picks[0].title == title
    kept = ask(scripted(clip(2, 7)), wish=wish, name=named("In 1999 Tagen zum Sonnenlicht"))[0]
    assert "1999" not in kept.picks[0].title and "own words" in kept.made_by.settings


SAID = "So in 1998 Larry and I had 1,000 servers. What Google did was burn 3.5 million dollars in Zürich."


@pytest.mark.parametrize(
    ("title", "language", "fault"),
    [
        ("Why Google burned 3.5 million", "en", ""),
        ("How Larry ran 1000 servers", "en", ""),
        ("Larry's servers, and why I'm calm", "en", ""),
        ("Google’s 1 998", "en", "the number 1 is not said in it"),
        ("Google's year 98", "en", "the number 98 is not said in it"),
        ("35 million dollars", "en", "the number 35 is not said in it"),
        ("３５ million dollars", "en", "the number 35 is not said in it"),
        ("What Elon did", "en", '"Elon" is not said in it'),
        ("Why the iPhone burned", "en", '"iPhone" is not said in it'),
        ("Warum Server in Zurich brannten", "de", ""),
        ("Warum Basel brannte", "de", '"Basel" is not said in it'),
        ("なぜ燃えたのか", "ja", ""),
        ("Why they burned", "ja", "it is not in the language asked for"),
        ("لماذا احترقت", "ar", ""),
        ("Why", "xx", ""),
    ],
)
def test_what_code_can_tell_of_a_title(title: str, language: str, fault: str) -> None:
    assert fault_of(title, SAID, language, translated=False) == fault


# -- faults ---------------------------------------------------------------------------------------

FAULTS = {
    "slow": (Answer(wait_s=30), "did not answer within 1 s"),
    "500": (Answer(status=500), "HTTP 500"),
    "a cut stream": (Answer("{}" * 50, cut=True), "could not be reached"),
    "endless": (Answer(endless=True), "did not answer within 1 s"),
    "cut off": (Answer('{"clips"' + "\t" * 50, finish="length"), "cut off at its length limit"),
    "empty": (Answer(""), "answered nothing"),
    "not JSON": (Answer("Sure, the second one is nice."), "it is not JSON"),
    "another shape": (Answer('{"clips": [], "ranking": {}}'), "is not a"),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("step", ["mend", "rank", "name"])
def test_a_step_that_fails_leaves_what_the_one_before_made(step: str, fault: str) -> None:
    answer, told = FAULTS[fault]
    steps: dict[str, Script] = {step: lambda question: answer}
    with FakeLlm(THREE, **steps) as server:
        choice = choose(TALK, parts_of(TALK), WISH, options(server, timeout_s=1))
    assert server.complaints == []
    assert places(choice) == [(22, 27), (70, 75), (100, 105)]
    assert [p.score for p in choice.picks[:3]] == [90, 80, 70]
    assert choice.made_by.name == MODEL and all(p.title and p.hook for p in choice.picks)
    assert f"{step} " in choice.made_by.fallback and told in choice.made_by.fallback
    if told in ("it is not JSON", "is not a", "answered nothing"):
        assert {q.is_repair for q in server.asked(step)} == {False, True}
        others = [other for other in ("mend", "rank", "name") if other != step]
        assert not any(f"{other} " in choice.made_by.fallback for other in others)


@pytest.mark.parametrize("step", ["mend", "rank", "name"])
def test_a_step_repaired_is_a_step_done(step: str) -> None:
    good = {"mend": keeps, "rank": by({22: 90, 70: 80, 100: 70}), "name": names_by_its_words}[step]
    steps: dict[str, Script] = {step: lambda q: good(q) if q.is_repair else Answer("Let me think.")}
    choice, _ = ask(THREE, **steps)
    assert choice.made_by.fallback == "" and places(choice) == [(22, 27), (70, 75), (100, 105)]


def test_one_usable_round_orders_alone_and_it_is_told() -> None:
    def half(question: Question) -> Answer:
        return by({22: 10, 70: 20, 100: 30})(question) if question.shown[0].first == 22 else Answer("?")

    choice, _ = ask(THREE, rank=half)
    assert places(choice) == [(100, 105), (70, 75), (22, 27)]
    assert choice.made_by.fallback == "rank ordered once only (it is not JSON)"
