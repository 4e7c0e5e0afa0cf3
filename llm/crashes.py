"""Why the model's server ended, in a sentence from the last lines it printed. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from llm.leash import NOT_STARTED, SIGNALLED

DETAIL_CHARACTERS = 240


@dataclass(frozen=True, slots=True)
class Cause:
    """A sentence. `lasting`: another try would end the same."""

    why: str
    lasting: bool = False


_KNOWN = (
    (
        r"out of memory|OutOfMemoryError|No available memory for the cache blocks"
        r"|Free memory on device|KV cache is needed",
        Cause("the GPU has too little free memory for it"),
    ),
    (
        r"init_free_memory|Error in memory profiling",
        Cause("another program let go of GPU memory while it was measuring"),
    ),
    (
        r"Invalid repository ID|not a valid model identifier|Repository ?Not ?Found|does not appear to have"
        r"|HFValidationError|Can't load the configuration",
        Cause("there is no such model, or its files are not whole", lasting=True),
    ),
    (r"GatedRepoError|gated repo", Cause("the model's owner wants a token or an agreement", lasting=True)),
    (
        r"couldn't connect to 'https://huggingface|LocalEntryNotFound|OfflineModeIsEnabled",
        Cause("the model is not on this machine and the hub cannot be reached"),
    ),
    (r"address already in use", Cause("its port was taken")),
    (r"No space left on device", Cause("the disk is full", lasting=True)),
    (
        r"Failed to infer device type|No CUDA GPUs|NVIDIA driver|CUDA driver version",
        Cause("it finds no GPU it can use, or the driver is too old", lasting=True),
    ),
    (
        r"unrecognized arguments|error: argument|invalid choice",
        Cause("this vLLM does not know an option it was given", lasting=True),
    ),
)

_PREFIX = re.compile(
    r"^(?:\(\w+ pid=\d+\)\s*)?(?:(?:DEBUG|INFO|WARNING|ERROR|CRITICAL) [\d-]+ [\d:]+ (?:\[[^\]]*\] ?)?)?"
)
_COMPLAINT = re.compile(r"\b\w*(?:Error|Exception)\b|\berror:|^fatal", re.IGNORECASE)


def cause_of(lines: Sequence[str], code: int) -> Cause:
    """The cause behind a shell's exit code and the last lines, oldest first."""
    said = [text for line in lines if (text := _PREFIX.sub("", line).strip())]
    if code == NOT_STARTED:
        return Cause(f"the model's server cannot be started{_detail(said[-1:])}", lasting=True)
    if code > SIGNALLED:
        return Cause(f"the model's server was ended by signal {code - SIGNALLED}")
    for pattern, cause in _KNOWN:
        # The first line that fits is nearest to the root; what follows tells of the consequences.
        fitting = [text for text in said if re.search(pattern, text, re.IGNORECASE)]
        if fitting:
            return Cause(f"the model's server ended: {cause.why}{_detail(fitting[:1])}", cause.lasting)
    complaints = [text for text in said if _COMPLAINT.search(text)] or said
    return Cause(f"the model's server ended with code {code}{_detail(complaints[-1:])}")


def _detail(lines: Sequence[str]) -> str:
    return f" ({lines[0][:DETAIL_CHARACTERS]})" if lines else ""
