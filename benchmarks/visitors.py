"""Fifty open pages as one client process over real HTTP; prints what they met as JSON.

    python -m benchmarks.visitors PLAN        (the fields of `Plan` as JSON)

Each client has connections of its own, as a browser has: it loads the page with everything that
Chromium fetched for it (six at a time, nothing cached), opens the heartbeat, then asks the page's
question every `every_s`, and for the clips when there are new ones. It asks again only after the answer.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any
from uuid import uuid4

import httpx

from benchmarks.fetching import fetch_all

AT_ONCE = 6
"""Connections that browsers open to one HTTP/1.1 host."""
LAG_STEP_S = 0.02
TIMEOUT_S = 30.0
HEADERS = {"accept-encoding": "gzip, deflate, br"}
_CONFIG = re.compile(r"window\.gradio_config = (\{.*?\});</script>", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Plan:
    """What the clients do. `args`: of the question job_status; `seconds`: how long they ask."""

    base: str
    args: dict[str, Any]
    assets: Sequence[str]
    clients: int
    every_s: float
    seconds: float


@dataclass(slots=True)
class Seen:
    """Milliseconds by kind of request, and what failed."""

    ms: dict[str, list[float]] = field(default_factory=dict)
    lag_ms: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    statuses: set[str] = field(default_factory=set)
    asked: int = 0

    def add(self, kind: str, began: float) -> None:
        self.ms.setdefault(kind, []).append(1000 * (time.perf_counter() - began))


class Visitor:
    def __init__(self, plan: Plan, seen: Seen, client: httpx.AsyncClient) -> None:
        self._plan, self._seen, self._client = plan, seen, client
        self._session = uuid4().hex[:10]
        self._component = -1
        self._heard = 0
        self._clips_version = ""

    async def load(self) -> None:
        """The page and all that belongs to it."""
        began = time.perf_counter()
        page = await self._fetch("GET", "")
        self._seen.add("page", began)
        if page is None:
            return
        self._component = status_part(page.text)
        self._seen.asked += len(self._plan.assets)
        self._seen.errors += await fetch_all(self._plan.base, self._plan.assets, AT_ONCE)
        self._seen.add("page_with_assets", began)

    async def ask(self, name: str, **args: Any) -> Any:
        """What the page's script asks; None when it failed."""
        question = {
            "data": {"name": name, "args": {**self._plan.args, **args}},
            "component_id": self._component,
            "fn_name": "call",
            "session_hash": self._session,
        }
        began = time.perf_counter()
        answer = await self._fetch("POST", "gradio_api/component_server/", json=question)
        self._seen.add(name, began)
        told = answer.json() if answer is not None else {}
        if answer is not None and not told.get("ok"):
            self._seen.errors.append(str(told)[:200])
        return told.get("value")

    async def watch(self) -> None:
        """Ask for the status until the time is over."""
        end = time.perf_counter() + self._plan.seconds
        while (due := time.perf_counter()) < end:
            status = await self.ask("job_status", heard_from=self._heard)
            if status is not None:
                self._seen.statuses.add(status["status"])
                self._heard += len(status["heard"])
                if status["clips_version"] != self._clips_version:
                    self._clips_version = status["clips_version"]
                    await self.ask("list_clips")
            await asyncio.sleep(max(0.0, due + self._plan.every_s - time.perf_counter()))

    @asynccontextmanager
    async def heartbeat(self) -> AsyncIterator[None]:
        """The stream by which an open tab says that it is there."""
        beat = asyncio.create_task(self._beat())
        try:
            yield
        finally:
            beat.cancel()
            with suppress(asyncio.CancelledError):
                await beat

    async def _beat(self) -> None:
        url = f"gradio_api/heartbeat/{self._session}"
        with suppress(httpx.HTTPError):
            async with self._client.stream("GET", url, timeout=None) as answer:
                async for _ in answer.aiter_raw():
                    pass

    async def _fetch(self, method: str, path: str, **more: Any) -> httpx.Response | None:
        self._seen.asked += 1
        try:
            answer = await self._client.request(method, path, **more)
        except httpx.HTTPError as exc:
            self._seen.errors.append(f"{method} /{path}: {type(exc).__name__} {exc}"[:200])
            return None
        if answer.status_code != 200:
            self._seen.errors.append(f"{method} /{path}: {answer.status_code} {answer.text[:100]}")
            return None
        return answer


def status_part(page: str) -> int:
    """The number of the page's part that has the function `call`."""
    found = _CONFIG.search(page)
    parts = json.loads(found[1])["components"] if found else []
    return next(part["id"] for part in parts if "call" in part["props"].get("server_fns", ()))


async def visit(plan: Plan) -> dict[str, Any]:
    """All clients at once, their beginnings spread over one interval."""
    seen = Seen()

    async def one(number: int) -> None:
        await asyncio.sleep(plan.every_s * number / plan.clients)
        async with httpx.AsyncClient(
            base_url=plan.base, headers=HEADERS, timeout=TIMEOUT_S, verify=False
        ) as client:
            visitor = Visitor(plan, seen, client)
            await visitor.load()
            async with visitor.heartbeat():
                await visitor.watch()

    async def feel_lag() -> None:
        while True:
            began = time.perf_counter()
            await asyncio.sleep(LAG_STEP_S)
            seen.lag_ms.append(1000 * (time.perf_counter() - began - LAG_STEP_S))

    lag = asyncio.create_task(feel_lag())
    await asyncio.gather(*(one(number) for number in range(plan.clients)))
    lag.cancel()
    times = os.times()
    return {
        "ms": seen.ms, "lag_ms": seen.lag_ms, "errors": seen.errors, "asked": seen.asked,
        "statuses": sorted(seen.statuses), "client_cpu_s": times.user + times.system,
    }  # fmt: skip


if __name__ == "__main__":
    import uvloop

    # httpcore tries to import it at every request; where it is not there, that is half of the client's time
    if find_spec("sniffio") is None:
        sys.modules["sniffio"] = None  # type: ignore[assignment]
    print(json.dumps(uvloop.run(visit(Plan(**json.loads(sys.argv[1]))))))
