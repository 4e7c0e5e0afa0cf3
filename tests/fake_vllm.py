"""A program that behaves like `vllm serve`, engine process included, with faults to switch on.

    fake_vllm.py --notes FILE [--fault NAME]… [--faulty-starts N] serve MODEL --host …

Each start adds a line of JSON to FILE: its processes, arguments and variables. SIGUSR1 breaks it down. It
takes only the options that vLLM 0.32 knows. The standard library alone, so that it starts at once.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

FAULTS = (
    *(
        "never-healthy",
        "hangs-on-chat",
        "refuses-key",
        "breaks-chat",
        "out-of-memory",
        "no-model",
        "silent-end",
    ),
    *(
        "ignores-term",
        "floods",
        "tells-secrets",
        "warns",
        "slow-chat",
        "stays-asleep",
        "orphans-engine",
        "engine-in-own-session",
        "refuses-sleep",
    ),
)

OUT_OF_MEMORY = """\
(EngineCore pid=12) INFO 11-02 10:00:01 [gpu_model_runner.py:2653] Starting to load model
(EngineCore pid=12) ERROR 11-02 10:00:02 [core.py:396] EngineCore failed to start.
(EngineCore pid=12) ERROR 11-02 10:00:02 [core.py:396] Traceback (most recent call last):
(EngineCore pid=12) ERROR 11-02 10:00:02 [core.py:396] torch.OutOfMemoryError: CUDA out of memory. Tried \
to allocate 594.00 MiB. GPU 0 has a total capacity of 7.79 GiB of which 80.00 MiB is free.
(APIServer pid=11) Traceback (most recent call last):
(APIServer pid=11) RuntimeError: Engine core initialization failed. See root cause above.
"""
NO_MODEL = """\
(APIServer pid=11) OSError: nobody/nothing is not a local folder and is not a valid model identifier listed \
on 'https://huggingface.co/models'
"""


def main() -> int:
    if sys.argv[1:] == ["engine"]:
        return engine()
    asked = arguments()
    earlier = asked.notes.read_text().count("\n") if asked.notes.exists() else 0
    faults = set(asked.fault) if asked.faulty_starts is None or earlier < asked.faulty_starts else set()
    own_session = "engine-in-own-session" in faults
    child = subprocess.Popen([sys.executable, __file__, "engine"], start_new_session=own_session)
    note(asked, child.pid)
    say(f"(APIServer pid={os.getpid()}) INFO 11-02 10:00:00 [utils.py:297] version 0.32.0")
    if "ignores-term" in faults:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    else:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    signal.signal(signal.SIGUSR1, break_down)
    try:
        return serve(asked, faults)
    finally:
        say("(APIServer pid=11) INFO 11-02 10:00:09 [launcher.py:1] Application shutdown complete.")
        if "orphans-engine" not in faults:
            child.kill()


def engine() -> int:
    """Stays whatever happens to its parent, as vLLM's does when that is killed."""
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    time.sleep(120)
    return 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--notes", type=Path, required=True)
    parser.add_argument("--fault", action="append", default=[], choices=FAULTS)
    parser.add_argument("--faulty-starts", type=int)
    serve = parser.add_subparsers(required=True).add_parser("serve")
    serve.add_argument("model")
    serve.add_argument("--host", required=True)
    serve.add_argument("--port", type=int, required=True)
    serve.add_argument("--served-model-name", required=True)
    serve.add_argument("--max-model-len", required=True)
    serve.add_argument("--gpu-memory-utilization", type=float, required=True)
    serve.add_argument("--max-num-seqs", type=int, required=True)
    serve.add_argument("--generation-config", choices=["auto", "vllm"], required=True)
    serve.add_argument("--structured-outputs-config", type=json.loads, required=True)
    serve.add_argument("--default-chat-template-kwargs", type=json.loads, required=True)
    serve.add_argument("--enforce-eager", action="store_true")
    serve.add_argument("--enable-sleep-mode", action="store_true")
    serve.add_argument("--dtype")
    return parser.parse_args()


def note(asked: argparse.Namespace, engine_pid: int) -> None:
    line = {
        "pid": os.getpid(),
        "parent": os.getppid(),
        "engine": engine_pid,
        "arguments": sys.argv,
        "port": asked.port,
        "environment": dict(os.environ),
    }
    with asked.notes.open("a") as file:
        file.write(json.dumps(line) + "\n")


def say(text: str) -> None:
    sys.stderr.write(text.rstrip("\n") + "\n")
    sys.stderr.flush()


def serve(asked: argparse.Namespace, faults: set[str]) -> int:
    if "out-of-memory" in faults:
        say(OUT_OF_MEMORY)
        return 1
    if "no-model" in faults:
        say(NO_MODEL)
        return 1
    if "silent-end" in faults:
        os._exit(3)
    if "warns" in faults:
        say("WARNING 11-02 10:00:01 [config.py:1] the model does not appear to have a file named x.json")
    if "floods" in faults:
        for number in range(20_000):
            say(f"(EngineCore pid=12) INFO 11-02 10:00:01 [flood.py:1] line {number} " + "x" * 100)
    server = ThreadingHTTPServer((asked.host, asked.port), Handler)
    server.daemon_threads = True
    server.asked, server.faults, server.awake = asked, faults, threading.Event()  # type: ignore[attr-defined]
    server.awake.set()  # type: ignore[attr-defined]
    server.serve_forever(poll_interval=0.02)
    return 0


def break_down(*_: object) -> None:
    say(
        "(EngineCore pid=12) ERROR 11-02 10:00:09 [core.py:708] RuntimeError: CUDA error: unspecified failure"
    )
    os._exit(1)


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        healthy = self.path == "/health" and "never-healthy" not in self.server.faults
        self.answer(200 if healthy else 503)

    def do_POST(self) -> None:
        question = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"null")
        if self.path == "/v1/chat/completions":
            self.chat(question)
        elif os.environ.get("VLLM_SERVER_DEV_MODE") != "1":
            self.answer(404)
        elif "refuses-sleep" in self.server.faults:
            self.answer(500)
        elif self.path == "/sleep?level=1":
            self.server.awake.clear()
            self.answer(200)
        elif self.path == "/wake_up":
            if "stays-asleep" not in self.server.faults:
                self.server.awake.set()
            self.answer(200)
        else:
            self.answer(404)

    def chat(self, question: dict[str, object]) -> None:
        key = os.environ["VLLM_API_KEY"]
        faults = self.server.faults
        if "refuses-key" in faults or self.headers.get("Authorization") != f"Bearer {key}":
            return self.answer(401, {"error": "Unauthorized"})
        if question["model"] != self.server.asked.served_model_name:
            return self.answer(404, {"error": {"message": "The model does not exist."}})
        if "breaks-chat" in faults:
            return self.answer(500)
        if "tells-secrets" in faults:
            say(f"INFO 11-02 10:00:03 [logger.py:39] Received request 1: prompt: '{question}', params: 1")
            say("DEBUG 11-02 10:00:03 [logger.py:40] prompt:\nthe first spoken words\n\nand the last ones")
            say(f"INFO 11-02 10:00:04 [server.py:1] Authorization: Bearer {key}")
        if "slow-chat" in faults:
            say("INFO 11-02 10:00:03 [chat.py:1] thinking")
            time.sleep(0.3)
        if "hangs-on-chat" in faults:
            time.sleep(60)
        self.server.awake.wait()  # a sleeping vLLM hangs, too
        message = {"role": "assistant", "content": "yes"}
        self.answer(200, {"choices": [{"index": 0, "message": message, "finish_reason": "length"}]})

    def answer(self, status: int, body: object = None) -> None:
        data = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


if __name__ == "__main__":
    sys.exit(main())
