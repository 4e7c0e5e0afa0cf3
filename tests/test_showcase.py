"""Released files and adopted uploads, on a real file system."""

import os
import threading
from pathlib import Path

import pytest

from node.errors import BadRequest, NotReady
from node.web.showcase import Showcase

SHA = "a" * 64


@pytest.fixture
def job(tmp_path):
    folder = tmp_path / "jobs" / "kk_1"
    folder.mkdir(parents=True)
    (folder / "clip_01.mp4").write_bytes(b"film")
    return folder


@pytest.fixture
def showcase(tmp_path):
    return Showcase(tmp_path / "temp")


def upload(tmp_path, name="talk.MP4", sha=SHA):
    path = tmp_path / "temp" / sha / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"uploaded")
    return path


def test_a_released_file_is_the_same_file_under_an_address_nobody_can_guess(showcase, job, tmp_path):
    path = showcase.release(job, "clip_01.mp4")
    assert path.samefile(job / "clip_01.mp4") and path.name == "clip_01.mp4"
    assert len(path.parent.name) == 32 and path.parent.parent == tmp_path / "temp" / "released"
    assert showcase.release(job, "clip_01.mp4") == path
    assert showcase.url(path) == f"gradio_api/file={path}"
    other = Showcase(tmp_path / "other").release(job, "clip_01.mp4")
    assert other.parent.name != path.parent.name


def test_the_address_changes_when_the_file_is_replaced(showcase, job):
    before = showcase.release(job, "clip_01.mp4")
    (job / "new").write_bytes(b"another film")
    (job / "new").replace(job / "clip_01.mp4")
    after = showcase.release(job, "clip_01.mp4")
    assert after != before
    assert before.read_bytes() == b"film" and after.read_bytes() == b"another film"


def test_withdrawn_files_are_gone_and_the_job_keeps_its_own(showcase, job):
    paths = [showcase.release(job, "clip_01.mp4")]
    (job / "clip_01.mp4").write_bytes(b"longer film")
    paths.append(showcase.release(job, "clip_01.mp4"))
    showcase.withdraw("kk_1")
    showcase.withdraw("kk_1")
    showcase.withdraw("never_released")
    assert not any(path.exists() for path in paths)
    assert (job / "clip_01.mp4").read_bytes() == b"longer film"
    assert showcase.release(job, "clip_01.mp4").read_bytes() == b"longer film"


@pytest.mark.parametrize(
    "name", ["../kk_2/clip_01.mp4", "/etc/passwd", ".lock", "", "a/b", "Clip.mp4", "a\0b", "..", "x" * 200]
)
def test_only_plain_names_are_released(showcase, job, name):
    with pytest.raises(BadRequest, match="not the name"):
        showcase.release(job, name)


def test_links_folders_and_pipes_are_not_released(showcase, job):
    (job / "link.json").symlink_to("/etc/passwd")
    (job / "stages").mkdir()
    os.mkfifo(job / "pipe.json")
    for name in ("link.json", "stages", "pipe.json", "absent.mp4"):
        with pytest.raises(NotReady, match="not there yet"):
            showcase.release(job, name)


def test_a_new_process_removes_what_an_earlier_one_released(showcase, job, tmp_path):
    old = showcase.release(job, "clip_01.mp4")
    kept = upload(tmp_path)
    again = Showcase(tmp_path / "temp")
    assert not old.exists() and kept.exists()
    assert again.release(job, "clip_01.mp4") != old


def test_a_link_in_place_of_the_released_folder_is_not_followed(tmp_path):
    (tmp_path / "temp").mkdir()
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").write_bytes(b"keep me")
    (tmp_path / "temp" / "released").symlink_to(tmp_path / "precious")
    Showcase(tmp_path / "temp")
    assert (tmp_path / "precious" / "file").read_bytes() == b"keep me"


def test_many_threads_release_while_the_file_is_replaced(showcase, job):
    stop, problems = threading.Event(), []

    def replace():
        number = 0
        while not stop.is_set():
            number += 1
            (job / ".new").write_bytes(b"x" * number)
            (job / ".new").replace(job / "clip_01.mp4")

    def release():
        for _ in range(100):
            try:
                path = showcase.release(job, "clip_01.mp4")
                if set(path.read_bytes()) - set(b"xfilm"):
                    problems.append(path)
            except NotReady:
                pass  # replaced five times in a row: said so, and asked again
            except OSError as exc:
                problems.append(exc)

    writer = threading.Thread(target=replace)
    readers = [threading.Thread(target=release) for _ in range(4)]
    for thread in (writer, *readers):
        thread.start()
    for thread in readers:
        thread.join()
    stop.set()
    writer.join()
    assert not problems
    assert showcase.release(job, "clip_01.mp4").samefile(job / "clip_01.mp4")


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="needs a second file system")
def test_across_file_systems_the_file_is_copied_once(job, tmp_path):
    from tempfile import TemporaryDirectory

    with TemporaryDirectory(dir="/dev/shm") as elsewhere:
        if Path(elsewhere).stat().st_dev == job.stat().st_dev:
            pytest.skip("/dev/shm is no file system of its own")
        showcase = Showcase(Path(elsewhere))
        path = showcase.release(job, "clip_01.mp4")
        assert path.read_bytes() == b"film" and not path.samefile(job / "clip_01.mp4")
        inode = path.stat().st_ino
        assert showcase.release(job, "clip_01.mp4").stat().st_ino == inode
        assert [each.name for each in path.parent.iterdir()] == ["clip_01.mp4"]


def test_an_upload_becomes_the_jobs_without_a_copy_and_without_its_name(showcase, job, tmp_path):
    path = upload(tmp_path)
    mine = showcase.adopt_upload(str(path), job)
    assert mine == job / "upload.mp4" and mine.samefile(path)
    assert showcase.adopt_upload(str(path), job) == mine
    assert showcase.upload(str(path)) == path
    assert showcase.adopt_upload(str(path), job / "subtitles") == job / "subtitles" / "upload.mp4"
    odd = upload(tmp_path, "a b.$(rm)", "b" * 64)
    assert showcase.adopt_upload(str(odd), job) == job / "upload"
    path.unlink()
    assert mine.read_bytes() == b"uploaded"
    assert sorted(each.name for each in job.iterdir()) == ["clip_01.mp4", "subtitles", "upload", "upload.mp4"]


def hostile(tmp_path, showcase, job):
    temp = tmp_path / "temp"
    path = upload(tmp_path)
    (temp / SHA / "link.mp4").symlink_to("/etc/passwd")
    (temp / ("c" * 64)).symlink_to(job)
    (temp / SHA / "folder").mkdir()
    return {
        "system": "/etc/passwd",
        "empty": "",
        "relative": f"{SHA}/talk.MP4",
        "url": "https://example.com/a.mp4",
        "file url": f"file://{path}",
        "other job": str(job / "clip_01.mp4"),
        "dots": f"{temp}/{SHA}/../{SHA}/talk.MP4",
        "dots out": f"{temp}/{SHA}/../../jobs/kk_1/clip_01.mp4",
        "double slash": f"{temp}//{SHA}/talk.MP4",
        "nul": f"{path}\0.mp4",
        "released": str(showcase.release(job, "clip_01.mp4")),
        "link": f"{temp}/{SHA}/link.mp4",
        "linked folder": f"{temp}/{'c' * 64}/clip_01.mp4",
        "folder": f"{temp}/{SHA}/folder",
        "folder itself": f"{temp}/{SHA}",
        "dotfile": str(upload(tmp_path, ".bashrc")),
        "upper": str(path).replace("a" * 64, "A" * 64),
        "gone": f"{temp}/{SHA}/gone.mp4",
        "long": f"{temp}/{SHA}/{'x' * 5000}",
        "newline": f"{path}\n",
    }


def test_nothing_but_an_upload_is_adopted(tmp_path, showcase, job):
    for what, path in hostile(tmp_path, showcase, job).items():
        with pytest.raises(BadRequest, match="not a file that was uploaded"):
            showcase.adopt_upload(path, job)
            pytest.fail(f"{what} was adopted")
        with pytest.raises(BadRequest, match="not a file that was uploaded"):
            showcase.upload(path)
    assert [each.name for each in job.iterdir()] == ["clip_01.mp4"]
