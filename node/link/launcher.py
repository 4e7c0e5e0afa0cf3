"""The node's line to its launcher: may a job or a clip be had, what became of it, where is it shared.

Where to call is told by the launcher itself, later and again (`configure`). Its token lives in memory
alone and is sent in a header; it is never shown or logged.
"""

from __future__ import annotations

import json
import logging
import re
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from node.errors import BadRequest, LauncherDown
from node.link.courier import Answer, Courier
from node.link.spool import Spool
from node.records import Grant, JobStatus
from pipeline.workspace import from_json

TIMEOUT_S = 10.0
TRIES = 3
PAUSE_S = 0.5
LIMIT_BYTES = 1_000_000
"""Of an answer; presigned URLs of a job with twenty clips have about 200 KB."""
TOKEN_HEADER = "x-callback-token"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Line:
    """Where the launcher listens; empty: not there."""

    events_url: str = ""
    grants_url: str = ""
    share_url: str = ""
    token: str = field(default="", repr=False)


class _Unusable(Exception):
    """An answer that is none; `again`: another try may bring a better one."""

    def __init__(self, what: str, again: bool) -> None:
        super().__init__(what)
        self.again = again


class Launcher:
    """Any thread may call anything. `close` leaves in the spool what could not be delivered."""

    def __init__(self, spool: Path, session_id: str = "", timeout_s: float = TIMEOUT_S) -> None:
        self.session_id = session_id
        self._spool = Spool(spool)
        self._line = Line()
        self._lock = threading.Lock()
        self._seq = 0
        # No proxy of the environment: the token is for the launcher alone.
        self._http = httpx.Client(timeout=timeout_s, follow_redirects=False, trust_env=False)
        self._timeout_s = timeout_s
        self._courier = Courier(self._spool, self._send, lambda: bool(self._line.events_url))

    def configure(
        self,
        events_url: str | None = None,
        grants_url: str | None = None,
        share_url: str | None = None,
        token: str | None = None,
    ) -> None:
        """Where to call from now on. None (or empty) keeps what there was. Raises BadRequest."""
        for name, url in (("events_url", events_url), ("grants_url", grants_url), ("share_url", share_url)):
            if url and not _is_link(url):
                raise BadRequest(f"{name} is no http or https address; give the launcher's full address.")
        if token and not (token.isascii() and token.isprintable()):
            raise BadRequest("The callback token holds characters that no header can carry.")
        old = self._line
        self._line = Line(
            events_url or old.events_url,
            grants_url or old.grants_url,
            share_url or old.share_url,
            token or old.token,
        )
        self._courier.wake()

    def close(self, patience_s: float = 5.0) -> None:
        self._courier.close(patience_s, patience_s + 2 * self._timeout_s)
        self._http.close()

    # -- grants ------------------------------------------------------------------------------------

    def ask(
        self, kind: str, job_id: str, clip: int | None = None, details: Mapping[str, Any] | None = None
    ) -> Grant:
        """May this job be done (kind "job") or this clip be released (kind "clip")?

        A remembered grant is answered without asking. Raises LauncherDown after three tries.
        """
        if (known := self._spool.grant(kind, job_id, clip)) is not None:
            return known
        url = self._line.grants_url
        if not url:
            raise LauncherDown("This session is not connected to its launcher yet; try again in a moment.")
        body: dict[str, Any] = {
            "session_id": self.session_id, "kind": kind, "job_id": job_id, "clip": clip,
        }  # fmt: skip
        if details:
            body["details"] = dict(details)
        key = self._spool.ask_key(kind, job_id, clip)
        grant = _grant_of(self._answer(url, body, key, "granted", bool))
        if grant.granted:
            self._spool.keep_grant(kind, job_id, clip, grant)
        self._spool.answered(kind, job_id, clip)
        return grant

    def grant(
        self, kind: str, job_id: str, clip: int | None = None, presigned: Mapping[str, Any] | None = None
    ) -> None:
        """The launcher has released it unasked; remembered, with the storage URLs known before."""
        known = self._spool.grant(kind, job_id, clip)
        if presigned is None and known is not None:
            presigned = known.presigned
        self._spool.keep_grant(kind, job_id, clip, Grant(True, presigned=presigned))

    def granted(self, kind: str, job_id: str, clip: int | None = None) -> bool:
        """Whether a grant is remembered; nobody is asked."""
        return self._spool.grant(kind, job_id, clip) is not None

    def share(self, job_id: str) -> str:
        """A public address for the job's clips. Raises LauncherDown."""
        url = self._line.share_url
        if not url:
            raise LauncherDown("This session is not connected to its launcher, so nothing can be shared.")
        body = {"session_id": self.session_id, "job_id": job_id}
        shared = str(self._answer(url, body, f"share-{job_id}", "url", str)["url"])
        if not _is_link(shared):
            raise LauncherDown("The launcher gave no usable address to share; try again later.")
        return shared

    # -- news --------------------------------------------------------------------------------------

    def tell(self, event: Mapping[str, Any]) -> None:
        """Progress (only the newest of a job counts) or an outcome (told until it is taken)."""
        with self._lock:
            # Milliseconds of the clock: the order holds beyond a restart.
            self._seq = max(self._seq + 1, time.time_ns() // 1_000_000)
            news = {"session_id": self.session_id, **event, "seq": self._seq}
            if JobStatus(news["status"]).ended:
                self._courier.outcome(news)
            else:
                self._courier.progress(news)

    def undelivered(self) -> int:
        """Outcomes that the launcher has not taken yet."""
        return self._courier.waiting()

    def _send(self, event: dict[str, Any]) -> Answer:
        key = f"{event['job_id']}-{event['seq']}"
        body = {name: value for name, value in event.items() if name != "schema"}
        try:
            status, _ = self._post(self._line.events_url, body, key)
        except httpx.HTTPError as exc:
            _log.info("the launcher could not be told: %s", type(exc).__name__)
            return Answer.LATER
        if 200 <= status < 300:
            return Answer.TAKEN
        return Answer.REFUSED if 400 <= status < 500 and status not in (408, 429) else Answer.LATER

    # -- one question, one answer ------------------------------------------------------------------

    def _answer(self, url: str, body: Mapping[str, Any], key: str, wanted: str, kind: type) -> dict[str, Any]:
        why = ""
        for attempt in range(TRIES):
            if attempt:
                time.sleep(PAUSE_S * attempt)
            try:
                return _usable(*self._post(url, body, key), wanted, kind)
            except httpx.HTTPError as exc:
                why = type(exc).__name__
            except _Unusable as exc:
                why = str(exc)
                if not exc.again:
                    break
        _log.warning("the launcher gave no answer: %s", why)
        raise LauncherDown(f"The launcher could not be asked ({why}); try again in a minute.")

    def _post(self, url: str, body: Mapping[str, Any], key: str) -> tuple[int, bytes]:
        """Status and body. Raises httpx.HTTPError; an endless or slow answer is one too."""
        headers = {TOKEN_HEADER: self._line.token, "idempotency-key": key}
        until = time.monotonic() + self._timeout_s
        data = bytearray()
        with self._http.stream("POST", url, json=dict(body), headers=headers) as response:
            for part in response.iter_bytes():
                data += part
                if len(data) > LIMIT_BYTES or time.monotonic() > until:
                    raise httpx.ReadTimeout("the answer does not end")
            return response.status_code, bytes(data)


def _usable(status: int, data: bytes, wanted: str, kind: type) -> dict[str, Any]:
    """The answer's object, which has `wanted`. A refusal (402, 403 …) is an answer too when it has it."""
    if status >= 500 or status in (408, 429):
        raise _Unusable(f"it answered {status}", again=True)
    try:
        answer = json.loads(data)
    except (ValueError, RecursionError) as exc:
        raise _Unusable(f"it answered {status} without usable JSON", again=status < 400) from exc
    if not isinstance(answer, dict) or not isinstance(answer.get(wanted), kind):
        raise _Unusable(f"it answered {status} without {wanted!r}", again=status < 400)
    return answer


def _grant_of(answer: Mapping[str, Any]) -> Grant:
    known = {name: answer[name] for name in ("message", "url", "presigned") if answer.get(name) is not None}
    try:
        grant = from_json(Grant, {"granted": answer["granted"], **known})
    except ValueError as exc:
        raise LauncherDown("The launcher's answer can't be understood; try again in a minute.") from exc
    url = grant.url if _is_link(grant.url) or re.match(r"/(?!/)", grant.url) else ""
    return Grant(grant.granted, grant.message[:500], url, grant.presigned)


def _is_link(url: str) -> bool:
    try:
        parts = urlsplit(url)
        httpx.URL(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except (ValueError, httpx.InvalidURL):
        return False
