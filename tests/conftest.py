"""What all tests share: a clean environment, real media when it is there, a way to make some."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from pipeline.media import Ffmpeg
from settings import NodeSettings
from tests.films import talk_excerpt, talk_subtitles

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared" / "media"


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the developer's shell reaches a test."""
    for entry in fields(NodeSettings):
        monkeypatch.delenv(entry.metadata["key"], raising=False)


@pytest.fixture(scope="session")
def shared_media() -> Path:
    """The folder of real recordings beside the checkout; without it the test is skipped."""
    if not SHARED.is_dir():
        pytest.skip("../shared/media is not here")
    return SHARED


@pytest.fixture(scope="session")
def engine() -> Ffmpeg:
    return Ffmpeg.bundled()


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory, engine: Ffmpeg) -> Path:
    """The first 75 seconds of the sample talk, small."""
    return talk_excerpt(tmp_path_factory.mktemp("film"), engine)


@pytest.fixture(scope="session")
def subtitles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its true sentences."""
    return talk_subtitles(tmp_path_factory.mktemp("subtitles"))
