"""The file of presigned URLs: `{"put": {name: url}, "get": {name: url}}`, names relative to the job."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from pipeline.errors import StorageError
from pipeline.stores.names import checked_name

LONGEST_FILE_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class Urls:
    """Where each name is stored and fetched. Each URL is a secret, so the repr shows none."""

    put: Mapping[str, str] = field(repr=False)
    get: Mapping[str, str] = field(repr=False)


def read_urls(path: Path) -> Urls:
    """What the file holds now. Raises StorageError, which never quotes the file."""
    try:
        if path.stat().st_size > LONGEST_FILE_BYTES:
            raise _unusable(path, f"is longer than {LONGEST_FILE_BYTES} bytes")
        held = json.loads(path.read_bytes())
    except OSError as exc:
        raise StorageError(
            f"The presigned URLs cannot be read from {str(path)!r}: {exc.strerror}; put the file there."
        ) from exc
    except (ValueError, RecursionError):
        # Without a cause: the decoder's error keeps the whole text, URLs included.
        raise _unusable(path, "is not JSON") from None
    if not isinstance(held, dict):
        raise _unusable(path, "holds no JSON object")
    return Urls(_table(path, held, "put"), _table(path, held, "get"))


def _table(path: Path, held: Mapping[str, object], direction: str) -> dict[str, str]:
    table = held.get(direction, {})
    if not isinstance(table, dict):
        raise _unusable(path, f"has something else than names and URLs under {direction!r}")
    return {checked_name(name): _checked(path, name, url) for name, url in table.items()}


def _checked(path: Path, name: str, url: object) -> str:
    try:
        parsed = httpx.URL(url) if isinstance(url, str) else httpx.URL()
        # Looking up a host that cannot be encoded raises no network error but a UnicodeError.
        usable = parsed.scheme in ("http", "https") and bool(parsed.raw_host.decode().encode("idna"))
    except (httpx.InvalidURL, UnicodeError):
        usable = False
    if not usable:
        raise _unusable(path, f"holds something else than an http or https URL for {name!r}")
    return str(url)


def _unusable(path: Path, why: str) -> StorageError:
    return StorageError(
        f"The file of presigned URLs {str(path)!r} {why}; expected "
        '{"put": {name: url}, "get": {name: url}} as JSON.'
    )
