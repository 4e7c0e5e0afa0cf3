"""The page's words: the same in each language, all there; a picture for each caption style."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from node.outlet import Outlet
from node.page.parts import ORDER, PICTURES, facts, offers, picture, words
from node.platforms import LIMITS
from node.records import JobStatus
from pipeline.captions.styles import STYLES
from pipeline.records import Stage
from tests.films import ROOT

PAGE = ROOT / "node" / "page"
SCRIPT = {path.stem: path.read_text(encoding="utf-8") for path in (PAGE / "script").glob("*.js")}
PYTHON = "\n".join(path.read_text(encoding="utf-8") for path in PAGE.glob("*.py"))
ENGLISH = words()["en"]
OTHERS = sorted(set(words()) - {"en"})

SLOT = re.compile(r"\{(\w+)\}")
MADE_UP = re.compile(r"\bt\(`([^`]+)`")
ASKED = re.compile(r"""\b(?:t|i18n)\("(\w+)"|data-word="(\w+)\"""")
CHOSEN = re.compile(r"""\bt\([^()"`]*\? "(\w+)" : "(\w+)\"""")
LITERAL = re.compile(r'"([a-z][A-Za-z0-9_]*)"')


def values_of(offer: str) -> list[str]:
    return [value["name"] for made in offers() if made["name"] == offer for value in made["values"]]


FAMILIES = {
    "stage_${stage.stage}": [f"stage_{stage}" for stage in Stage],
    "status_${job.status}": [f"status_{status}" for status in JobStatus],
    "status_${state.status}": [f"status_{status}" for status in JobStatus],
    "tab_${tab}": [f"tab_{tab}" for tab in ("text", "look", "others", "away")],
    "tab_${name}": [f"tab_{tab}" for tab in ("text", "look", "others", "away")],
    "mode_${name}": [f"mode_{mode}" for mode in ("cut", "fix", "play")],
    "${which}_${step}": [f"{which}_{step}" for which in ("start", "end") for step in ("earlier", "later")],
    "file_${file}": [f"file_{name}" for name in Outlet.FILES],
    "platform_${platform}": [f"platform_{name}" for name in LIMITS],
    "value_${offer.name}_${value.name}": [
        f"value_{offer['name']}_{name}"
        for offer in offers()
        for name in values_of(offer["name"])
        if offer["name"] != "captions" or not name  # a caption style goes by its own name
    ],
}
"""Keys that the script makes up, with all that it can come to; what the server sends is taken from there."""
LABELS = [f"look_{offer['name']}" for offer in offers()]


def asked(text: str) -> set[str]:
    found = {key for pair in ASKED.findall(text) for key in pair}
    return (found | {key for pair in CHOSEN.findall(text) for key in pair}) - {""}


@pytest.mark.parametrize("language", OTHERS)
def test_each_language_has_the_same_keys_with_the_same_slots(language):
    other = words()[language]
    assert set(other) == set(ENGLISH)
    for key, text in ENGLISH.items():
        assert other[key].strip() and text.strip()
        assert Counter(SLOT.findall(other[key])) == Counter(SLOT.findall(text)), key


def test_indonesian_is_among_the_languages():
    assert "id" in OTHERS


@pytest.mark.parametrize("name", sorted(SCRIPT))
def test_every_word_that_the_script_asks_for_is_there(name):
    assert asked(SCRIPT[name]) <= set(ENGLISH)


def test_every_word_that_the_page_asks_for_is_there():
    assert {"tagline", "link", "start", "forecast_ask"} <= asked(PYTHON) <= set(ENGLISH)


def test_every_key_that_the_script_makes_up_is_there():
    made_up = {key for text in SCRIPT.values() for key in MADE_UP.findall(text)}
    assert made_up == set(FAMILIES), "a new family of keys: say here what it can come to"
    assert {key for family in FAMILIES.values() for key in family} | set(LABELS) <= set(ENGLISH)


def test_the_slots_of_a_word_are_filled_where_it_is_asked_for():
    filled = re.compile(r'\bt\("(\w+)", \{([^{}]*(?:\{[^{}]*\}[^{}]*)*)\}\)')
    calls = [found for text in SCRIPT.values() for found in filled.findall(text)]
    assert len(calls) > 10
    for key, given in calls:
        if "..." not in given:
            names = set(re.findall(r"(?:^|, ?|\n\s*)(\w+)(?=:|,|$)", given.strip()))
            assert set(SLOT.findall(ENGLISH[key])) <= names, (key, given)
    bare = {key for text in SCRIPT.values() for key in re.findall(r'\bt\("(\w+)"\)', text)}
    assert not [key for key in bare if SLOT.search(ENGLISH[key])]


def test_no_word_is_left_over():
    named = {key for text in SCRIPT.values() for key in LITERAL.findall(text)} | asked(PYTHON)
    made_up = {key for family in FAMILIES.values() for key in family} | set(LABELS)
    assert sorted(set(ENGLISH) - named - made_up) == []


def test_the_script_is_all_of_its_files():
    assert sorted(ORDER) == sorted(SCRIPT)


@pytest.mark.parametrize("style", sorted(STYLES))
def test_each_caption_style_has_its_picture(style):
    path = PICTURES / f"{style}.jpg"
    assert path.read_bytes()[:3] == b"\xff\xd8\xff"
    assert picture(style).startswith("data:image/jpeg;base64,/9j/")


def test_each_picture_is_of_a_style():
    assert {path.stem for path in PICTURES.glob("*.jpg")} == set(STYLES)
    assert picture("comic") == "" and picture("") == ""


def test_what_the_script_is_told_cannot_leave_its_element():
    assert "<" not in facts() and "\u2028" not in facts()
