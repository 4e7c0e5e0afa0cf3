"""NAME: a title and a hook line for each clip, kept only as far as the clip says the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from llm.answer import LONGEST_TITLE, checked_title, read_object
from llm.desk import Desk, Question, Read, told_of
from llm.film import Film
from llm.grounding import fault_of
from llm.pool import Candidate
from llm.prompt import MOST_FOREIGN_CHARS, Schema, conversation, excerpt, language_name, record, text

STEP = "name"

CLIPS_PER_QUESTION = 4
LONGEST_HOOK = 90
HEADING_CHARS = 40


@dataclass(frozen=True, slots=True)
class Name:
    """A checked title and hook line; empty where the model gave none that may be shown."""

    title: str = ""
    hook: str = ""


Names = dict[int, Name]
"""By the number of the clip in its question."""


@dataclass(frozen=True, slots=True)
class Named:
    """The candidates in the same order, each with a title and a hook.

    `own_words` of them have a title of the clip's own words. `fault` says why the model gave none at all,
    `refused` why the first of its titles was not taken.
    """

    candidates: tuple[Candidate, ...]
    own_words: int
    fault: str
    refused: str
    repaired: int


def name(desk: Desk, film: Film, candidates: Sequence[Candidate]) -> Named:
    """Ask for titles, a few clips in each question; a refused one is asked for once more."""
    size = CLIPS_PER_QUESTION
    groups = [candidates[at : at + size] for at in range(0, len(candidates), size)]
    answers = desk.ask_all([question_of(film, group) for group in groups])
    named: list[Candidate] = []
    own_words = 0
    for group, answer in zip(groups, answers, strict=True):
        for number, candidate in enumerate(group, start=1):
            found = [names.get(number, Name()) for names in answer.values]
            title = next((each.title for each in reversed(found) if each.title), "")
            hook = next((each.hook for each in reversed(found) if each.hook), "")
            own_words += not title
            named.append(with_name(film, candidate, Name(title, hook)))
    mute = [answer.fault for answer in answers if not answer.values]
    refused = [answer.fault for answer in answers if answer.values and answer.fault]
    return Named(
        candidates=tuple(named),
        own_words=own_words,
        fault=told_of(mute, len(groups)),
        refused=refused[0].partition("; ")[0] if refused else "",
        repaired=sum(answer.repaired for answer in answers),
    )


def with_name(film: Film, candidate: Candidate, given: Name = Name()) -> Candidate:
    """The candidate with what was given, and its own words for the rest."""
    pick = candidate.pick
    title = given.title or film.own_title(pick.first, pick.last)
    hook = given.hook or film.own_hook(pick.first, pick.last)
    return replace(candidate, pick=replace(pick, title=title, hook=hook))


def question_of(film: Film, group: Sequence[Candidate]) -> Question[Names]:
    """The question about a few clips."""
    room = MOST_FOREIGN_CHARS // len(group) - HEADING_CHARS
    lines = "\n\n".join(_shown(film, number, each, room) for number, each in enumerate(group, start=1))
    language = language_name(film.wanted)
    messages = conversation(
        STEP,
        "name_clips",
        {"language": language},
        {"lines": lines, "count": len(group), "language": language},
    )
    names = ", ".join(f'"clip_{number}"' for number in range(1, len(group) + 1))
    expected = (
        f'an object with the one key "clips", in it {names}, each with `title` and `hook` in {language}, '
        "no number and no name that the clip does not say, no links."
    )
    return Question(
        STEP, messages, schema_of(len(group)), expected, lambda answer: _read(answer, film, group)
    )


def schema_of(count: int) -> Schema:
    """A title and a hook for every clip, under its own name."""
    lines = record({"title": text(LONGEST_TITLE), "hook": text(LONGEST_HOOK)})
    return record({"clips": record({f"clip_{number}": lines for number in range(1, count + 1)})})


def _shown(film: Film, number: int, candidate: Candidate, room: int) -> str:
    pick = candidate.pick
    seconds = round(film.length_ms(pick.first, pick.last) / 1000)
    words = excerpt(film.text(pick.first, pick.last), room)
    return f"clip_{number} | {seconds} s | sentences {pick.first} to {pick.last}\n{words}"


def _read(answer: str, film: Film, group: Sequence[Candidate]) -> Read[Names]:
    """The names that may be shown. Raises BadAnswer when the answer holds no clips."""
    told = read_object(answer, "clips")
    names: Names = {}
    faults: list[str] = []
    for number, candidate in enumerate(group, start=1):
        item = told.get(f"clip_{number}")
        given = item if isinstance(item, dict) else {}
        said = film.text(candidate.pick.first, candidate.pick.last)
        title, title_fault = _line(given.get("title"), LONGEST_TITLE, said, film)
        hook, hook_fault = _line(given.get("hook"), LONGEST_HOOK, said, film)
        names[number] = Name(title, hook)
        faults += [f"title of clip_{number}: {title_fault}"] if title_fault else []
        faults += [f"hook of clip_{number}: {hook_fault}"] if hook_fault else []
    return Read(names, "; ".join(faults))


def _line(value: object, longest: int, said: str, film: Film) -> tuple[str, str]:
    """The line if it may be shown, else nothing and why."""
    line = checked_title(value, longest)
    if not line:
        return "", "it is empty, or holds a link"
    fault = fault_of(line, said, film.wanted, translated=film.translated)
    return ("", fault) if fault else (line, "")
