"""Answers kept by what was asked: the same job asks nothing twice; nothing odd in the folder is trusted."""

from __future__ import annotations

import json
import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from llm.answers import MAX_FILE_BYTES, MOST_FILES, Answers, key_of
from llm.choose import choose
from llm.client import Reply, request_for
from pipeline.records import Choice
from pipeline.workspace import Workspace
from tests.choosing import PARTS, TALK, WISH, ask, options
from tests.fake_llm import KEY, Answer, FakeLlm, clip, says, scripted

THREE = scripted(clip(22, 27, 90), clip(70, 75, 80), clip(100, 105, 70))
ASKED = request_for("m", "find", [{"role": "user", "content": "Which?"}], {"type": "object"})
REPLY = Reply("the third ﷺ\x01", 120, 7)


def decided(choice: Choice) -> Choice:
    """All of a choice but what it cost."""
    return replace(choice, made_by=replace(choice.made_by, settings=""))


def test_the_same_job_asks_nothing_again(tmp_path: Path) -> None:
    first, asked = ask(THREE, keep=tmp_path)
    again, unasked = ask(lambda question: says([]), keep=tmp_path)
    assert asked.questions and not unasked.questions
    assert decided(again) == decided(first)
    assert f"0 calls, {len(asked.questions)} answers kept from before, " in again.made_by.settings


def test_the_same_job_needs_no_server(tmp_path: Path) -> None:
    with FakeLlm(THREE) as server:
        first = choose(TALK, PARTS, WISH, options(server), tmp_path)
    again = choose(TALK, PARTS, WISH, options(server, timeout_s=1), tmp_path)
    assert decided(again) == decided(first) and not again.made_by.fallback


def test_a_useless_answer_is_kept_too_so_that_the_choice_stays(tmp_path: Path) -> None:
    first, asked = ask(THREE, keep=tmp_path, rank=lambda question: Answer("No."))
    again, unasked = ask(THREE, keep=tmp_path)
    assert asked.questions and not unasked.questions
    assert decided(again) == decided(first) and "rank" in again.made_by.fallback


def test_another_wish_is_another_question(tmp_path: Path) -> None:
    ask(THREE, keep=tmp_path)
    _, server = ask(THREE, wish=replace(WISH, focus="lava"), keep=tmp_path)
    assert len(server.asked("find")) == len(PARTS) and server.asked("rank")
    _, server = ask(THREE, wish=replace(WISH, output_language="de"), keep=tmp_path)
    assert {question.step for question in server.questions} == {"name"}


def test_everything_that_decides_the_answer_is_in_the_key() -> None:
    others = (
        {**ASKED, "model": "n"},
        {**ASKED, "seed": 8},
        {**ASKED, "messages": [{"role": "user", "content": "Who?"}]},
        {**ASKED, "response_format": {"type": "json_schema"}},
    )
    assert len({key_of(ASKED), *map(key_of, others)}) == 5
    assert key_of(ASKED) == key_of(dict(reversed(ASKED.items())))


def test_files_are_whole_private_and_hold_neither_prompt_nor_key(tmp_path: Path) -> None:
    workspace = Workspace.open(tmp_path, "kk_1")
    folder = workspace.path("answers")
    ask(THREE, keep=folder)
    files = list(folder.iterdir())
    assert files and all(path.suffix == ".json" for path in files)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    everything = "".join(path.read_text() for path in files)
    assert KEY not in everything and "transcript" not in everything
    left = folder / f".{files[0].name}.1.2.tmp"
    left.write_text("half")
    workspace.clean_temporary()
    assert not left.exists() and files[0].exists()


def other_key(data: bytes) -> bytes:
    return data.replace(key_of(ASKED).encode(), b"0" * 64)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: b"",
        lambda data: data[: len(data) // 2],
        lambda data: b"\xff\xfe" + data,
        lambda data: b"[" * 100_000,
        lambda data: b"null",
        lambda data: data + b" " * MAX_FILE_BYTES,
        other_key,
        lambda data: data.replace(b"kangklip/answer/1", b"kangklip/answer/9"),
        lambda data: json.dumps({**json.loads(data), "text": 7}).encode(),
        lambda data: json.dumps({**json.loads(data), "cut_off": "no"}).encode(),
        lambda data: json.dumps({**json.loads(data), "prompt_tokens": None}).encode(),
    ],
)
def test_a_spoilt_file_is_as_good_as_none(tmp_path: Path, spoil) -> None:
    answers = Answers(tmp_path)
    assert answers.keep(ASKED, REPLY) and answers.recall(ASKED) == REPLY
    (path,) = tmp_path.iterdir()
    path.write_bytes(spoil(path.read_bytes()))
    assert answers.recall(ASKED) is None
    assert answers.keep(ASKED, REPLY) and answers.recall(ASKED) == REPLY


def test_a_folder_in_place_of_a_file_is_no_answer(tmp_path: Path) -> None:
    (tmp_path / f"{key_of(ASKED)}.json").mkdir()
    assert Answers(tmp_path).recall(ASKED) is None
    assert not Answers(tmp_path).keep(ASKED, REPLY)


def test_too_large_an_answer_is_not_kept(tmp_path: Path) -> None:
    assert not Answers(tmp_path).keep(ASKED, Reply("x" * MAX_FILE_BYTES))
    assert not list(tmp_path.iterdir())


def test_the_oldest_answers_go_when_there_are_too_many(tmp_path: Path) -> None:
    for number in range(MOST_FILES + 3):
        path = tmp_path / f"{number}.json"
        path.touch()
        os.utime(path, (number, number))
    assert Answers(tmp_path).keep(ASKED, REPLY)
    names = {path.name for path in tmp_path.iterdir()}
    assert len(names) == MOST_FILES and f"{key_of(ASKED)}.json" in names
    assert not names & {"0.json", "1.json", "2.json", "3.json"} and "4.json" in names


def test_where_nothing_can_be_kept_the_choice_is_made_and_it_is_told(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.touch()
    choice, server = ask(THREE, keep=blocked / "answers")
    assert not choice.made_by.fallback
    assert f"{len(server.questions)} answers could not be kept" in choice.made_by.settings


def test_what_it_cost_is_told_as_the_server_counts_it() -> None:
    choice, server = ask(THREE)
    prompt = sum(len(question.text) // 4 for question in server.questions)
    told = choice.made_by.settings.split("; ")[-1]
    assert told.startswith(f"{len(server.questions)} calls, {prompt:,} + ") and told.endswith(" s")


@pytest.mark.parametrize(
    "usage", [None, 7, {}, {"prompt_tokens": -1}, {"prompt_tokens": "9", "completion_tokens": True}]
)
def test_a_server_may_tell_nothing_of_its_use(usage: object) -> None:
    body = {"choices": [{"message": {"content": '{"clips": []}'}}], "usage": usage}
    choice, _ = ask(
        lambda question: Answer(body=json.dumps(body).encode()), name=lambda question: Answer("?")
    )
    steps = choice.made_by.settings
    assert "calls" in steps and choice.picks
