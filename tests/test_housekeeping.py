"""What is deleted, what never is: on real folders with real links."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.errors import NoRoom, UnknownJob
from node.jobs.housekeeping import YOUNG_S, Item, doomed, room, sweep
from tests.boards import board, ended, running, wanted

NOW = time.time()
HOUR = 3600.0


@pytest.fixture
def place(tmp_path):
    """A work folder and a temporary one inside it, as by default."""
    (tmp_path / "work" / "session" / "released").mkdir(parents=True)
    return tmp_path / "work"


def put(path: Path, age_s: float, size: int = 1000) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)
    for each in (path, path.parent):
        os.utime(each, (NOW - age_s, NOW - age_s))
    return path


def swept(place: Path, ended=(), in_use=(), keep_s=HOUR, quota=10**12, release=lambda job_id: True) -> int:
    moments = {job_id: (place / job_id / "node.json").lstat().st_mtime for job_id in ended}
    return sweep(place, place / "session", moments, in_use, release, NOW, keep_s, quota)


def test_old_uploads_releases_and_jobs_go_and_young_ones_stay(place):
    names = ("session/{}a/film.mp4", "session/released/{}b/c.mp4", "{}/node.json")
    old = [put(place / name.format("old"), 2 * HOUR) for name in names]
    young = [put(place / name.format("new"), 10) for name in names]
    assert swept(place, ended=("old", "new")) == 3000
    assert not any(path.parent.exists() for path in old) and all(path.exists() for path in young)
    assert (place / "session" / "released").is_dir()


def test_what_runs_or_is_used_or_not_ours_is_never_touched(place):
    names = ("runs/node.json", "cli/job.json", "kk_cli/job.json", "spool/x.json", "session/used/film.mp4")
    kept = [*(put(place / name, 9 * HOUR) for name in names), put(place / "kk_just" / "upload.mp4", 9)]
    never_taken = put(place / "kk_left" / "upload.mp4", 9 * HOUR)
    held = put(place / "held" / "node.json", 9 * HOUR)
    swept(place, ended=("held",), in_use=(kept[4],), quota=0, release=lambda job_id: False)
    assert all(path.exists() for path in (*kept, held)) and not never_taken.exists()


def test_links_are_removed_as_links_and_lead_nowhere(place, tmp_path):
    outside = put(tmp_path / "outside" / "precious.txt", 9 * HOUR)
    put(place / "gone" / "node.json", 9 * HOUR)
    (place / "gone" / "way").symlink_to(outside.parent)
    (place / "session" / "way").symlink_to(outside.parent)
    (place / "session" / "released" / "way").symlink_to(outside.parent)
    (place / "link").symlink_to(outside.parent)
    os.link(outside, place / "session" / "hard.txt")
    for name in ("way", "released/way"):
        os.utime(place / "session" / name, (NOW - 9 * HOUR,) * 2, follow_symlinks=False)
    moments = {"gone": 0.0, "link": 0.0, "..": 0.0, "../outside": 0.0, "gone/way": 0.0}
    sweep(place, place / "session", moments, (), lambda job_id: True, NOW, HOUR, 10**12)
    assert outside.read_bytes() and (place / "link").is_symlink()
    assert not (place / "gone").exists() and not (place / "session" / "way").is_symlink()
    assert not (place / "session" / "hard.txt").exists()


def test_a_released_folder_that_is_a_link_is_not_entered(place, tmp_path):
    outside = put(tmp_path / "outside" / "precious" / "a.txt", 9 * HOUR)
    shutil.rmtree(place / "session" / "released")
    (place / "session" / "released").symlink_to(tmp_path / "outside")
    swept(place)
    assert outside.exists()


def test_half_deleted_folders_are_finished(place):
    put(place / ".swept-kk_1" / "clip.mp4", 1)
    swept(place)
    assert not (place / ".swept-kk_1").exists()


def test_above_the_quota_the_oldest_go_first_and_hard_links_count_once(place):
    for number in range(4):
        put(place / f"job{number}" / "node.json", 1000 - number, size=1000)
    released = place / "session" / "released" / "a" / "clip.mp4"
    released.parent.mkdir()
    os.link(place / "job3" / "node.json", released)
    swept(place, ended=[f"job{number}" for number in range(4)], quota=2500)
    assert [(place / f"job{number}").exists() for number in range(4)] == [False, False, True, True]


ITEMS = st.lists(
    st.builds(Item, st.just(Path("x")), st.integers(0, 100), st.floats(0, 5000), st.sampled_from(["", "job"]))
)


@given(ITEMS, st.floats(1, 5000), st.integers(0, 1000))
def test_no_more_goes_than_has_to(items, keep_s, quota):
    gone = doomed(items, 5000.0, keep_s, quota)
    left = list(items)
    for item in gone:
        left.remove(item)
    assert all(5000.0 - item.moment <= keep_s for item in left)
    if sum(item.size_bytes for item in left) > quota:
        assert all(not item.job_id and 5000.0 - item.moment <= YOUNG_S for item in left)
    for item in gone:
        younger = [i for i in items if i.moment > item.moment]
        needless = 5000.0 - item.moment <= keep_s and sum(i.size_bytes for i in items) <= quota
        assert not needless or not younger


def test_too_little_room_is_a_sentence_with_both_numbers(tmp_path):
    room(tmp_path, 1)
    with pytest.raises(NoRoom, match=r"has \d+\.\d GB free and a new job needs 5000000\.0 GB"):
        room(tmp_path, 5 * 10**15)


def test_a_board_sweeps_by_itself_and_forgets_what_is_gone(tmp_path):
    desk = board(tmp_path, keep_s=0.5, sweep_every_s=0.2)
    try:
        done = desk.submit(wanted("ok")).job_id
        alive = desk.submit(wanted("slow")).job_id
        ended(desk, done)
        running(desk, alive)
        until = time.monotonic() + 5
        while (tmp_path / "work" / done).exists():
            assert time.monotonic() < until
            time.sleep(0.05)
        with pytest.raises(UnknownJob):
            desk.state(done)
        assert desk.state(alive) and (tmp_path / "work" / alive / "node.json").exists()
    finally:
        desk.close()
