"""The arguments of the commands for what a job left: `edit`, `show`, `options`, `probe`, `export`."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

from pipeline.changes import Change, CutWords, Drop, Reset, RestoreWords, Restyle, Retitle, Reword, Trim
from pipeline.errors import WishError
from pipeline.records import ClipPlan, Transcript
from pipeline.trimming import WordRef
from pipeline.wishes import EXIT_CODES, add_child_arguments

_REF = re.compile(r"(\d{1,7})\.(\d{1,7})")


def parser() -> argparse.ArgumentParser:
    """One parser with a part for each command; `args.command` names it."""
    made = argparse.ArgumentParser(prog="python -m pipeline")
    commands = made.add_subparsers(dest="command", required=True)
    _edit(_command(commands, "edit", "Change one clip of a job and render it again."))
    show = _command(commands, "show", "Print the clips of a job, or one with its sentences and word numbers.")
    show.add_argument("job", help="id of the job")
    show.add_argument("clip", nargs="?", type=int, help="number of the clip")
    _command(commands, "options", "Print what can be chosen for a clip's look.")
    probe = _command(commands, "probe", "Print the length, size and title of a video, without taking it.")
    probe.add_argument("source", help="link or path")
    export = _command(commands, "export", "Put the files of a finished job into a zip.")
    export.add_argument("job", help="id of the job")
    export.add_argument("--to", type=Path, help="the zip; JOB.zip if not given")
    export.add_argument("--out", type=Path, help="folder for the results")
    for sub in (show, probe, commands.choices["options"]):
        sub.add_argument("--json", action="store_true", help="as JSON")
    add_child_arguments(probe)
    add_child_arguments(export)
    return made


def _command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, what: str
) -> argparse.ArgumentParser:
    return commands.add_parser(
        name, help=what, description=what, epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip


def _edit(sub: argparse.ArgumentParser) -> None:
    add = sub.add_argument
    add("job", help="id of the job")
    add("clip", help="number of the clip, or `new` for a new one of --first to --last")
    add("--from", dest="begin", type=int, metavar="ID", help="sentence to begin with")
    add("--to", dest="end", type=int, metavar="ID", help="sentence to end with")
    add("--cut", action="append", default=[], metavar="12.3-12.7", help="cut words out (sentence.word)")
    add("--restore", action="append", default=[], metavar="12.3-12.7", help="put cut words back")
    add("--word", action="append", default=[], metavar="12.4=Text", help="show another word; empty: none")
    add("--title", help="another title")
    add("--look", action="append", default=[], metavar="NAME=VALUE", help="see the command `options`")
    add("--first", type=int, metavar="ID", help="first sentence of a new clip")
    add("--last", type=int, metavar="ID", help="last sentence of a new clip")
    whole = sub.add_mutually_exclusive_group()
    for name, what in (
        ("drop", "take the clip out of the job"),
        ("reset", "back to how it was chosen, before other changes"),
        ("undo", "take the last change back"),
        ("redo", "make it again"),
    ):
        whole.add_argument(f"--{name}", action="store_true", help=what)
    how = sub.add_mutually_exclusive_group()
    how.add_argument("--plan-only", action="store_true", help="render nothing, print the changed plan")
    how.add_argument("--draft", action="store_true", help="only a quick preview")
    add("--out", type=Path, help="folder for the results")
    add("--json", action="store_true", help="events as JSON lines")
    add_child_arguments(sub)


def changes(args: argparse.Namespace, plan: ClipPlan | None, transcript: Transcript) -> Iterator[Change]:
    """The changes that the arguments ask for, in the order in which they are made. Raises WishError."""
    if args.reset:
        yield Reset()
    if refs := [ref for text in args.restore for ref in word_range(text, transcript)]:
        yield RestoreWords(tuple(refs))
    if args.begin is not None or args.end is not None:
        if plan is None:
            raise WishError("This clip was dropped; bring it back with --undo or --reset first.")
        yield Trim(
            plan.first if args.begin is None else args.begin, plan.last if args.end is None else args.end
        )
    if refs := [ref for text in args.cut for ref in word_range(text, transcript)]:
        yield CutWords(tuple(refs))
    for text in args.word:
        name, equals, shown = text.partition("=")
        if not equals:
            raise WishError(f"--word {text[:40]!r} names no new text; write it as 12.4=Text.")
        yield Reword(word_ref(name), shown)
    if args.title is not None:
        yield Retitle(args.title)
    for text in args.look:
        option, equals, value = text.partition("=")
        if not equals:
            raise WishError(f"--look {text[:40]!r} names no value; write it as layout=fit.")
        yield Restyle(option, value)
    if args.drop:
        yield Drop()


def word_ref(text: str) -> WordRef:
    """`12.3`: sentence 12, word 3. Raises WishError."""
    found = _REF.fullmatch(text.strip())
    if found is None:
        raise WishError(f"{text[:40]!r} is no word; write its sentence and its place, as in 12.3.")
    return WordRef(int(found[1]), int(found[2]))


def word_range(text: str, transcript: Transcript) -> list[WordRef]:
    """`12.3`, or `12.3-13.1`: every word from one to the other. Raises WishError."""
    begin, dash, end = text.partition("-")
    first = word_ref(begin)
    last = word_ref(end) if dash else first
    if last < first or last.sentence >= len(transcript.sentences):
        raise WishError(f"{text[:40]!r} is no stretch of words; the first comes first, as in 12.3-12.7.")
    refs: list[WordRef] = []
    for sentence in transcript.sentences[first.sentence : last.sentence + 1]:
        begin_at = first.word if sentence.id == first.sentence else 0
        count = len(sentence.words)
        # A word that is not there stays in, at most one: whoever checks the change names it.
        end_at = min(last.word, max(count, begin_at)) if sentence.id == last.sentence else count - 1
        refs += [WordRef(sentence.id, word) for word in range(begin_at, max(begin_at, end_at) + 1)]
    return refs
