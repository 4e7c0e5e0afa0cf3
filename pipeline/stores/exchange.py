"""HTTP with a storage: bounded in time, tried again, and silent about its URLs.

Requests go through httpx's transport and not through its client: the client logs every URL, follows
redirects and reads the environment; the transport does none of this.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import httpx

from pipeline.errors import StorageError

CONNECT_S = 10.0
LONGEST_WAIT_S = 15.0

SLOWEST_BYTES_PER_S = 16 << 10
"""A transfer slower than this on the whole is given up: a server that trickles must not hold a job."""

_SMALL_BYTES = 4 << 10
_T = TypeVar("_T")


class TryAgain(Exception):
    """This attempt failed in a way that another may not."""


class Pace:
    """Ends a transfer that takes longer than its size allows."""

    def __init__(self, size_bytes: int, silence_s: float) -> None:
        self._deadline = time.monotonic() + silence_s + size_bytes / SLOWEST_BYTES_PER_S

    def check(self, done_bytes: int) -> None:
        """Raises TryAgain when the time is over."""
        if time.monotonic() > self._deadline:
            raise TryAgain(f"too slow: only {done_bytes} bytes so far")


class Exchange:
    """How often a request is tried, and how long a server may be silent."""

    def __init__(self, attempts: int, first_wait_s: float, silence_s: float) -> None:
        self.silence_s = silence_s
        self._attempts = attempts
        self._first_wait_s = first_wait_s
        # Its debug lines hold the headers of answers, and a redirect repeats the signed URL there.
        logging.getLogger("httpcore.http11").setLevel(logging.INFO)
        self._tls = httpx.create_ssl_context(trust_env=False)

    def open(self) -> httpx.HTTPTransport:
        """Connections for several requests; a context manager."""
        return httpx.HTTPTransport(verify=self._tls, trust_env=False)

    def persistently(self, name: str, attempt: Callable[[], _T]) -> _T:
        """What `attempt` gives, once it works; each wait is longer. Raises StorageError after the last."""
        last: Exception | None = None
        for count in range(self._attempts):
            if count:
                time.sleep(
                    min(LONGEST_WAIT_S, self._first_wait_s * 2 ** (count - 1)) * random.uniform(0.5, 1)
                )
            try:
                return attempt()
            except (httpx.TransportError, TryAgain) as exc:
                last = exc
        raise StorageError(
            f"{name!r} could not be stored or fetched through its presigned URL in {self._attempts} "
            "attempts; check the network and the storage, then start the job again under its id.",
            f"{type(last).__name__}: {last}",
        ) from last

    def request(
        self, method: str, url: str, headers: dict[str, str], body: Iterator[bytes] | None = None
    ) -> httpx.Request:
        """A request that carries its time limits."""
        timeout = httpx.Timeout(self.silence_s, connect=min(CONNECT_S, self.silence_s))
        extensions = {"timeout": timeout.as_dict()}
        return httpx.Request(method, url, headers=headers, content=body, extensions=extensions)


@contextmanager
def answer_to(
    request: httpx.Request, transport: httpx.HTTPTransport, expected: set[int], what: str
) -> Iterator[httpx.Response]:
    """The answer, its body unread, when its status is one of `expected`.

    Raises StorageError, whose sentence begins with `what`; TryAgain when another attempt may help;
    httpx.TransportError when the connection fails.
    """
    answer = transport.handle_request(request)
    try:
        status = answer.status_code
        if status != 200 and 0 < promised_length(answer) <= _SMALL_BYTES:
            # A connection serves the next request only when the answer was read to its end.
            for _ in answer.iter_raw():
                pass
        if status in (408, 429) or status >= 500:
            raise TryAgain(f"the storage answered {status}")
        if status not in expected:
            raise _unexpected(what, status)
        yield answer
    finally:
        answer.close()


def promised_length(answer: httpx.Response) -> int:
    """The length of the body in bytes, which httpx holds the server to; -1 when it does not say."""
    length = answer.headers.get("content-length", "")
    return int(length) if length.isdecimal() else -1


def _unexpected(what: str, status: int) -> StorageError:
    if status in (401, 403):
        why = f"the storage refuses its presigned URL ({status}), which has expired; hand over fresh URLs"
    elif 300 <= status < 400:
        why = f"its presigned URL redirects ({status}), which is not followed; hand over the final URL"
    else:
        why = f"the storage answered {status}; check what the presigned URL was signed for"
    return StorageError(f"{what}: {why}, then start the job again under its id.")
