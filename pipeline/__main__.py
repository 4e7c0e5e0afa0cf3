"""The command line: `python -m pipeline SOURCE`, and commands for what a job left (`edit`, `show` …)."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from pipeline import console, edit_arguments, edit_command, export, ingest
from pipeline.captions.styles import style_named
from pipeline.errors import ClipError, WishError
from pipeline.parts import ingest_options, open_tools, storage_options
from pipeline.process import be_nice, end_with_parent, exit_code, stop_on_signals
from pipeline.records import Done, Failed, Scope, Wish
from pipeline.run import run
from pipeline.storage import open_storage
from pipeline.wishes import keep_wish, length_bounds, new_job_id, parser
from pipeline.workspace import Workspace
from settings import NodeSettings, SettingsError


def main(argv: Sequence[str] | None = None) -> int:
    """Do one job or one command; gives the exit code (see `--help`)."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        settings = NodeSettings.from_env()
        if words and words[0] in COMMANDS:
            args = edit_arguments.parser().parse_args(words)
            return COMMANDS[args.command](args, _begun(args, settings))
        args = parser(settings).parse_args(words)
        return _job(args, _begun(args, settings))
    except SettingsError as exc:
        print(f"error: {exc}", file=sys.stderr)
        return WishError.exit_code
    except ClipError as exc:
        print(f"error: {exc.user_message}", file=sys.stderr)
        return exc.exit_code


def _begun(args: argparse.Namespace, settings: NodeSettings) -> NodeSettings:
    """What holds for every command run as a child; gives the settings as the arguments change them."""
    if getattr(args, "with_parent", False):
        end_with_parent()
    if getattr(args, "nice", 0):
        be_nice(args.nice)
    presigned = getattr(args, "presigned", None)
    return replace(settings, presigned_urls_file=presigned) if presigned else settings


def _job(args: argparse.Namespace, settings: NodeSettings) -> int:
    job_id = args.job_id or settings.job_id or new_job_id()
    workspace = Workspace.open(settings.work_dir, job_id)
    if (asked := _wish(args, settings)) is not None:
        _check_transcript(asked)
    wish = keep_wish(asked, workspace)
    _check_transcript(wish)
    if not args.json:
        print(f"job        {job_id}")
    return _watched(wish, workspace, settings, args, None)


def _watched(
    wish: Wish, workspace: Workspace, settings: NodeSettings, args: argparse.Namespace, scope: Scope | None
) -> int:
    """Run the job, show its events, give the exit code."""
    tools = open_tools(settings, wish, args.out or settings.out_dir)
    shown = console.JsonLines(sys.stdout) if args.json else console.Lines(sys.stdout)
    stop = stop_on_signals()
    code = ClipError.exit_code
    for event in run(wish, tools, workspace, stop, scope):
        shown.show(event)
        if isinstance(event, Failed):
            code = exit_code(event.code)
        if isinstance(event, Done):
            code = 0
    return code


def _check_transcript(wish: Wish) -> None:
    if wish.transcript is not None and not wish.transcript.is_file():
        raise WishError(f"There is no transcript {wish.transcript.name!r}; check the path of --transcript.")


def _wish(args: argparse.Namespace, settings: NodeSettings) -> Wish | None:
    """What the arguments ask for; None when they only name a job to go on with."""
    text = args.source or settings.video_url
    if not text:
        return None
    min_ms, max_ms = length_bounds(args, settings)
    style = args.captions or settings.caption_style
    style_named(style)
    return Wish(
        source=text,
        count=args.count,
        min_ms=min_ms,
        max_ms=max_ms,
        language=args.language,
        output_language=args.output_language,
        focus=args.focus,
        captions=style,
        transcript=args.transcript.resolve() if args.transcript else None,
    )


# -- commands -------------------------------------------------------------------------------------


def _edit(args: argparse.Namespace, settings: NodeSettings) -> int:
    workspace = Workspace.find(settings.work_dir, args.job)
    index = edit_command.change(args, workspace)
    if args.plan_only:
        edit_command.tell_plan(workspace, index, args.json, sys.stdout)
        return 0
    wish = keep_wish(None, workspace)
    return _watched(wish, workspace, settings, args, Scope(index, args.draft))


def _show(args: argparse.Namespace, settings: NodeSettings) -> int:
    workspace = Workspace.find(settings.work_dir, args.job)
    edit_command.show(workspace, args.clip, args.json, sys.stdout)
    return 0


def _options(args: argparse.Namespace, settings: NodeSettings) -> int:
    edit_command.tell_options(args.json, sys.stdout)
    return 0


def _probe(args: argparse.Namespace, settings: NodeSettings) -> int:
    edit_command.tell_glance(ingest.glance(args.source, ingest_options(settings)), args.json, sys.stdout)
    return 0


def _export(args: argparse.Namespace, settings: NodeSettings) -> int:
    workspace = Workspace.find(settings.work_dir, args.job)
    storage = open_storage(storage_options(settings, args.out or settings.out_dir))
    names = export.published_names(workspace, storage)
    target: Path = args.to or Path(f"{workspace.job_id}.zip")
    export.write_zip(workspace.folder, names, target)
    print(target)
    return 0


COMMANDS: dict[str, Callable[[argparse.Namespace, NodeSettings], int]] = {
    "edit": _edit,
    "show": _show,
    "options": _options,
    "probe": _probe,
    "export": _export,
}


if __name__ == "__main__":
    sys.exit(main())
