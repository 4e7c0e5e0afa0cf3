"""Settings are read once, cast, refused by name; the README and .env.example tell the same."""

from dataclasses import fields
from pathlib import Path

import pytest

import settings
from settings import NodeSettings, SettingsError

ROOT = Path(__file__).resolve().parents[1]


def test_the_readme_shows_every_setting():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = readme.split(settings.TABLE_START)[1].split(settings.TABLE_END)[0].strip()
    assert shown == settings.table(), "run `make docs`"


def test_the_example_lists_every_setting():
    assert (ROOT / ".env.example").read_text(encoding="utf-8") == settings.example(), "run `make docs`"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("CLIP_COUNT", "2.5"),
        ("CLIP_COUNT", "6"),
        ("MAX_CLIP_SECONDS", "nan"),
        ("RENDER_RESOLUTION", "1081x1920"),
        ("RENDER_RESOLUTION", "big"),
        ("RENDER_CRF", "51"),
        ("RENDER_PRESET", "warp"),
        ("OFFLINE", "perhaps"),
        ("ASR_DEVICE", "tpu"),
    ],
)
def test_a_bad_value_is_refused_by_its_key(key, value):
    with pytest.raises(SettingsError, match=f"{key} is .*{value}.*must be"):
        NodeSettings.from_env({key: value})


def test_values_are_cast_and_empty_means_the_default():
    read = NodeSettings.from_env({"RENDER_RESOLUTION": "720X1280", "OFFLINE": "Yes", "CLIP_COUNT": " "})
    assert (read.render_resolution, read.offline, read.clip_count) == ((720, 1280), True, 3)


def test_no_secret_is_shown():
    secrets = [f.metadata["key"] for f in fields(NodeSettings) if f.metadata["secret"]]
    assert len(secrets) == 3
    assert "hush" not in repr(NodeSettings.from_env({key: "hush" for key in secrets}))
