"""Every error that a visitor of the session can be told, one tree.

    NodeError             (code, HTTP status)
    ├── BadRequest        the arguments can't be used                    bad_request, 400
    ├── UnknownJob        no job of that id in this session              unknown_job, 404
    ├── NotReady          asked for before it exists                     not_ready, 409
    ├── NotGranted        the launcher has not released it               not_granted, 402
    ├── NoRoom            the disk is nearly full                        no_room, 507
    ├── Busy              the queue is full                              busy, 429
    ├── Closing           the session takes no new work                  closing, 503
    └── LauncherDown      the launcher could not be asked                launcher_down, 502

`str(error)` is one sentence for the person, with what to do next; `code` is for programs. Errors of
the pipeline (`pipeline.errors`) carry the same two things and pass through with their own codes.
"""

from __future__ import annotations

from typing import ClassVar


class NodeError(Exception):
    """Something the session can't do as asked."""

    code: ClassVar[str] = "failed"
    status: ClassVar[int] = 500


class BadRequest(NodeError):
    code = "bad_request"
    status = 400


class UnknownJob(NodeError):
    code = "unknown_job"
    status = 404


class NotReady(NodeError):
    code = "not_ready"
    status = 409


class NotGranted(NodeError):
    """`url` is where the visitor can have it released, when the launcher names a place."""

    code = "not_granted"
    status = 402

    def __init__(self, message: str, url: str = "") -> None:
        super().__init__(message)
        self.url = url


class NoRoom(NodeError):
    code = "no_room"
    status = 507


class Busy(NodeError):
    code = "busy"
    status = 429


class Closing(NodeError):
    code = "closing"
    status = 503


class LauncherDown(NodeError):
    code = "launcher_down"
    status = 502
