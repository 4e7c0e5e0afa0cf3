"""The session node put together: board, service, page, endpoints, doors; and its end."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import gradio as gr
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from node.claim import check_port, claim_folder
from node.endpoints import PUBLIC, Endpoints
from node.errors import NodeError
from node.jobs.board import Board, BoardOptions
from node.link.launcher import Launcher
from node.outlet import Outlet
from node.page.layout import lay_out
from node.page.parts import head, sheet
from node.page.theme import theme
from node.service import Service, Session
from node.web import control, share
from node.web.agents import let_agents_in
from node.web.control import Configuration, Health, Released, StartJob
from node.web.door import Rules, before_everything, move_to
from node.web.share import Shares
from node.web.showcase import Showcase
from node.wishes import Asked
from settings import NodeSettings

log = logging.getLogger("kangklip.node")

SAMPLE = Path(__file__).parents[1] / "assets" / "sample" / "talk.mp4"
IDLE_BEHIND_LAUNCHER_MIN = 15.0
"""A forgotten session costs money; a laptop's costs nothing, so it stays open."""
WATCH_S = 5.0


class Node:
    """One session: everything that runs while the page is open. Raises CannotOpen."""

    def __init__(self, settings: NodeSettings) -> None:
        self._settings = settings
        check_port(settings.host, settings.port)
        self.ended = threading.Event()
        work_dir = settings.work_dir.resolve()
        temp_dir = settings.session_temp_dir.resolve()
        self._held = claim_folder(work_dir)
        has_launcher = bool(settings.session_token_sha256)
        self.launcher = Launcher(work_dir / "spool", settings.session_id) if has_launcher else None
        options = BoardOptions(
            work_dir=work_dir,
            temp_dir=temp_dir,
            max_queue=settings.max_queue,
            keep_s=settings.keep_hours * 3600,
            disk_quota_bytes=round(settings.disk_quota_gb * 1e9),
            min_free_bytes=round(settings.min_free_gb * 1e9),
            price_per_hour_usd=settings.price_per_hour_usd,
            secrets=settings.secrets,
        )
        self.board = Board(options, self.launcher)
        self.shares = Shares(work_dir)
        outlet = Outlet(Showcase(temp_dir), self.launcher, self.shares, SAMPLE)
        minutes = settings.idle_minutes
        if minutes is None:
            minutes = IDLE_BEHIND_LAUNCHER_MIN if has_launcher else 0
        session = Session(settings.session_id, work_dir, SAMPLE, minutes * 60)
        self.service = Service(session, self.board, outlet)
        self._temp_dir = temp_dir
        self._demo: Any = None

    def open(self) -> str:
        """Begin to serve; gives the address of the page."""
        settings = self._settings
        self.board.open()
        with gr.Blocks(title="KangKlip", analytics_enabled=False) as self._demo:
            i18n = lay_out(self.service)
            Endpoints(self.service).attach()
        rules = Rules(
            token_sha256=settings.session_token_sha256,
            hosts=frozenset(name.strip() for name in settings.public_hosts.split(",") if name.strip()),
            root_path=lambda: self._demo.app.root_path or "",
            public=PUBLIC,
            used=self.board.touch,
        )
        self._demo.queue(api_open=False, default_concurrency_limit=20).launch(
            server_name=settings.host,
            server_port=settings.port,
            root_path=settings.root_path or None,
            app_kwargs={
                "lifespan": before_everything(rules, self._temp_dir),
                "routes": [*control.routes(Hooks(self)), Route("/share/{link}", self._shared)],
            },
            theme=theme(),
            css=sheet(),
            head=head(),
            i18n=i18n,
            mcp_server=True,
            max_file_size=round(settings.max_source_gb * 1e9),
            allowed_paths=[],
            footer_links=["api"],
            prevent_thread_lock=True,
            ssr_mode=False,
            run_history=False,
            enable_monitoring=False,
            show_error=False,
            quiet=True,
            share=False,
        )
        let_agents_in(self._demo, rules.inner)
        threading.Thread(target=self._watch_idle, name="idle", daemon=True).start()
        return f"{self._demo.local_url.rstrip('/')}{settings.root_path}/"

    def close(self) -> None:
        """Stop serving and working; what was not finished can be taken up again."""
        self._demo.close(verbose=False)
        self.board.close()
        if self.launcher is not None:
            self.launcher.close()
        self._held.close()

    def move(self, root_path: str) -> None:
        """Be shown under another prefix from now on."""
        move_to(self._demo, root_path)

    def _watch_idle(self) -> None:
        """End the session when nobody has used it for its idle time and nothing runs."""
        limit = self.service.session.idle_s
        while limit and not self.ended.wait(min(WATCH_S, limit / 4)):
            if self.board.idle_s() >= limit:
                log.info("the session was idle for %.0f s and closes", limit)
                self.ended.set()

    async def _shared(self, request: Request) -> Response:
        job_id = self.shares.job_of(request.path_params["link"])
        try:
            if job_id is None:
                raise LookupError
            state, found = self.service.job_status(job_id), self.service.list_clips(job_id)
        except (LookupError, NodeError):
            return HTMLResponse(share.page("There is nothing under this link.", []), 404, share.HEADERS)
        clips = [clip for clip in found["clips"] if clip["preview"]]
        return HTMLResponse(share.page(state["title"], clips), headers=share.HEADERS)


class Hooks:
    """What the launcher's control routes do to the node."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._version = version("gradio")

    def health(self) -> Health:
        board = self._node.board
        return Health(
            session=self._node.service.session.session_id,
            version=self._version,
            busy=board.busy,
            jobs=len(board.jobs()),
        )

    def configure(self, wanted: Configuration) -> None:
        node = self._node
        if wanted.root_path is not None:
            node.move(wanted.root_path)
        if wanted.price_per_hour_usd is not None:
            node.board.set_price(wanted.price_per_hour_usd)
        if node.launcher is not None:
            token = wanted.callback_token.get_secret_value() if wanted.callback_token else ""
            node.launcher.configure(
                wanted.events_url or "", wanted.grants_url or "", wanted.share_url or "", token
            )

    def start(self, wanted: StartJob) -> Mapping[str, Any]:
        node = self._node
        if node.launcher is not None:
            node.launcher.grant("job", wanted.job_id, None, wanted.presigned)
        asked = Asked(
            link=wanted.source,
            count=wanted.count,
            min_seconds=wanted.min_seconds or 0,
            max_seconds=wanted.max_seconds,
            language=wanted.language,
            output_language=wanted.output_language,
            focus=wanted.focus,
            captions=wanted.captions,
        )
        return node.service.start(asked, wanted.job_id)

    def state(self, job_id: str) -> Mapping[str, Any]:
        return self._node.service.job_status(job_id)

    def grant(self, released: Released) -> None:
        if self._node.launcher is not None:
            self._node.launcher.grant(released.kind, released.job_id, released.clip)

    def drain(self) -> None:
        self._node.board.drain()

    def stop(self) -> None:
        self._node.ended.set()
