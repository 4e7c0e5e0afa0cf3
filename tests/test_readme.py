"""The README is a map: what it names is there, and what is there is on it."""

import re

import pytest

import settings
from tests.films import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_it_shows_every_setting():
    shown = README.split(settings.TABLE_START)[1].split(settings.TABLE_END)[0].strip()
    assert shown == settings.table(), "run `make docs`"


def test_the_example_lists_every_setting():
    assert (ROOT / ".env.example").read_text(encoding="utf-8") == settings.example(), "run `make docs`"


def rooms(package):
    """The files and folders of a package, as the map writes them."""
    here = {path.name for path in (ROOT / package).glob("*.py") if path.name != "__init__.py"}
    return here | {f"{path.name}/" for path in (ROOT / package).iterdir() if (path / "__init__.py").exists()}


def test_every_room_is_on_the_map():
    the_map = README.split("## Files")[1].split("## Settings")[0]
    named = set(re.findall(r"[\w_]+\.py|\b\w+/", the_map))
    here = rooms("pipeline") | rooms("node")
    assert here - named == set()
    top = {"app.py", "settings.py", "node/", "pipeline/", "llm/", "assets/", "benchmarks/", "tests/"}
    assert top <= named <= here | top


@pytest.mark.parametrize("target", re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
def test_every_target_of_the_makefile_is_phony(target):
    """A folder called like a target would silently switch it off."""
    (phony,) = re.findall(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert target in phony.split()


def test_the_command_line_shown_is_the_one_there_is():
    from pipeline.wishes import parser

    options = {o for action in parser(settings.NodeSettings())._actions for o in action.option_strings}
    shown = README.split("## The command line")[1].split("## What a job leaves")[0]
    assert {o for o in options if o.startswith("--")} - {"--help"} <= set(re.findall(r"--[\w-]+", shown))
