"""What all tests share: a clean environment, real media when it is there, a way to make some."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipeline.media import Ffmpeg
from settings import NodeSettings

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared" / "media"


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the developer's shell reaches a test."""
    from dataclasses import fields

    for entry in fields(NodeSettings):
        monkeypatch.delenv(entry.metadata["key"], raising=False)


@pytest.fixture
def child_environment() -> dict[str, str]:
    """For child processes: the shell's environment without our settings, and no model hub."""
    from dataclasses import fields

    ours = {entry.metadata["key"] for entry in fields(NodeSettings)}
    return {k: v for k, v in os.environ.items() if k not in ours} | {"OFFLINE": "1"}


@pytest.fixture(scope="session")
def shared_media() -> Path:
    """The folder of real recordings beside the checkout; without it the test is skipped."""
    if not SHARED.is_dir():
        pytest.skip("../shared/media is not here")
    return SHARED


@pytest.fixture(scope="session")
def engine() -> Ffmpeg:
    return Ffmpeg.bundled()
