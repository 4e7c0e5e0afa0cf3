"""Settings are read once, cast, and refused by name."""

from dataclasses import fields

import pytest

from settings import NodeSettings, SettingsError


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
