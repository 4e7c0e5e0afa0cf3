"""A small OpenAI-compatible chat server for tests, on a real socket, with faults to switch on.

It is strict about what it is asked, as a good server is: a wrong question gets HTTP 400 and is kept in
`complaints`. Nothing of KangKlip is imported here.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

import jsonschema

KEY = "sk-test-0123456789"
MODEL = "test-model"

Clips = list[dict[str, Any]]


def clip(first: Any, last: Any, score: int = 80, **other: Any) -> dict[str, Any]:
    """One entry of a good answer."""
    whole = {
        "first": first,
        "last": last,
        "key": first,
        "hook": score,
        "completeness": score,
        "substance": score,
        "score": score,
        "title": f"Passage {first} to {last}",
        "reason": "It opens with a question.",
    }
    return whole | other


@dataclass(frozen=True)
class Answer:
    """What the server does with one question. `text` is the model's message."""

    text: str = ""
    status: int = 200
    finish: str = "stop"
    body: bytes | None = None
    wait_s: float = 0.0
    hang_up: bool = False
    headers: dict[str, str] = field(default_factory=dict)


def says(clips: object) -> Answer:
    return Answer(json.dumps({"clips": clips}))


@dataclass(frozen=True)
class Question:
    """A question as the server saw it: the id bounds of its schema, and all its messages."""

    first: int
    last: int
    messages: list[dict[str, str]]
    number: int

    @property
    def text(self) -> str:
        return "\n".join(message["content"] for message in self.messages)

    @property
    def is_repair(self) -> bool:
        return any(message["role"] == "assistant" for message in self.messages)


Script = Callable[[Question], Answer]


def scripted(*clips: dict[str, Any]) -> Script:
    """Answers every part with those of the clips that lie in it."""

    def answer(question: Question) -> Answer:
        return says([c for c in clips if question.first <= c["first"] and c["last"] <= question.last])

    return answer


def in_turn(*answers: Answer) -> Script:
    """The first question gets the first answer, and so on; the last one repeats."""
    return lambda question: answers[min(question.number, len(answers) - 1)]


class FakeLlm:
    """The server, as a context manager. `questions` and `headers` hold what it was asked."""

    def __init__(self, script: Script, key: str = KEY) -> None:
        self.script = script
        self.key = key
        self.questions: list[Question] = []
        self.headers: list[dict[str, str]] = []
        self.complaints: list[str] = []
        self.stop = threading.Event()
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
        self._carry_out(handler, self.script(question))

    def _carry_out(self, handler: BaseHTTPRequestHandler, answer: Answer) -> None:
        if answer.wait_s:
            self.stop.wait(answer.wait_s)
        if answer.hang_up:
            handler.close_connection = True
            return
        body = answer.body if answer.body is not None else _completion(answer)
        _send(handler, answer.status, body, answer.headers)


def _completion(answer: Answer) -> bytes:
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": answer.text},
        "finish_reason": answer.finish,
    }
    return json.dumps({"object": "chat.completion", "choices": [choice]}).encode()


def _send(
    handler: BaseHTTPRequestHandler, status: int, body: bytes, headers: dict[str, str] | None = None
) -> None:
    try:
        handler.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)
    except (BrokenPipeError, ConnectionResetError):
        handler.close_connection = True  # the client has given up, as it should on some faults


def _question(asked: dict[str, Any], number: int) -> Question:
    item = asked["response_format"]["json_schema"]["schema"]["properties"]["clips"]["items"]
    bounds = item["properties"]["first"]
    return Question(bounds["minimum"], bounds["maximum"], asked["messages"], number)


def _complaint(path: str, asked: dict[str, Any]) -> str:
    """What is wrong with a question, or nothing."""
    if path != "/v1/chat/completions":
        return f"no such path: {path}"
    wanted = asked.get("response_format", {})
    if wanted.get("type") != "json_schema" or "schema" not in wanted.get("json_schema", {}):
        return "response_format has to be a json_schema"
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
    if kind == "string" and "maxLength" not in schema:
        return f"{name} has no maxLength"
    if kind == "integer" and not {"minimum", "maximum"} <= schema.keys():
        return f"{name} has no bounds"
    if kind == "array":
        return (
            "" if "maxItems" in schema and not _unbounded(schema["items"], name) else f"{name} is unbounded"
        )
    faults = (_unbounded(field, key) for key, field in schema.get("properties", {}).items())
    return next((fault for fault in faults if fault), "")
