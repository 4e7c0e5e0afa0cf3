"""The least that Gradio can do of what the node does: one HTML part that asks one function, agents on.

python -m benchmarks.bare_gradio PORT
"""

from __future__ import annotations

import sys
from typing import Any

import gradio as gr
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

STATUS = {"ok": True, "value": {"status": "RUNNING", "clips_version": "", "heard": [], "told": "x" * 900}}
"""As long as the node's answer while it renders."""


def call(question: dict[str, Any]) -> dict[str, Any]:
    """Answer as the node's page function does, without looking anywhere."""
    return STATUS


def job_status(job_id: str) -> dict[str, Any]:
    """The one endpoint, for agents too."""
    return STATUS


def main() -> None:
    async def healthz(request: Request) -> JSONResponse:
        return JSONResponse({"status": "ok"})

    with gr.Blocks(analytics_enabled=False) as demo:
        gr.HTML("bare", server_functions=[call])
        gr.api(job_status, api_name="job_status")
    demo.launch(
        server_port=int(sys.argv[1]),
        mcp_server=True,
        quiet=True,
        ssr_mode=False,
        run_history=False,
        app_kwargs={"routes": [Route("/healthz", healthz)]},
    )


if __name__ == "__main__":
    main()
