"""The few questions put to our own vLLM server. Each has a time-out; no connection is kept."""

from __future__ import annotations

import httpx

from llm.client import ModelUnusable
from llm.vllm_command import Patience

REFUSED_FOR_GOOD = (400, 401, 403, 404)


class ServerCalls:
    """The server at one port, with the key it was given. Safe to share between threads."""

    def __init__(self, port: int, key: str, model_name: str, patience: Patience) -> None:
        self.api_base = f"http://127.0.0.1:{port}/v1"
        self._model_name = model_name
        self._patience = patience
        self._http = httpx.Client(
            base_url=f"http://127.0.0.1:{port}",
            headers={"Authorization": f"Bearer {key}"},
            limits=httpx.Limits(max_keepalive_connections=0),
            follow_redirects=False,
            trust_env=False,
        )

    def is_healthy(self) -> bool:
        """Whether `/health` says so. A server that sleeps or hangs may say it too."""
        try:
            return self._http.get("/health", timeout=self._patience.health_s).status_code == 200
        except httpx.HTTPError:
            return False

    def trouble(self) -> str:
        """Why a tiny chat got no answer; empty when it got one. Raises ModelUnusable when it never will."""
        question = {
            "model": self._model_name,
            "messages": [{"role": "user", "content": "Say yes."}],
            "max_tokens": 1,
            "temperature": 0,
        }
        try:
            status = self._http.post(
                "/v1/chat/completions", json=question, timeout=self._patience.chat_s
            ).status_code
        except httpx.TimeoutException:
            return f"it is healthy, but answers no question within {self._patience.chat_s:g} s"
        except httpx.HTTPError:
            return "it breaks off its answers"
        if status in REFUSED_FOR_GOOD:
            raise ModelUnusable(f"the model's server refuses a plain question (HTTP {status})")
        return "" if status == 200 else f"it answers a question with HTTP {status}"

    def sleep(self) -> None:
        """Its weights go to main memory, its cache is dropped. Raises ModelUnusable."""
        self._order("/sleep", {"level": "1"})

    def wake_up(self) -> None:
        """Raises ModelUnusable."""
        self._order("/wake_up", {})

    def _order(self, path: str, parameters: dict[str, str]) -> None:
        try:
            status = self._http.post(path, params=parameters, timeout=self._patience.sleep_s).status_code
        except httpx.HTTPError as exc:
            raise ModelUnusable(
                f"the model's server did not do {path} within {self._patience.sleep_s:g} s"
            ) from exc
        if status != 200:
            raise ModelUnusable(f"the model's server refused {path} (HTTP {status})")
