"""Gradio's MCP server, made to pass the door and to answer agents in JSON (Gradio 6.31)."""

from __future__ import annotations

import json
from typing import Any

from gradio.processing_utils import add_root_url
from gradio_client import Client
from mcp.types import TextContent

from node.web.token import INNER_HEADER


def let_agents_in(demo: Any, inner: str) -> None:
    """Mend the MCP server of a launched Gradio app.

    It calls its own endpoints through a client that it would make with fixed headers at the first tool
    call, and a session token would shut that out: it is given one that shows `inner`. And it would
    answer with Python's repr of a value, which no program can read.
    """
    server = demo.mcp_server_obj
    server._client_instance = Client(
        demo.local_url,
        headers={"x-gradio-user": "mcp", INNER_HEADER: inner},
        download_files=False,
        verbose=False,
        analytics_enabled=False,
        _skip_components=False,
    )
    server.postprocess_output_data = _as_json


def _as_json(values: Any, root_url: str) -> list[TextContent]:
    """Each value as JSON; a file in it has its public address as `url`."""
    shown = add_root_url(values, root_url, None)
    return [TextContent(type="text", text=json.dumps(value, ensure_ascii=False)) for value in shown]
