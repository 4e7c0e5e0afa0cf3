"""How `vllm serve` is called: its arguments and variables. Pure. Tried with vLLM 0.32."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from llm.budget import Plan

ANSWERS_TO_A_SCHEMA = '{"backend":"guidance","disable_any_whitespace":true}'
"""The only combination whose answers were always valid."""

NO_THINKING = '{"enable_thinking":false}'


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds: until the server is ready (weights may have to be fetched first), for an answer of
    `/health`, of a tiny chat, of `/sleep` and `/wake_up`, between SIGTERM and SIGKILL, between two looks."""

    start_s: float = 1800.0
    health_s: float = 5.0
    chat_s: float = 60.0
    sleep_s: float = 120.0
    grace_s: float = 15.0
    look_s: float = 0.5


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """What to start, and how. `program` may lie in another virtual environment.

    `environment`: None means ours. `can_sleep` opens the routes to put the server to sleep; they ask for
    no key. `offline`: never ask the model hub. `more` are further arguments.
    """

    plan: Plan
    log_file: Path
    program: tuple[str, ...] = ("vllm",)
    can_sleep: bool = False
    offline: bool = False
    more: tuple[str, ...] = ()
    log_limit_bytes: int = 4_000_000
    patience: Patience = Patience()
    environment: Mapping[str, str] | None = field(default=None, repr=False)

    @property
    def model_name(self) -> str:
        """What the server calls its model: the hub's id, or the name of its folder."""
        name = self.plan.model.rstrip("/")
        return name.rpartition("/")[2] if name.startswith(("/", "./", "../", "~")) else name


def arguments(options: ServerOptions, port: int) -> list[str]:
    """The whole command line. It holds no secret: every process of the machine can read it."""
    plan = options.plan
    return [
        *options.program,
        "serve",
        plan.model,
        *("--host", "127.0.0.1", "--port", str(port)),
        *("--served-model-name", options.model_name),
        *("--max-model-len", "auto" if plan.max_model_len is None else str(plan.max_model_len)),
        *("--gpu-memory-utilization", f"{plan.gpu_memory_utilization:.2f}"),
        *("--max-num-seqs", str(plan.max_num_seqs)),
        *("--generation-config", "vllm"),
        *("--structured-outputs-config", ANSWERS_TO_A_SCHEMA),
        *("--default-chat-template-kwargs", NO_THINKING),
        *(("--enforce-eager",) if plan.eager else ()),
        *(("--enable-sleep-mode",) if options.can_sleep else ()),
        *options.more,
    ]


def variables(options: ServerOptions, key: str) -> dict[str, str]:
    """What is added to the environment. Nothing is told to anyone about how vLLM is used."""
    return {
        "VLLM_API_KEY": key,
        "VLLM_NO_USAGE_STATS": "1",
        "DO_NOT_TRACK": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        # So that the first card is the same one for nvidia-smi, Whisper and vLLM.
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
        **({"HF_HUB_OFFLINE": "1"} if options.offline else {}),
        "VLLM_SERVER_DEV_MODE": "1" if options.can_sleep else "0",
    }
