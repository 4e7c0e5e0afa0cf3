"""Artifacts of one job behind presigned URLs that somebody else hands over in a file.

The file is read anew for every attempt, so fresh URLs may replace those that expire while a job runs.
A URL is a secret: none gets into an error, a repr or a log.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO

import httpx

from pipeline.errors import StorageError
from pipeline.records import Artifact
from pipeline.stores.exchange import Exchange, Pace, TryAgain, answer_to, promised_length
from pipeline.stores.files import content_of, digest_of, replacing
from pipeline.stores.names import content_type_of, job_path
from pipeline.stores.urls import read_urls

BLOCK_BYTES = 256 << 10


class PresignedStorage:
    """Files behind URLs, each sent with one PUT, which S3 takes up to 5 GiB.

    A signer must let a missing object answer 404; AWS does when the signer may list the bucket.
    """

    keeps_source: bool = True

    def __init__(
        self, urls_file: Path, *, attempts: int = 5, first_wait_s: float = 0.5, silence_s: float = 60.0
    ) -> None:
        self._urls_file = urls_file
        self._exchange = Exchange(attempts, first_wait_s, silence_s)

    def put(
        self, job_id: str, name: str, path: Path, on_progress: Callable[[int], None] | None = None
    ) -> Artifact:
        """Store `path`; `on_progress` gets the bytes sent so far. Raises StorageError."""
        location = f"presigned:{job_path(job_id, name)}"
        content = content_of(path)
        report = on_progress or (lambda _: None)
        size = content.size_bytes
        with self._exchange.open() as transport:
            if self._exchange.persistently(name, partial(self._holds, transport, name, path, size)):
                report(size)
            else:
                self._exchange.persistently(name, partial(self._send, transport, name, path, size, report))
        return Artifact(name, size, content.sha256, location)

    def get(self, job_id: str, name: str, path: Path) -> bool:
        """Fetch a file to `path`, whole; False when it is not there. Raises StorageError."""
        job_path(job_id, name)
        with self._exchange.open() as transport:
            return self._exchange.persistently(name, partial(self._fetch, transport, name, path))

    def names(self, job_id: str) -> tuple[str, ...]:
        """The names that have a GET URL and a file behind it, sorted. Raises StorageError."""
        job_path(job_id)
        with self._exchange.open() as transport:
            return tuple(
                name
                for name in sorted(read_urls(self._urls_file).get)
                if self._exchange.persistently(name, partial(self._stored, transport, name))
            )

    def location(self, job_id: str) -> str:
        return f"presigned:{job_path(job_id)}/"

    def _holds(self, transport: httpx.HTTPTransport, name: str, path: Path, size_bytes: int) -> bool:
        """Whether the same bytes are stored: by size, and by the MD5 that S3 gives as the ETag.

        An ETag that is no MD5 of the file (multipart, KMS) never matches, and the file is sent again;
        so it is when the GET URL is refused, because only the PUT URL is needed here.
        """
        stored = self._stored(transport, name, refused_is_absent=True)
        return stored is not None and stored[0] == size_bytes and stored[1] == digest_of(path, "md5")

    def _stored(
        self, transport: httpx.HTTPTransport, name: str, *, refused_is_absent: bool = False
    ) -> tuple[int, str] | None:
        """Size (-1: unknown) and ETag of what is stored, None when nothing is.

        A URL signed for GET refuses HEAD, so the first byte is asked for.
        """
        url = read_urls(self._urls_file).get.get(name)
        if url is None:
            return None
        absent = {401, 403, 404} if refused_is_absent else {404}
        request = self._exchange.request("GET", url, {"Range": "bytes=0-0"})
        with answer_to(request, transport, {200, 206, 416} | absent, _failed(name, "fetched")) as answer:
            status = answer.status_code
            if status in absent:
                return None
            etag = answer.headers.get("etag", "").strip('"')
            if status == 200:
                return promised_length(answer), etag
            if status == 416:  # an empty file has no first byte
                return 0, etag
            total = answer.headers.get("content-range", "").rpartition("/")[2]
            return int(total) if total.isdecimal() else -1, etag

    def _send(
        self,
        transport: httpx.HTTPTransport,
        name: str,
        path: Path,
        size_bytes: int,
        report: Callable[[int], None],
    ) -> None:
        url = read_urls(self._urls_file).put.get(name)
        if url is None:
            raise StorageError(
                f"There is no presigned PUT URL for {name!r} in {str(self._urls_file)!r}; add one for it."
            )
        headers = {"Content-Length": str(size_bytes), "Content-Type": content_type_of(name)}
        try:
            with path.open("rb") as file:
                body = _blocks(file, Pace(size_bytes, self._exchange.silence_s), report)
                request = self._exchange.request("PUT", url, headers, body)
                with answer_to(request, transport, {200, 201, 204}, _failed(name, "stored")):
                    pass
        except OSError as exc:
            raise StorageError(f"{name!r} cannot be stored: {exc.strerror} when reading {path}.") from exc

    def _fetch(self, transport: httpx.HTTPTransport, name: str, path: Path) -> bool:
        url = read_urls(self._urls_file).get.get(name)
        if url is None:
            return False
        request = self._exchange.request("GET", url, {"Accept-Encoding": "identity"})
        with answer_to(request, transport, {200, 404}, _failed(name, "fetched")) as answer:
            if answer.status_code == 404:
                return False
            length = promised_length(answer)
            if length < 0:
                raise StorageError(
                    f"{_failed(name, 'fetched')}: the storage does not say how long it is, so nobody could "
                    "tell whether it is whole; use a storage that sends Content-Length."
                )
            # Objects that S3Storage put there carry their checksum; a plain PUT leaves none.
            self._receive(answer, length, path, answer.headers.get("x-amz-meta-sha256", ""))
        return True

    def _receive(self, answer: httpx.Response, length: int, path: Path, sha256: str) -> None:
        pace = Pace(length, self._exchange.silence_s)
        with replacing(path) as temporary:
            with temporary.open("wb") as file:
                for block in answer.iter_raw():
                    file.write(block)
                    pace.check(file.tell())
            if sha256 and digest_of(temporary) != sha256:
                raise TryAgain("the file arrived damaged")


def _blocks(file: BinaryIO, pace: Pace, report: Callable[[int], None]) -> Iterator[bytes]:
    while block := file.read(BLOCK_BYTES):
        yield block
        pace.check(file.tell())
        report(file.tell())


def _failed(name: str, done: str) -> str:
    return f"{name!r} could not be {done}"
