"""A small, real Gradio node behind the door: a film, an upload, an endpoint, a private event, tools.
Writes the routes of its Gradio app to routes.json, as `METHOD path`.

python -m tests.small_node PORT FOLDER [--token-sha256 X] [--root-path /s/abc] [--host NAME]…
"""

import argparse
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from node.web import control
from node.web.agents import let_agents_in
from node.web.door import Rules, before_everything, move_to
from node.web.showcase import Showcase
from tests.nodes import Hooks

PUBLIC = frozenset({"shout", "breaks"})


def page(showcase: Showcase, job: Path) -> Any:
    """A page with a film, an upload, a public endpoint and a private event."""

    def shout(text: str, request: gr.Request) -> str:
        """Say it loud.

        Args:
            text: what to say
        """
        return f"{text.upper()} {sorted(request.headers)}"

    def breaks(text: str) -> str:
        """Never works.

        Args:
            text: nothing
        """
        raise RuntimeError(f"the inside of {text}")

    with gr.Blocks(analytics_enabled=False, title="node") as demo:
        button = gr.Button("Show the film")
        film = gr.Video(label="film")
        upload = gr.File(label="upload")
        taken = gr.Textbox(label="taken")
        template = gr.HTML(html_template="<b class='made'>${value}</b>", value="made")
        button.click(
            lambda: str(showcase.release(job, "clip_01.mp4")),
            None,
            film,
            api_name="private_film",
            api_visibility="private",
        )
        upload.upload(
            lambda path: showcase.adopt_upload(path, job).name, upload, taken, api_visibility="private"
        )
        gr.api(shout, api_name="shout")
        gr.api(breaks, api_name="breaks")
        assert template is not None
    return demo


def every_route(routes: Sequence[Any], above: str = "") -> Iterator[str]:
    for route in routes:
        if hasattr(route, "effective_candidates"):
            for inside in route.effective_candidates():
                yield from named(inside, above)
        elif getattr(route, "routes", None):
            yield from every_route(route.routes, above + route.path)
        else:
            yield from named(route, above)


def named(route: Any, above: str) -> Iterator[str]:
    for method in getattr(route, "methods", None) or ("GET", "POST", "DELETE"):
        yield f"{method} {above}{route.path}"


def serve(port: int, folder: Path, token_sha256: str, root_path: str, hosts: frozenset[str]) -> None:
    temp_dir = (folder / "temp").resolve()
    os.environ |= {"GRADIO_TEMP_DIR": str(temp_dir), "GRADIO_ANALYTICS_ENABLED": "False"}
    demo = page(Showcase(temp_dir), folder / "jobs" / "one")
    rules = Rules(token_sha256, hosts, lambda: demo.root_path, PUBLIC)
    app, _, _ = demo.queue(api_open=False).launch(
        server_port=port,
        root_path=root_path,
        prevent_thread_lock=True,
        quiet=True,
        mcp_server=True,
        ssr_mode=False,
        run_history=False,
        enable_monitoring=False,
        allowed_paths=[],
        max_file_size="8mb",
        app_kwargs={"lifespan": before_everything(rules, temp_dir)},
    )
    (folder / "routes.json").write_text(json.dumps(sorted(set(every_route(app.routes)))))
    hooks = Hooks(lambda root_path: move_to(demo, root_path))
    let_agents_in(demo, rules.inner)
    app.router.routes.extend(control.routes(hooks))
    hooks.ended.wait()
    demo.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--token-sha256", default="")
    parser.add_argument("--root-path", default="")
    parser.add_argument("--host", action="append", default=[])
    given = parser.parse_args()
    serve(given.port, given.folder, given.token_sha256, given.root_path, frozenset(given.host))
