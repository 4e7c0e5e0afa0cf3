"""From what yt-dlp says to one sentence for the person who asked. Pure.

Sites word their refusals freely, so the kinds are told apart by the words that yt-dlp's extractors
use (its `extractor/common.py` and the extractors of the large sites), then by HTTP status.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pipeline.errors import Refused, SourceError, TooBig
from pipeline.net.heads import GUARD_MARK, Trouble
from pipeline.options import IngestOptions

_BY_TEXT: tuple[tuple[str, str], ...] = (
    (
        r"not a bot|captcha|bot check|unusual traffic|cloudflare anti-bot",
        "{host} asks to prove that no robot is downloading; give it a cookies file from your browser, "
        "or download the video yourself and use the file.",
    ),
    (
        r"private video|video is private|this post is private|account is private",
        "The video on {host} is private; ask its owner for access and give a cookies file, or use another.",
    ),
    (
        r"confirm your age|age.?restrict|age.?gate|inappropriate for some users",
        "{host} shows this video only to adults who are logged in; give a cookies file of an account.",
    ),
    (
        r"members.?only|join this channel|premium|subscri(be|ption)|purchase|paid|pay.?wall|rental",
        "{host} shows this video only to paying members; give a cookies file of a member's account.",
    ),
    (
        r"not (made )?(this video )?available in your (country|region|location)|geo.?restrict|"
        r"blocked it in your country|from your location",
        "{host} does not show this video in the country of this machine; use another video.",
    ),
    (
        r"log.?in|sign.?in|registered users|authentication|--cookies|password",
        "{host} shows this video only after a login; give a cookies file from your browser.",
    ),
    (
        r"removed|deleted|terminated|no longer available|does not exist|video unavailable|not found",
        "The video is no longer on {host}; check the link.",
    ),
    (r"drm", "The video on {host} is encrypted (DRM) and cannot be downloaded."),
    (
        r"requested format is not available|no video formats",
        "{host} offers no file with picture and sound for this address; use another link.",
    ),
    (r"begin in|premieres? in|will begin|offline|not currently live", "{url} is no finished video yet."),
    (r"timed? ?out", "{host} stopped answering; try again later."),
    (r"certificate|ssl", "{host} offers no trustworthy encrypted connection (TLS); check the link."),
)

_BY_STATUS: dict[int, str] = {
    401: "{host} asks for a login (401); give a cookies file from your browser.",
    402: "{host} asks for payment (402); use another video.",
    403: "{host} refuses to hand out the video (403); give a cookies file, or download it yourself.",
    404: "There is nothing at this address on {host} (404); check the link.",
    410: "The video is no longer on {host} (410); check the link.",
    429: "{host} is being asked too often from here (429); try again later.",
    451: "{host} may not show this video for legal reasons (451); use another video.",
}


def reason(
    answer: Mapping[str, Any], host: str, url: str, troubles: list[Trouble], options: IngestOptions
) -> SourceError:
    """The error to raise for a `failed` answer of the child and what the proxy noticed."""
    detail = "\n".join([str(answer.get("text", "")), *map(str, answer.get("log", ()))]).strip()
    for trouble in troubles:
        if trouble.kind == "refused":
            return Refused(trouble.sentence, detail)
        if trouble.kind == "too_big":
            return TooBig(trouble.sentence, detail)
    kind = str(answer.get("kind"))
    if kind != "error":
        return _by_kind(kind, answer, host, options, detail)
    text = str(answer.get("text", ""))
    if troubles and GUARD_MARK in text:
        return SourceError(troubles[-1].sentence, detail)
    return _by_words(answer, text, host, url, detail)


def _by_kind(
    kind: str, answer: Mapping[str, Any], host: str, options: IngestOptions, detail: str
) -> SourceError:
    if kind == "playlist":
        count = f"{answer['count']}{' or more' if answer['more'] else ''}"
        return Refused(f"The address holds {count} videos; give the link of a single one.", detail)
    if kind == "live":
        return Refused(f"The video on {host} {answer['state']}; wait until its recording is there.", detail)
    if kind == "too_long":
        return too_long(f"The video on {host}", int(answer["seconds"]), options)
    if kind == "too_big":
        return too_big(f"The video on {host}", int(answer["bytes"]), options)
    if kind == "drm":
        return Refused(f"The video on {host} is encrypted (DRM) and cannot be downloaded.", detail)
    if kind == "protocol":
        return Refused(
            f"{host} sends this video over {answer['protocol']}, but only web links are fetched.", detail
        )
    if kind == "nothing":
        return Refused(f"No video was found at this address on {host}; check the link.", detail)
    if any("larger than max-filesize" in line for line in answer.get("log", ())):
        return too_big(f"The video on {host}", options.max_size_bytes + 1, options)
    return SourceError(f"The download from {host} stopped before its end; try again.", detail)


def _by_words(answer: Mapping[str, Any], text: str, host: str, url: str, detail: str) -> SourceError:
    kinds = set(answer.get("kinds", ()))
    if "UnsupportedError" in kinds:
        return Refused(f"No video was found at this address on {host}; the site is not supported.", detail)
    if "GeoRestrictedError" in kinds:
        return Refused(f"{host} does not show this video in the country of this machine.", detail)
    status = int(answer.get("status") or 0)
    for pattern, sentence in _BY_TEXT:
        if re.search(pattern, text, re.IGNORECASE) and not (status and "not found" in text.lower()):
            return Refused(sentence.format(host=host, url=url), detail)
    if status in _BY_STATUS:
        return Refused(_BY_STATUS[status].format(host=host), detail)
    if status >= 500:
        return SourceError(f"{host} is in trouble itself ({status}); try again later.", detail)
    return SourceError(f"The video could not be fetched from {host}; check the link or try again.", detail)


def too_long(what: str, seconds: int, options: IngestOptions) -> TooBig:
    """The sentence for a video that lasts longer than the limit."""
    limit = options.max_duration_s
    return TooBig(f"{what} lasts {_clock(seconds)}, but at most {_clock(limit)} are allowed.")


def too_big(what: str, size_bytes: int, options: IngestOptions) -> TooBig:
    """The sentence for a file larger than the limit."""
    limit = options.max_size_bytes
    if size_bytes <= limit + 1:
        return TooBig(f"{what} is larger than the {_bytes(limit)} that are allowed.")
    return TooBig(f"{what} has {_bytes(size_bytes)}, but at most {_bytes(limit)} are allowed.")


def _clock(seconds: int) -> str:
    return f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def _bytes(count: int) -> str:
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} bytes"
