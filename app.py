"""`python app.py` opens the session node: the page, its endpoints and agent tools, on one port."""

from __future__ import annotations

import logging
import signal
import sys

from node.claim import CannotOpen
from node.stubs import leave_stubs_alone
from settings import NodeSettings, SettingsError, prepare_gradio


def main() -> int:
    """Serve until Ctrl-C, SIGTERM, the launcher's stop, or the idle time; gives the exit code."""
    try:
        settings = NodeSettings.from_env()
        settings.check_open_page()
    except SettingsError as exc:
        print(f"error: {exc}", file=sys.stderr)
        return 2
    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s", level=logging.INFO)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    prepare_gradio(settings)
    leave_stubs_alone()
    from node.server import Node  # Gradio reads the environment when it is imported

    try:
        node = Node(settings)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: node.ended.set())
        print(f"KangKlip is open: {node.open()}", flush=True)
    except CannotOpen as exc:
        print(f"error: {exc}", file=sys.stderr)
        return 2
    node.ended.wait()
    print("closing; what is not finished can be taken up again", flush=True)
    node.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
