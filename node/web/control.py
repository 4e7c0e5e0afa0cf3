"""What a launcher may ask of its node, and the look that says whether the node is well.

    GET  /healthz                 how it is; never waits
    POST /control/configure       where the node is shown and whom it reports to
    POST /control/jobs            start a job that the launcher has granted
    GET  /control/jobs/{job_id}   its state
    POST /control/grants          a released job or clip
    POST /control/drain           take no new work
    POST /control/stop            stop now

The door lets only the launcher itself come to /control: it shows the session token as
X-Kangklip-Control, which its proxy sends for no visitor. Without a token there is no /control.
Errors are {"detail": a sentence, "code": for programs}.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any, Literal, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from node.errors import BadRequest, NodeError
from pipeline.errors import ClipError
from pipeline.workspace import JOB_ID

MOST_BYTES = 1 << 20

JobId = Annotated[str, Field(pattern=rf"^{JOB_ID.pattern}$")]
Url = Annotated[str, Field(pattern=r"^https?://[!-~]+$", max_length=4000)]
Prefix = Annotated[str, Field(pattern=r"^(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$", max_length=200)]
Text = Annotated[str, Field(max_length=500)]
Seconds = Annotated[float, Field(ge=3, le=600)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Configuration(_Body):
    """What the launcher tells once the node is up; a field left out stays as it was."""

    root_path: Prefix | None = None
    events_url: Url | None = None
    grants_url: Url | None = None
    share_url: Url | None = None
    callback_token: Annotated[SecretStr, Field(max_length=4000)] | None = None
    price_per_hour_usd: Annotated[float, Field(ge=0, le=1000)] | None = None


class StartJob(_Body):
    """A job that the launcher has granted. `presigned`: the storage's URLs, for the job alone."""

    job_id: JobId
    source: Annotated[str, Field(min_length=1, max_length=4000)]
    grant: Literal[True]
    count: Annotated[int, Field(ge=1, le=5)] = 3
    min_seconds: Seconds | None = None
    max_seconds: Seconds = 45.0
    language: Text = "auto"
    output_language: Text = "auto"
    focus: Text = ""
    captions: Text = "karaoke"
    presigned: Mapping[str, Any] | None = Field(default=None, repr=False)

    @model_validator(mode="after")
    def _in_order(self) -> StartJob:
        if self.min_seconds is not None and self.min_seconds > self.max_seconds:
            raise ValueError(
                f"min_seconds {self.min_seconds:g} is more than max_seconds {self.max_seconds:g}"
            )
        return self


class Released(_Body):
    """What the launcher has released: a job, or one full clip of it."""

    kind: Literal["job", "clip"]
    job_id: JobId
    clip: Annotated[int, Field(ge=1, le=99)] | None = None

    @model_validator(mode="after")
    def _clip_is_named(self) -> Released:
        if (self.kind == "clip") != (self.clip is not None):
            raise ValueError("a clip's grant names the clip by number, a job's grant names none")
        return self


class Health(_Body):
    """How the node is: `jobs` known, `loaded` the models in memory."""

    session: str
    version: str
    busy: bool
    jobs: int
    loaded: tuple[str, ...] = ()
    status: Literal["ok"] = "ok"


class ControlHooks(Protocol):
    """What is behind the routes. All but `health` run in a thread of their own and may raise
    NodeError or ClipError; `health` must return at once. `state` is what may be shown as JSON."""

    def health(self) -> Health: ...
    def configure(self, wanted: Configuration) -> None: ...
    def start(self, wanted: StartJob) -> Mapping[str, Any]: ...
    def state(self, job_id: str) -> Mapping[str, Any]: ...
    def grant(self, released: Released) -> None: ...
    def drain(self) -> None: ...
    def stop(self) -> None: ...


B = TypeVar("B", bound=_Body)
Endpoint = Callable[[Request], Awaitable[Response]]


def routes(hooks: ControlHooks) -> list[Route]:
    """The routes, to be added to the app that the door stands before."""

    async def healthz(request: Request) -> Response:
        return JSONResponse(hooks.health().model_dump())

    async def configure(request: Request) -> Response:
        return await _done(hooks.configure, await _body(request, Configuration))

    async def start(request: Request) -> Response:
        wanted = await _body(request, StartJob)
        return JSONResponse(dict(await run_in_threadpool(hooks.start, wanted)), 202)

    async def state(request: Request) -> Response:
        return JSONResponse(dict(await run_in_threadpool(hooks.state, request.path_params["job_id"])))

    async def grant(request: Request) -> Response:
        return await _done(hooks.grant, await _body(request, Released))

    async def drain(request: Request) -> Response:
        return await _done(hooks.drain)

    async def stop(request: Request) -> Response:
        return await _done(hooks.stop)

    posts = {"configure": configure, "jobs": start, "grants": grant, "drain": drain, "stop": stop}
    return [
        Route("/healthz", healthz, methods=["GET"]),
        Route("/control/jobs/{job_id}", _told(state), methods=["GET"]),
        *(Route(f"/control/{name}", _told(do), methods=["POST"]) for name, do in posts.items()),
    ]


async def _done(do: Callable[..., None], *args: Any) -> Response:
    await run_in_threadpool(do, *args)
    return JSONResponse({"ok": True})


def _told(endpoint: Endpoint) -> Endpoint:
    """The same endpoint, with its errors as JSON."""

    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except NodeError as exc:
            return JSONResponse({"detail": str(exc), "code": exc.code}, exc.status)
        except ClipError as exc:
            return JSONResponse({"detail": exc.user_message, "code": exc.code}, 422)

    return answer


async def _body(request: Request, kind: type[B]) -> B:
    """The request's JSON as a record. Raises BadRequest with a sentence for every wrong field."""
    data = bytearray()
    try:
        async for piece in request.stream():
            data += piece
            if len(data) > MOST_BYTES:
                raise BadRequest(f"The request is longer than {MOST_BYTES >> 20} MB; send less.")
    except ClientDisconnect as exc:
        raise BadRequest("The request broke off.") from exc
    try:
        return kind.model_validate_json(bytes(data), strict=False)
    except ValidationError as exc:
        wrong = (f"{'.'.join(map(str, each['loc'])) or 'request'}: {each['msg']}" for each in exc.errors())
        raise BadRequest("; ".join(wrong) + ".") from exc
