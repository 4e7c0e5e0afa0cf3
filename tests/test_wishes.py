"""What a visitor asks for: checked before anything is done, whatever a door was given."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from node.errors import BadRequest
from node.wishes import LONGEST_FOCUS, LONGEST_LINK, Asked, bounds_ms, checked
from pipeline.artifacts import public_source
from pipeline.captions.styles import STYLES


def refused(**values: Any) -> str:
    with pytest.raises(BadRequest) as refusal:
        checked(replace(Asked(), **values))
    return str(refusal.value)


def test_what_is_left_open_is_fine_and_stays_as_it_is():
    assert checked(Asked()) == Asked()
    asked = Asked("https://films.example/a?b=c#d", "", 60, 20.5, 50, 5, "id", "zh-Hant", "x" * 500, "bold")
    assert checked(asked) == asked


@pytest.mark.parametrize("length", [30, 45, 60])
def test_a_length_is_the_longest_and_two_thirds_of_it_the_shortest(length):
    assert bounds_ms(Asked(length=length)) == (round(length * 2000 / 3), length * 1000)


@pytest.mark.parametrize(
    ("asked", "bounds"),
    [
        (Asked(min_seconds=40), (40_000, 45_000)),
        (Asked(max_seconds=90), (60_000, 90_000)),
        (Asked(min_seconds=3, max_seconds=600), (3_000, 600_000)),
        (Asked(min_seconds=8.5, max_seconds=8.6), (8_500, 8_600)),
        (Asked(max_seconds=4.5), (3_000, 4_500)),
    ],
)
def test_own_bounds_go_before_the_length(asked, bounds):
    assert bounds_ms(asked) == bounds


@pytest.mark.parametrize(
    "bounds",
    [
        {"min_seconds": 45}, {"min_seconds": 50, "max_seconds": 20}, {"max_seconds": 601},
        {"min_seconds": 2.9}, {"max_seconds": 4}, {"length": 0}, {"length": -45}, {"min_seconds": -8},
        {"min_seconds": float("nan")}, {"max_seconds": float("inf")}, {"max_seconds": float("nan")},
        {"max_seconds": -30},
    ],
)  # fmt: skip
def test_bounds_that_make_no_clip_are_refused_with_the_values(bounds):
    said = refused(**bounds)
    assert "s can't be made" in said or "must be a number" in said


@given(st.floats(), st.floats(), st.integers())
@example(2.99999, 0, 45)
@settings(max_examples=200)
def test_bounds_are_in_order_or_refused(shortest, longest, length):
    try:
        low, high = bounds_ms(checked(Asked(min_seconds=shortest, max_seconds=longest, length=length)))
    except BadRequest:
        return
    assert 3_000 <= low <= high <= 600_000


@pytest.mark.parametrize(
    "link",
    [
        "ftp://a.example/f", "file:///etc/passwd", "javascript:alert(1)", "/etc/passwd", "films.example/1",
        "http://", "https:///film.mp4", "http://[", "http://[::1", "http://a.example:99999/", "http://a:b/",
        "http://a:0/",
        "http://\u2100.example/", "data:video/mp4;base64,AAAA", "-h", "http:/a.example",
    ],
)  # fmt: skip
def test_what_is_no_link_is_refused_with_a_sentence(link):
    assert refused(link=link).endswith(".")


def test_a_link_may_have_spaces_around_it_and_four_thousand_letters():
    assert checked(Asked(link=" https://films.example/1 \n"))
    long = "https://films.example/"
    assert checked(Asked(link=long + "x" * (LONGEST_LINK - len(long))))
    assert "4001 letters" in refused(link=long + "x" * (LONGEST_LINK + 1 - len(long)))


@given(st.text(max_size=60).map("http://".__add__) | st.from_regex(r"https?://[\[\]@:/?#\w.]{0,30}"))
@settings(max_examples=200)
def test_a_link_that_is_let_in_can_be_shown(link):
    try:
        asked = checked(Asked(link=link))
    except BadRequest:
        return
    assert isinstance(public_source(asked.link.strip()), str)


@pytest.mark.parametrize(
    ("values", "part"),
    [
        ({"count": 0}, "1 to 5"), ({"count": 6}, "1 to 5"), ({"count": -1}, "1 to 5"),
        ({"captions": "comic"}, "karaoke"), ({"captions": ""}, "karaoke"),
        ({"focus": "x" * (LONGEST_FOCUS + 1)}, "501 letters"),
        ({"language": ""}, "language"), ({"language": "en; rm"}, "language"), ({"language": "-"}, "language"),
        ({"output_language": "x" * 13}, "output language"), ({"output_language": "en\n"}, "output language"),
    ],
)  # fmt: skip
def test_a_value_out_of_its_bounds_is_refused_with_what_is_possible(values, part):
    assert part in refused(**values)


def test_every_caption_style_can_be_asked_for():
    for style in STYLES:
        assert checked(Asked(captions=style)).captions == style


def test_whole_numbers_may_come_as_floats_and_nothing_else():
    made = checked(Asked(count=2.0, length=30.0))
    assert (made.count, made.length) == (2, 30) and isinstance(made.count, int)
    assert "whole number" in refused(count=2.5)


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)


@given(st.sampled_from([field.name for field in fields(Asked)]), ANY)
@example("count", 10**400)
@example("max_seconds", 10**400)
@example("min_seconds", -(10**400))
@settings(max_examples=300)
def test_no_value_of_any_kind_gives_anything_but_a_wish_or_a_sentence(name, value):
    try:
        made = checked(replace(Asked(), **{name: value}))
    except BadRequest as exc:
        assert str(exc).endswith(".")
    else:
        assert bounds_ms(made) and type(getattr(made, name)) in (str, int, float)
