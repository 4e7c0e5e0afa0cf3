"""Artifacts in an S3-compatible bucket (Cloudflare R2, AWS, MinIO …), through boto3."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipeline.errors import StorageError
from pipeline.options import StorageOptions
from pipeline.records import Artifact
from pipeline.stores.files import Content, content_of, replacing
from pipeline.stores.names import content_type_of, is_name, job_path

PART_BYTES = 8 << 20
"""From this size on a file travels in parts of this size. S3 takes no parts below 5 MiB."""

FETCHES = 3
"""How often a download that arrives damaged is fetched anew."""

_REFUSED = {"401", "403", "AccessDenied", "Forbidden", "Unauthorized"}
_REFUSED |= {"InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken"}


class S3Storage:
    """Objects `{prefix}/jobs/{job_id}/{name}`; each carries its sha256 as metadata.

    Parts of an upload that a killed process began stay in the bucket unseen: R2 drops them after
    7 days by itself, elsewhere a lifecycle rule for incomplete uploads does.
    """

    keeps_source: bool = True

    def __init__(
        self,
        options: StorageOptions,
        *,
        part_bytes: int = PART_BYTES,
        attempts: int = 5,
        connect_timeout_s: float = 10.0,
        read_timeout_s: float = 60.0,
    ) -> None:
        if not (options.access_key_id and options.secret_access_key):
            raise StorageError(
                f"The bucket {options.bucket!r} needs keys; set R2_ACCESS_KEY_ID and R2_SECRET_ACCESS_KEY."
            )
        self._bucket = options.bucket
        self._prefix = options.prefix.strip("/")
        self._part_bytes = part_bytes
        self._attempts = attempts
        self._client = _client(options, attempts, connect_timeout_s, read_timeout_s)

    def put(
        self, job_id: str, name: str, path: Path, on_progress: Callable[[int], None] | None = None
    ) -> Artifact:
        """Store `path`; `on_progress` gets the bytes sent so far. Raises StorageError."""
        key = self._key(job_id, name)
        content = content_of(path)
        with self._translated("stored in", key):
            stored = self._head(key)
            if stored != content:
                self._send(path, key, content, _Sum(on_progress))
            elif on_progress:
                on_progress(content.size_bytes)
        return Artifact(name, content.size_bytes, content.sha256, f"s3://{self._bucket}/{key}")

    def get(self, job_id: str, name: str, path: Path) -> bool:
        """Fetch an object to `path`, whole and checked; False when there is none. Raises StorageError."""
        key = self._key(job_id, name)
        with self._translated("read from", key):
            for _ in range(FETCHES):
                stored = self._head(key)
                if stored is None:
                    return False
                try:
                    self._fetch(key, path, stored)
                except _Damaged:
                    continue
                return True
        raise StorageError(
            f"{key!r} arrived from the bucket {self._bucket!r} damaged {FETCHES} times; "
            "delete it there and start the job again, so that it is made anew."
        )

    def names(self, job_id: str) -> tuple[str, ...]:
        """The names stored for a job, sorted. Raises StorageError."""
        folder = self._key(job_id) + "/"
        with self._translated("listed in", folder):
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=folder)
            keys = [entry["Key"] for page in pages for entry in page.get("Contents", ())]
        return tuple(sorted(filter(is_name, (key.removeprefix(folder) for key in keys))))

    def location(self, job_id: str) -> str:
        return f"s3://{self._bucket}/{self._key(job_id)}/"

    def _key(self, job_id: str, name: str | None = None) -> str:
        path = job_path(job_id, name)
        return f"{self._prefix}/{path}" if self._prefix else path

    def _head(self, key: str) -> Content | None:
        """What is stored; the sha256 is empty for an object that somebody else put there."""
        from botocore.exceptions import ClientError

        try:
            head = self._client.head_object(Bucket=self._bucket, Key=key)
        except ClientError as exc:
            if _code(exc) in {"404", "NoSuchKey", "NotFound"}:
                return None
            raise
        return Content(head["ContentLength"], head["Metadata"].get("sha256", ""))

    def _send(self, path: Path, key: str, content: Content, progress: _Sum) -> None:
        self._client.upload_file(
            str(path),
            self._bucket,
            key,
            ExtraArgs={
                "ContentType": content_type_of(key),
                # A job that is run again replaces what is under a name, so browsers must ask.
                "CacheControl": "private, no-cache",
                "Metadata": {"sha256": content.sha256},
            },
            Callback=progress.add,
            Config=self._transfer(),
        )

    def _fetch(self, key: str, path: Path, expected: Content) -> None:
        with replacing(path) as temporary:
            with temporary.open("wb") as file:
                self._client.download_fileobj(self._bucket, key, file, Config=self._transfer())
            arrived = content_of(temporary)
            if arrived.size_bytes != expected.size_bytes or expected.sha256 not in ("", arrived.sha256):
                raise _Damaged

    def _transfer(self) -> Any:
        from boto3.s3.transfer import TransferConfig

        return TransferConfig(
            multipart_threshold=self._part_bytes,
            multipart_chunksize=self._part_bytes,
            max_concurrency=4,
            num_download_attempts=self._attempts,
        )

    @contextmanager
    def _translated(self, done: str, key: str) -> Iterator[None]:
        """The one place where errors of boto3 become ours; what a server says stays out of them."""
        from boto3.exceptions import Boto3Error, S3UploadFailedError
        from botocore.exceptions import BotoCoreError, ClientError
        from s3transfer.exceptions import RetriesExceededError  # type: ignore[import-untyped]

        what = f"{key!r} could not be {done} the bucket {self._bucket!r}"
        try:
            yield
        except ClientError as exc:
            raise _answered(what, exc) from exc
        except S3UploadFailedError as exc:
            # boto3 wraps the server's answer and keeps it only as the context.
            if isinstance(exc.__context__, ClientError):
                raise _answered(what, exc.__context__) from exc
            raise _broken(what, self._attempts, exc) from exc
        except (BotoCoreError, Boto3Error, RetriesExceededError) as exc:
            raise _broken(what, self._attempts, exc) from exc
        except OSError as exc:
            raise StorageError(f"{what}: {exc.strerror} on this machine.", type(exc).__name__) from exc


class _Damaged(Exception):
    """What arrived is not what was stored."""


class _Sum:
    """Adds up what the sending threads report, and passes the sum on."""

    def __init__(self, on_progress: Callable[[int], None] | None) -> None:
        self._on_progress = on_progress
        self._sent = 0
        self._lock = threading.Lock()

    def add(self, size_bytes: int) -> None:
        with self._lock:
            self._sent += size_bytes
            if self._on_progress:
                self._on_progress(self._sent)


def _client(options: StorageOptions, attempts: int, connect_timeout_s: float, read_timeout_s: float) -> Any:
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError

    config = Config(
        connect_timeout=connect_timeout_s,
        read_timeout=read_timeout_s,
        retries={"mode": "standard", "total_max_attempts": attempts},
        signature_version="s3v4",
        s3={"addressing_style": "path"},
        # R2 and older servers refuse the checksums that newer SDKs add to every request.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    try:
        return boto3.session.Session().client(
            "s3",
            endpoint_url=options.endpoint or None,
            region_name="auto" if options.endpoint else "us-east-1",
            aws_access_key_id=options.access_key_id,
            aws_secret_access_key=options.secret_access_key,
            config=config,
        )
    except (ValueError, BotoCoreError) as exc:
        raise StorageError(
            f"The bucket {options.bucket!r} cannot be reached: R2_ENDPOINT must be an http or https address "
            "without a path, such as https://ACCOUNT.r2.cloudflarestorage.com.",
            type(exc).__name__,
        ) from exc


def _code(error: Any) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _answered(what: str, error: Any) -> StorageError:
    """The sentence for an answer of the server that more attempts did not change."""
    code = _code(error)
    if code in _REFUSED:
        why = "the server refuses the keys; check R2_ACCESS_KEY_ID, R2_SECRET_ACCESS_KEY and what they allow"
    elif code == "NoSuchBucket":
        why = "there is no such bucket; check R2_BUCKET and R2_ENDPOINT"
    else:
        why = f"the server answered {code[:40]!r}; start the job again under its id to go on from here"
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", "")
    return StorageError(f"{what}: {why}.", f"{error.operation_name} answered {status} {code[:40]}")


def _broken(what: str, attempts: int, error: Exception) -> StorageError:
    return StorageError(
        f"{what}: the server could not be reached or broke off {attempts} times; check R2_ENDPOINT and the "
        "network, then start the job again under its id to go on from here.",
        type(error).__name__,
    )
