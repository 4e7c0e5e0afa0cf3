"""What to say of a child that ended without a last event. Pure."""

from __future__ import annotations

from node.jobs.child import Ending
from node.records import Problem

CODES = {2: "bad_wish", 3: "bad_source", 4: "no_transcript", 5: "nothing_chosen", 6: "render_failed",
         7: "storage_failed"}  # fmt: skip
"""What the pipeline's exit codes say (pipeline.errors) when there is only an `error: …` line."""


def why(ending: Ending) -> Problem:
    """A child that ended without a last event."""
    if ending.overran:
        return Problem("timed_out", f"The work was stopped after {ending.overran}; retry it.")
    if ending.said and ending.code in CODES:
        return Problem(CODES[ending.code], ending.said)
    if ending.code < 0:
        return Problem(
            "crashed",
            f"The work was ended by signal {-ending.code}, perhaps for want of memory; retry it, or take a "
            "shorter or smaller video.",
        )
    return Problem("crashed", f"The work ended without an answer (code {ending.code}); retry it.")
