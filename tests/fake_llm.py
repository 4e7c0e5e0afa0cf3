"""A small OpenAI-compatible chat server for tests, on a real socket, with faults to switch on.

It is strict about what it is asked, as a good server is: a wrong question gets HTTP 400 and is kept in
`complaints`. A test scripts what it says to FIND; to the other steps it gives a modest, correct answer
unless the test scripts them too. Nothing of KangKlip is imported here.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

import jsonschema

KEY = "sk-test-0123456789"
MODEL = "test-model"
STEPS = ("find", "mend", "rank", "name")

Clips = list[dict[str, Any]]


def clip(first: Any, last: Any, score: int = 80, **other: Any) -> dict[str, Any]:
    """One entry of a good answer to FIND. The server adds the quote, as a model would that reads well."""
    whole = {
        "first": first,
        "last": last,
        "key": first,
        "reason": "It opens with a question.",
        "hook": score,
        "completeness": score,
        "substance": score,
        "shareability": score,
        "score": score,
    }
    return whole | other


@dataclass(frozen=True)
class Answer:
    """What the server does with one question. `text` is the model's message.

    `cut`: the connection ends in the middle of the answer. `endless`: the answer never ends.
    """

    text: str = ""
    status: int = 200
    finish: str = "stop"
    body: bytes | None = None
    wait_s: float = 0.0
    hang_up: bool = False
    cut: bool = False
    endless: bool = False
    headers: dict[str, str] = field(default_factory=dict)


def says(clips: object) -> Answer:
    """An answer to FIND, MEND or NAME."""
    return Answer(json.dumps({"clips": clips}))


def ranks(*entries: tuple[Any, Any, Any]) -> Answer:
    """An answer to RANK: candidate, score, good."""
    names = ("candidate", "score", "good")
    return Answer(json.dumps({"ranking": [dict(zip(names, entry, strict=True)) for entry in entries]}))


@dataclass(frozen=True)
class Shown:
    """A passage as a question shows it: its number there, its sentences, its words in one line."""

    number: int
    first: int
    last: int
    words: str


@dataclass(frozen=True)
class Question:
    """A question as the server saw it. `first` and `last` are the id bounds of FIND's schema."""

    step: str
    schema: dict[str, Any]
    messages: list[dict[str, str]]
    number: int
    first: int = 0
    last: int = 0

    @property
    def text(self) -> str:
        return "\n".join(message["content"] for message in self.messages)

    @property
    def user(self) -> str:
        return self.messages[1]["content"]

    @property
    def is_repair(self) -> bool:
        return any(message["role"] == "assistant" for message in self.messages)

    @cached_property
    def lines(self) -> dict[int, str]:
        """FIND and MEND: the text of each sentence shown."""
        found = re.findall(r"^(\d+) \| [^|]* \| [^|]* \| (.*)$", self.user, re.MULTILINE)
        return {int(number): text for number, text in found}

    @cached_property
    def shown(self) -> list[Shown]:
        """MEND, RANK and NAME: the passages in the order of the question."""
        heading = r"^(?:clip_|candidate )(\d+)\b.*?(\d+) to (\d+)\)?\n((?:.+\n)*)"
        found = re.findall(heading, self.user + "\n", re.MULTILINE)
        return [Shown(int(n), int(a), int(b), words.strip().split("words: ")[-1]) for n, a, b, words in found]


Script = Callable[[Question], Answer]


def scripted(*clips: dict[str, Any]) -> Script:
    """Answers every part with those of the clips that lie in it."""

    def answer(question: Question) -> Answer:
        return says([c for c in clips if question.first <= c["first"] and c["last"] <= question.last])

    return answer


def in_turn(*answers: Answer) -> Script:
    """The first question gets the first answer, and so on; the last one repeats."""
    return lambda question: answers[min(question.number, len(answers) - 1)]


def keeps(question: Question) -> Answer:
    """MEND: every edge is right as it is."""
    return says({f"clip_{s.number}": mended(s.first, s.last) for s in question.shown})


def mended(first: Any, last: Any, *alternatives: tuple[str, Any, Any]) -> dict[str, Any]:
    """One clip of an answer to MEND."""
    names = ("kind", "first", "last")
    return {
        "first": first,
        "last": last,
        "alternatives": [dict(zip(names, other, strict=True)) for other in alternatives],
    }


def names_by_its_words(question: Question) -> Answer:
    """NAME: the clip's first words."""
    return says(
        {
            f"clip_{s.number}": {
                "title": " ".join(s.words.split()[:6])[:60],
                "hook": " ".join(s.words.split()[:9])[:80],
            }
            for s in question.shown
        }
    )


class FakeLlm:
    """The server, as a context manager. `questions` and `headers` hold what it was asked.

    `find`, `mend`, `rank` and `name` script the steps; RANK repeats the scores that FIND gave.
    """

    def __init__(
        self,
        find: Script,
        *,
        mend: Script = keeps,
        rank: Script | None = None,
        name: Script = names_by_its_words,
        key: str = KEY,
    ) -> None:
        self.scripts = {"find": find, "mend": mend, "rank": rank or self._repeats_scores, "name": name}
        self.key = key
        self.questions: list[Question] = []
        self.headers: list[dict[str, str]] = []
        self.complaints: list[str] = []
        self.stop = threading.Event()
        self._found: Clips = []
        self._lock = threading.Lock()
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                fake._answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def asked(self, step: str) -> list[Question]:
        """The questions of one step, repairs included."""
        return [question for question in self.questions if question.step == step]

    def __enter__(self) -> FakeLlm:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _repeats_scores(self, question: Question) -> Answer:
        def score(shown: Shown) -> int:
            found = (c["score"] for c in self._found if c["first"] <= shown.last and shown.first <= c["last"])
            return next(found, 50)

        entries = [(shown.number, score(shown), True) for shown in question.shown]
        return ranks(*sorted(entries, key=lambda entry: -entry[1]))

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        asked = json.loads(handler.rfile.read(int(handler.headers["Content-Length"])))
        with self._lock:
            self.headers.append(dict(handler.headers.items()))
        if self.key and handler.headers.get("Authorization") != f"Bearer {self.key}":
            return _send(handler, 401, b'{"error": "Unauthorized"}')
        complaint = _complaint(handler.path, asked)
        if complaint:
            self.complaints.append(complaint)
            return _send(handler, 400, json.dumps({"error": {"message": complaint}}).encode())
        if asked["model"] != MODEL:
            return _send(handler, 404, b'{"error": {"message": "The model does not exist."}}')
        with self._lock:
            question = _question(asked, len(self.questions))
            self.questions.append(question)
        answer = self.scripts[question.step](question)
        if question.step == "find":
            answer = self._quoted(question, answer)
        self._carry_out(handler, question, answer)

    def _quoted(self, question: Question, answer: Answer) -> Answer:
        """The answer with the opening words of each clip that has no quote, read from the question."""
        try:
            clips = json.loads(answer.text)["clips"]
        except (ValueError, KeyError, TypeError, RecursionError):
            return answer
        if not isinstance(clips, list):
            return answer
        for each in clips:
            if not isinstance(each, dict) or not isinstance(each.get("first"), int):
                continue
            each.setdefault("quote", " ".join(question.lines.get(each["first"], "").split()[:6])[:80])
            if isinstance(each.get("last"), int) and isinstance(each.get("score"), int):
                self._found.append(each)
        return replace(answer, text=json.dumps({"clips": clips}))

    def _carry_out(self, handler: BaseHTTPRequestHandler, question: Question, answer: Answer) -> None:
        if answer.wait_s:
            self.stop.wait(answer.wait_s)
        if answer.hang_up:
            handler.close_connection = True
            return
        body = answer.body if answer.body is not None else _completion(question, answer)
        if answer.endless:
            return self._never_end(handler)
        _send(handler, answer.status, body, answer.headers, len(body) // 2 if answer.cut else None)

    def _never_end(self, handler: BaseHTTPRequestHandler) -> None:
        """A byte of white space now and then, as a decoder without bounds sends it."""
        handler.send_response(200)
        handler.end_headers()
        handler.close_connection = True
        while not self.stop.wait(0.05):
            try:
                handler.wfile.write(b"\t")
            except (BrokenPipeError, ConnectionResetError):
                return


def _completion(question: Question, answer: Answer) -> bytes:
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": answer.text},
        "finish_reason": answer.finish,
    }
    used = {"prompt_tokens": len(question.text) // 4, "completion_tokens": len(answer.text) // 4}
    return json.dumps({"object": "chat.completion", "choices": [choice], "usage": used}).encode()


def _send(
    handler: BaseHTTPRequestHandler,
    status: int,
    body: bytes,
    headers: dict[str, str] | None = None,
    cut_at: int | None = None,
) -> None:
    try:
        handler.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body[:cut_at])
    except (BrokenPipeError, ConnectionResetError):
        handler.close_connection = True  # the client has given up, as it should on some faults
    if cut_at is not None:
        handler.close_connection = True


def _question(asked: dict[str, Any], number: int) -> Question:
    form = asked["response_format"]["json_schema"]
    question = Question(form["name"], form["schema"], asked["messages"], number)
    if form["name"] != "find":
        return question
    bounds = form["schema"]["properties"]["clips"]["items"]["properties"]["first"]
    return replace(question, first=bounds["minimum"], last=bounds["maximum"])


def _complaint(path: str, asked: dict[str, Any]) -> str:
    """What is wrong with a question, or nothing."""
    if path != "/v1/chat/completions":
        return f"no such path: {path}"
    wanted = asked.get("response_format", {})
    if wanted.get("type") != "json_schema" or "schema" not in wanted.get("json_schema", {}):
        return "response_format has to be a json_schema"
    if wanted["json_schema"].get("name") not in STEPS:
        return "the schema has no name of a step"
    schema = wanted["json_schema"]["schema"]
    try:
        jsonschema.Draft202012Validator.check_schema(schema)
    except jsonschema.SchemaError as exc:
        return f"bad schema: {exc.message}"
    if asked.get("temperature") != 0 or not isinstance(asked.get("seed"), int):
        return "the question is not repeatable"
    if not isinstance(asked.get("max_tokens"), int):
        return "max_tokens is missing"
    roles = [message.get("role") for message in asked.get("messages", [])]
    if roles[:2] != ["system", "user"] or set(roles) - {"system", "user", "assistant"}:
        return f"odd roles: {roles}"
    return _unbounded(schema, "answer")


def _unbounded(schema: dict[str, Any], name: str) -> str:
    """The first field a constrained decoder could fill without end."""
    kind = schema["type"]
    if kind == "string" and not {"maxLength", "enum"} & schema.keys():
        return f"{name} has no maxLength"
    if kind == "integer" and not {"minimum", "maximum"} <= schema.keys():
        return f"{name} has no bounds"
    if kind == "number":
        return f"{name} is a number without end"
    if kind == "array":
        return (
            "" if "maxItems" in schema and not _unbounded(schema["items"], name) else f"{name} is unbounded"
        )
    faults = (_unbounded(field, key) for key, field in schema.get("properties", {}).items())
    return next((fault for fault in faults if fault), "")
