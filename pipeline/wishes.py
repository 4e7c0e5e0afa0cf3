"""Arguments and variables to a Wish, and the wish kept with its job so that the id alone resumes it."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Protocol

from pydantic import ValidationError

from pipeline.captions.styles import STYLES
from pipeline.errors import WishError
from pipeline.records import Ms, Wish
from pipeline.workspace import Workspace, from_json, to_json, write_json

EXIT_CODES = """exit codes:
  0    clips were made (fewer than asked for only with the reason)
  1    something that should not happen
  2    the wish or a setting can't be used as it is
  3    the video can't be had or used (refused, too big, not media)
  4    nobody speaks, or the speech could not be recognised
  5    no passage of the video fits the wish
  6    ffmpeg could not render a clip
  7    a result could not be stored
  130  stopped; the same --job-id goes on where it was
"""


COMMANDS = """commands (each has its own --help; a file of that name is given as ./edit):
  edit JOB CLIP        change a clip and render it again
  show JOB [CLIP]      its sentences, with the numbers to edit by
  options              what can be chosen for a clip's look
  probe SOURCE         length, size and title of a video
  export JOB           the files of a finished job as a zip

"""


class Defaults(Protocol):
    """The settings that stand in for arguments."""

    @property
    def clip_count(self) -> int: ...
    @property
    def min_clip_s(self) -> float | None: ...
    @property
    def max_clip_s(self) -> float: ...
    @property
    def language(self) -> str: ...
    @property
    def output_language(self) -> str: ...
    @property
    def focus(self) -> str: ...


def parser(defaults: Defaults) -> argparse.ArgumentParser:
    """The arguments of `python -m pipeline`."""
    made = argparse.ArgumentParser(
        prog="python -m pipeline",
        description="Turn a long video into 1-5 captioned vertical clips.",
        epilog=COMMANDS + EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = made.add_argument
    add("source", nargs="?", help="link or path; leave it out to go on with --job-id")
    add("--count", type=int, choices=range(1, 6), default=defaults.clip_count, help="how many clips")
    add("--length", type=int, choices=(30, 45, 60), help="at most this long, at least two thirds of it")
    add("--min-seconds", type=float, help="shortest clip, instead of --length")
    add("--max-seconds", type=float, help="longest clip, instead of --length")
    add("--language", default=defaults.language, help="language spoken: auto, en, id, …")
    add("--output-language", default=defaults.output_language, help="language of the titles")
    add("--focus", default=defaults.focus, help="what the clips should be about")
    add("--transcript", type=Path, help="your own .srt, .vtt or .json instead of recognition")
    add("--captions", choices=sorted(STYLES), help="look of the captions")
    add("--out", type=Path, help="folder for the results")
    add("--job-id", help="id of the job; the same id goes on with it")
    add("--json", action="store_true", help="events as JSON lines")
    add_child_arguments(made)
    return made


def add_child_arguments(made: argparse.ArgumentParser) -> None:
    """What whoever runs the command as a child may set."""
    add = made.add_argument
    add("--nice", type=int, choices=range(20), default=0, metavar="N", help="give way to others: 0 to 19")
    add("--with-parent", action="store_true", help="stop when the process that started this one is gone")
    add("--presigned", type=Path, metavar="FILE", help="instead of PRESIGNED_URLS_FILE")


def length_bounds(args: argparse.Namespace, defaults: Defaults) -> tuple[Ms, Ms]:
    """Shortest and longest clip. A length alone means at most that long, at least two thirds of it.

    Equal bounds (the first version's launcher sends them) mean a length. Raises WishError.
    """
    if args.length and (args.min_seconds or args.max_seconds):
        raise WishError("--length can't be combined with --min-seconds or --max-seconds; use one of them.")
    longest = args.length or args.max_seconds or defaults.max_clip_s
    shortest = args.min_seconds or (None if args.length else defaults.min_clip_s)
    if shortest is None or shortest == longest:
        shortest = longest * 2 / 3
    if not 3 <= shortest < longest <= 600:
        raise WishError(
            f"Clips of {shortest:g} to {longest:g} s can't be made: the shortest must be at least 3 s, "
            "the longest at most 600 s, and longer than the shortest."
        )
    return round(shortest * 1000), round(longest * 1000)


def new_job_id() -> str:
    """`kk_` and a ULID: unique, and in the order of time."""
    from ulid import ULID

    return f"kk_{ULID()}"


def keep_wish(wish: Wish | None, workspace: Workspace) -> Wish:
    """Keep a new job's wish; give an old job's. Raises WishError when they differ or there is none."""
    path = workspace.path("job.json")
    earlier = _kept_wish(path)
    if wish is None and earlier is None:
        raise WishError("No video was given: name a link or a path, as in `python -m pipeline talk.mp4`.")
    if wish is None or wish == earlier:
        assert earlier is not None
        return earlier
    if earlier is not None:
        raise WishError(
            f"Job {workspace.job_id} was started with other wishes; leave them out to go on with it, "
            "or take another --job-id."
        )
    write_json(path, {"schema": "kangklip/job/1", "wish": to_json(wish)})
    path.chmod(0o600)  # the link may carry a signature
    return wish


def _kept_wish(path: Path) -> Wish | None:
    try:
        return from_json(Wish, json.loads(path.read_bytes())["wish"])
    except FileNotFoundError:
        return None
    except (json.JSONDecodeError, KeyError, TypeError, ValidationError) as exc:
        raise WishError(f"{path.name} of this job can't be read; take another --job-id.", str(exc)) from exc
