"""Where questions are asked: several at once, each repaired at most once, answers kept, use counted.

A server that turns out unusable is not asked again: what is still to be asked then fails at once, with
that reason, unless its answer was kept.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass
from typing import Any, Generic, TypeVar

from llm.answers import Answers
from llm.client import BadAnswer, ChatClient, ModelUnusable, QuestionRefused, Reply, request_for
from llm.prompt import Message, filled
from llm.titles import shortened

PARALLEL_QUESTIONS = 4
"""What a local server batches well and a hosted one's rate limit bears."""

LONGEST_QUOTED_ANSWER = 4_000
LONGEST_FAULT = 500

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Read(Generic[T]):
    """What an answer came to, and what in it is worth asking once more for (empty: nothing)."""

    value: T
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Question(Generic[T]):
    """What to ask in one `step`. `expected` tells a good answer in a line, for the repair; `read` may
    raise BadAnswer."""

    step: str
    messages: tuple[Message, ...]
    schema: dict[str, Any]
    expected: str
    read: Callable[[str], Read[T]]


@dataclass(frozen=True, slots=True)
class Answered(Generic[T]):
    """What could be read, of the repaired answer last; `fault` is what remained wrong in the end."""

    values: tuple[T, ...]
    fault: str = ""
    repaired: bool = False


def told_of(faults: Sequence[str], questions: int) -> str:
    """What went wrong with some of a step's questions, or with all of them; empty when with none."""
    if not faults:
        return ""
    return faults[0] if len(faults) == questions else f"{len(faults)} of {questions} questions: {faults[0]}"


@dataclass(frozen=True, slots=True)
class Use:
    """What the model cost: questions sent, tokens as the server counts them, answers taken from the
    folder, and answers that could not be kept there."""

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    recalled: int = 0
    unkept: int = 0

    def told(self, seconds: float) -> str:
        """As text, with the seconds it took."""
        pieces = [f"{self.calls} {'call' if self.calls == 1 else 'calls'}"]
        if self.recalled:
            pieces.append(f"{self.recalled} answers kept from before")
        if self.prompt_tokens or self.completion_tokens:
            pieces.append(f"{self.prompt_tokens:,} + {self.completion_tokens:,} tokens")
        if self.unkept:
            pieces.append(f"{self.unkept} answers could not be kept")
        return ", ".join([*pieces, f"{seconds:.1f} s"])


class Desk:
    """Asks one model. Safe to share between threads."""

    def __init__(self, client: ChatClient, model: str, answers: Answers) -> None:
        self.model = model
        self._client = client
        self._answers = answers
        self._lock = threading.Lock()
        self._use = Use()
        self._closed = ""

    @property
    def use(self) -> Use:
        return self._use

    def ask_all(self, questions: Sequence[Question[T]]) -> list[Answered[T]]:
        """Every question's answer, in order."""
        if not questions:
            return []
        with ThreadPoolExecutor(PARALLEL_QUESTIONS, thread_name_prefix="choose") as pool:
            return list(pool.map(self.ask, questions))

    def ask(self, question: Question[T]) -> Answered[T]:
        """The answer, asked for once more when something is wrong with it."""
        values: list[T] = []
        messages, fault = question.messages, ""
        for repaired in (False, True):
            try:
                text = self._text(question, messages)
                read = question.read(text)
                values.append(read.value)
                fault = read.fault
            except BadAnswer as exc:
                text, fault = exc.answer, str(exc)
            except ModelUnusable as exc:
                return Answered(tuple(values), str(exc), repaired)
            if not fault:
                break
            messages = repair_of(question, text, fault)
        return Answered(tuple(values), fault, repaired)

    def _text(self, question: Question[T], messages: Sequence[Message]) -> str:
        """What the model says. Raises ModelUnusable, or BadAnswer when it says nothing whole."""
        reply = self._reply(question, messages)
        if not reply.text.strip():
            raise BadAnswer("the model answered nothing")
        if reply.cut_off:
            raise BadAnswer("the model's answer was cut off at its length limit", answer=reply.text)
        return reply.text

    def _reply(self, question: Question[T], messages: Sequence[Message]) -> Reply:
        request = request_for(self.model, question.step, messages, question.schema)
        kept = self._answers.recall(request)
        if kept is not None:
            self._add(Use(recalled=1))
            return kept
        if self._closed:
            raise ModelUnusable(self._closed)
        try:
            reply = self._client.ask(request)
        except (BadAnswer, QuestionRefused):
            self._add(Use(calls=1))
            raise
        except ModelUnusable as exc:
            self._closed = str(exc)
            raise
        unkept = int(not self._answers.keep(request, reply))
        self._add(Use(1, reply.prompt_tokens, reply.completion_tokens, unkept=unkept))
        return reply

    def _add(self, more: Use) -> None:
        with self._lock:
            self._use = Use(*(a + b for a, b in zip(astuple(self._use), astuple(more), strict=True)))


def repair_of(question: Question[T], answer: str, fault: str) -> tuple[Message, ...]:
    """The same conversation with the bad answer and what was wrong with it."""
    told = filled("repair", fault=shortened(fault, LONGEST_FAULT), expected=question.expected)
    return (
        *question.messages,
        {"role": "assistant", "content": shortened(answer, LONGEST_QUOTED_ANSWER) or "(nothing)"},
        {"role": "user", "content": told},
    )
