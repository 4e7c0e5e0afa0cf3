"""The zip of a job: every file, flat, whole, and nothing from elsewhere."""

from __future__ import annotations

import json
import zipfile

import pytest

from pipeline.errors import StorageError, WishError
from pipeline.export import published_names, write_zip
from pipeline.storage import FolderStorage
from pipeline.workspace import Workspace


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "job"
    made.mkdir()
    (made / "clip_01.mp4").write_bytes(bytes(range(256)) * 400)
    (made / "clip_01.srt").write_text("1\n" * 500, encoding="utf-8")
    return made


def test_it_holds_every_file_as_it_is_and_media_uncompressed(folder, tmp_path):
    target = tmp_path / "new" / "job.zip"
    write_zip(folder, ["clip_01.mp4", "clip_01.srt"], target)
    with zipfile.ZipFile(target) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["clip_01.mp4", "clip_01.srt"]
        assert archive.read("clip_01.mp4") == (folder / "clip_01.mp4").read_bytes()
        assert archive.getinfo("clip_01.mp4").compress_type == zipfile.ZIP_STORED


@pytest.mark.parametrize("name", ["../secret", "gone.mp4", "link.mp4", "sub/clip.mp4", ""])
def test_nothing_but_a_plain_file_of_the_job_is_taken(folder, tmp_path, name):
    (tmp_path / "secret").write_text("secret")
    (folder / "link.mp4").symlink_to(tmp_path / "secret")
    with pytest.raises(StorageError, match="no file of the job"):
        write_zip(folder, ["clip_01.mp4", name], tmp_path / "job.zip")
    assert not (tmp_path / "job.zip").exists()


def test_a_name_given_twice_is_refused(folder, tmp_path):
    with pytest.raises(StorageError, match="twice"):
        write_zip(folder, ["clip_01.mp4", "clip_01.mp4"], tmp_path / "job.zip")


def test_an_older_zip_stays_when_the_new_one_cannot_be_written(folder, tmp_path):
    target = tmp_path / "job.zip"
    write_zip(folder, ["clip_01.mp4"], target)
    before = target.read_bytes()
    with pytest.raises(StorageError):
        write_zip(folder, ["clip_01.mp4", "gone"], target)
    assert target.read_bytes() == before and len(list(tmp_path.iterdir())) == 2


def test_files_that_only_the_storage_has_are_fetched(folder, tmp_path):
    storage = FolderStorage(tmp_path / "out")
    manifest = {"artifacts": [{"name": "clip_01.mp4"}, {"name": "clip_01.srt"}]}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    for name in ("clip_01.mp4", "clip_01.srt", "manifest.json"):
        storage.put("one", name, folder / name)
    workspace = Workspace.open(tmp_path / "work", "one")
    names = published_names(workspace, storage)
    write_zip(workspace.folder, names, tmp_path / "job.zip")
    assert set(zipfile.ZipFile(tmp_path / "job.zip").namelist()) == {*names} and len(names) == 3


def test_an_unfinished_job_is_refused(tmp_path):
    with pytest.raises(WishError, match="not finished"):
        published_names(Workspace.open(tmp_path / "work", "one"), FolderStorage(tmp_path / "out"))
