"""Where Whisper's weights come from: a folder, the local Hugging Face cache, or the hub.

A silent hub hangs its library for minutes (a server that accepts and never answers is not timed
out), so the hub is only ever asked in a child process under a watchdog. This module is also that
child: `python -m pipeline.speech.weights NAME FOLDER`.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from pipeline.media import spawn

_ALWAYS = ("model.bin", "config.json", "tokenizer.json")
_EITHER = ("vocabulary.json", "vocabulary.txt")
_PREPROCESSOR = "preprocessor_config.json"
_DEFAULT_MELS = 80
_LONGEST_FETCH_S = 2 * 3600.0
_LOOK_EVERY_S = 0.25
_SAYS = "reason: "
_PROJECT = Path(__file__).resolve().parents[2]


class NoWeights(Exception):
    """The weights cannot be had; the message is the reason, as half a sentence."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long the hub may be silent before its first byte, and between later ones."""

    first_byte_s: float = 10.0
    stall_s: float = 30.0


def sizes() -> tuple[str, ...]:
    """The names of the Whisper models that can be asked for."""
    from faster_whisper import available_models

    return tuple(available_models())


def missing_files(folder: Path) -> tuple[str, ...]:
    """What a folder lacks of a CTranslate2 Whisper model; empty when it is whole.

    Checked before loading, because the library would go to the hub for what is missing.
    """
    lacking = [name for name in _ALWAYS if not _filled(folder / name)]
    if not any(_filled(folder / name) for name in _EITHER):
        lacking.append(" or ".join(_EITHER))
    if _mels(folder) != _DEFAULT_MELS and not _filled(folder / _PREPROCESSOR):
        lacking.append(_PREPROCESSOR)
    return tuple(lacking)


def find(name: str, model_dir: Path) -> Path | None:
    """A whole model of that name in `model_dir` or the local Hugging Face cache; asks no network."""
    from faster_whisper.utils import download_model

    places = [model_dir / name]
    # What is not in the cache is told by one of several errors, all of these two kinds.
    with suppress(OSError, ValueError):
        places.append(Path(download_model(name, local_files_only=True)))
    return next((place for place in places if place.is_dir() and not missing_files(place)), None)


def fetch(
    name: str,
    model_dir: Path,
    patience: Patience,
    on_bytes: Callable[[int], None],
    endpoint: str = "",
) -> Path:
    """Download a model from the hub to `model_dir/name` and give that folder.

    What was loaded of it before an interruption is taken up again. `on_bytes` gets the number of
    bytes on disk whenever it has grown. `endpoint` replaces the hub's address. Raises NoWeights.
    """
    part = model_dir / f".{name}.part"
    try:
        part.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise NoWeights(f"the folder {model_dir} cannot be written ({exc.strerror})") from exc
    command = [sys.executable, "-m", "pipeline.speech.weights", name, str(part.resolve())]
    if endpoint:
        command = ["env", f"HF_ENDPOINT={endpoint}", *command]
    with tempfile.TemporaryFile() as said:
        child = spawn(command, cwd=_PROJECT, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT)
        try:
            _watch(child, part, patience, on_bytes)
        finally:
            child.kill()
            child.wait()
        if child.returncode != 0:
            raise NoWeights(_reason(said, child.returncode))
    return _settle(part, model_dir / name)


def _watch(
    child: subprocess.Popen[bytes], part: Path, patience: Patience, on_bytes: Callable[[int], None]
) -> None:
    started = grown_at = time.monotonic()
    size, limit = _bytes_in(part), patience.first_byte_s
    while True:
        try:
            child.wait(timeout=_LOOK_EVERY_S)
            return
        except subprocess.TimeoutExpired:
            now, before, size = time.monotonic(), size, _bytes_in(part)
        if size > before:
            grown_at, limit = now, patience.stall_s
            on_bytes(size)
        elif now - grown_at > limit:
            raise NoWeights(f"the model hub sent nothing for {limit:g} s")
        if now - started > _LONGEST_FETCH_S:
            raise NoWeights("the model hub was too slow")


def _settle(part: Path, folder: Path) -> Path:
    """Make the finished download the model's folder."""
    if lacking := missing_files(part):
        raise NoWeights(f"what the model hub sent lacks {', '.join(lacking)}")
    shutil.rmtree(part / ".cache", ignore_errors=True)
    if folder.exists() and missing_files(folder):
        shutil.rmtree(folder)
    try:
        part.rename(folder)
    except OSError as exc:
        if missing_files(folder):
            raise NoWeights(f"{folder} cannot be written ({exc.strerror})") from exc
    return folder


def _bytes_in(folder: Path) -> int:
    """Bytes really on disk: a file may be as long as its last byte before it is filled."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_blocks * 512 if path.is_file() else 0
        except FileNotFoundError:
            continue
    return total


def _filled(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 0


def _mels(folder: Path) -> int:
    """The mel bands the model's config.json tells of.

    CTranslate2 does not write the number down, but the models with 128 bands (large-v3 and its
    kin) are those that know a hundredth language.
    """
    try:
        config = json.loads((folder / "config.json").read_text("utf-8"))
    except (OSError, ValueError):
        return _DEFAULT_MELS
    if not isinstance(config, dict):
        return _DEFAULT_MELS
    named = config.get("num_mel_bins")
    if isinstance(named, int):
        return named
    languages = config.get("lang_ids")
    return 128 if isinstance(languages, list) and len(languages) >= 100 else _DEFAULT_MELS


def _reason(said: IO[bytes], code: int) -> str:
    """Why the child failed: what it says itself, or the end of its traceback."""
    said.seek(0)
    lines = said.read()[-4000:].decode("utf-8", "replace").strip().splitlines() or [f"exit code {code}"]
    own = lines[-1].startswith(_SAYS)
    return lines[-1].removeprefix(_SAYS)[:300] if own else f"the download failed ({lines[-1][:300]})"


def main(arguments: list[str]) -> int:
    """The child: load one model into a folder; the last line printed is the reason of a failure."""
    from faster_whisper.utils import download_model
    from huggingface_hub.errors import HfHubHTTPError

    name, folder = arguments
    try:
        download_model(name, output_dir=folder)
    except HfHubHTTPError as exc:
        status = exc.response.status_code if exc.response is not None else "an error"
        sys.stdout.write(f"\n{_SAYS}the model hub answered {status}\n")
        return 1
    except (OSError, ValueError) as exc:
        cause = exc.__cause__ or exc
        sys.stdout.write(f"\n{_SAYS}the model hub cannot be reached ({type(cause).__name__})\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
