"""One request to an OpenAI-compatible chat server, and what it answers.

Bounded in every direction: time, size of the answer, retries. Never follows a redirect and ignores
proxy variables, so the key goes to the configured server or nowhere.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from pipeline.options import ModelOptions

MAX_ANSWER_BYTES = 1_000_000
MAX_ANSWER_TOKENS = 2000
RETRY_AFTER_S = 0.5
SEED = 7


class ModelUnusable(Exception):
    """The server cannot be used at all: asking it about other parts would be in vain."""


class QuestionRefused(ModelUnusable):
    """The server does not take this question, for its length perhaps; it may take others."""


class BadAnswer(Exception):
    """One answer cannot be used. `answer` is what the model said, as far as it said anything."""

    def __init__(self, fault: str, answer: str = "") -> None:
        super().__init__(fault)
        self.answer = answer


@dataclass(frozen=True, slots=True)
class Reply:
    """What the model said. `cut_off`: it ran into its length limit. Tokens are 0 where the server does not
    tell them."""

    text: str
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cut_off: bool = False


Request = dict[str, Any]
"""The body of a chat completion request: all that decides the answer, and no key."""


def request_for(model: str, name: str, messages: Sequence[dict[str, str]], schema: dict[str, Any]) -> Request:
    """A question that gets the same answer each time it is asked, in the form of `schema`."""
    return {
        "model": model,
        "messages": list(messages),
        "temperature": 0,
        "seed": SEED,
        "max_tokens": MAX_ANSWER_TOKENS,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": name, "strict": True, "schema": schema},
        },
    }


class ChatClient:
    """Asks one model. Use as a context manager; safe to share between threads."""

    def __init__(self, options: ModelOptions, sleep: Callable[[float], None] = time.sleep) -> None:
        self._options = options
        self._sleep = sleep
        try:
            self._url = httpx.URL(_endpoint(options.api_base))
            self._http = httpx.Client(
                timeout=httpx.Timeout(options.timeout_s, connect=min(10.0, options.timeout_s)),
                headers={"Authorization": f"Bearer {options.api_key}"} if options.api_key else {},
                follow_redirects=False,
                trust_env=False,
            )
        except (httpx.InvalidURL, UnicodeEncodeError) as exc:
            # The exception's own text would repeat the address or the key.
            raise ModelUnusable(
                "the model's address or key holds characters that cannot be sent (LLM_API_BASE, LLM_API_KEY)"
            ) from exc
        if self._url.scheme not in ("http", "https") or not self._url.host:
            self._http.close()
            raise ModelUnusable("the model's address is no http or https address (LLM_API_BASE)")

    def __enter__(self) -> ChatClient:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def ask(self, question: Request) -> Reply:
        """The model's answer; retries once where that can help.

        Raises ModelUnusable, of it QuestionRefused where only this question is, or BadAnswer.
        """
        try:
            status, body = self._post(question)
            if status >= 500 or status == 429:
                self._sleep(RETRY_AFTER_S)
                status, body = self._post(question)
        except httpx.TimeoutException as exc:
            raise self._too_slow() from exc
        except httpx.TransportError:
            self._sleep(RETRY_AFTER_S)
            status, body = self._post_again(question)
        if status in (400, 413, 422):
            raise QuestionRefused(_refusal(status))
        if status != 200:
            raise ModelUnusable(_refusal(status))
        return _reply(body)

    def _post_again(self, question: Request) -> tuple[int, bytes]:
        try:
            return self._post(question)
        except httpx.TimeoutException as exc:
            raise self._too_slow() from exc
        except httpx.TransportError as exc:
            raise ModelUnusable("the model's server could not be reached") from exc

    def _post(self, question: Request) -> tuple[int, bytes]:
        """Status and body. The body's time is bounded as a whole, not only from byte to byte."""
        deadline = time.monotonic() + self._options.timeout_s
        body = bytearray()
        with self._http.stream("POST", self._url, json=question) as response:
            for piece in response.iter_bytes():
                body += piece
                if len(body) > MAX_ANSWER_BYTES:
                    raise BadAnswer(f"the model's answer is longer than {MAX_ANSWER_BYTES:,} bytes")
                if time.monotonic() > deadline:
                    raise self._too_slow()
            return response.status_code, bytes(body)

    def _too_slow(self) -> ModelUnusable:
        return ModelUnusable(f"the model did not answer within {self._options.timeout_s:g} s")


def _endpoint(api_base: str) -> str:
    return api_base.strip().rstrip("/").removesuffix("/chat/completions") + "/chat/completions"


def _refusal(status: int) -> str:
    known = {
        400: "the server refused the question as it was asked",
        401: "the key was refused",
        403: "the key was refused",
        404: "there is no such model or address",
        413: "the question is too long for it",
        422: "the server refused the question as it was asked",
        429: "too many questions for its quota",
    }
    why = known.get(status, "the server failed" if status >= 500 else "the server refused")
    return f"the model could not be asked: {why} (HTTP {status})"


def _reply(body: bytes) -> Reply:
    """What a chat completion says. Raises BadAnswer."""
    try:
        completion = json.loads(body, strict=False)
        choice = completion["choices"][0]
        text = choice["message"]["content"]
    except (ValueError, KeyError, IndexError, TypeError, RecursionError) as exc:
        raise BadAnswer("the server's answer is no chat completion") from exc
    used = completion.get("usage")
    return Reply(
        # A lone surrogate could be neither kept nor sent back to the server.
        text=text.encode("utf-8", "replace").decode() if isinstance(text, str) else "",
        prompt_tokens=_count(used, "prompt_tokens"),
        completion_tokens=_count(used, "completion_tokens"),
        cut_off=choice.get("finish_reason") == "length",
    )


def _count(used: object, name: str) -> int:
    """A number of the server's account, which it may leave out or fill with anything."""
    told = used.get(name) if isinstance(used, dict) else None
    return told if isinstance(told, int) and not isinstance(told, bool) and 0 <= told < 10**9 else 0
