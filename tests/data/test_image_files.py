"""Folders of image files: which file is what, and what is wrong with a folder, before anything is trained."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from archbuilder.cli import main
from archbuilder.data import image_folder
from archbuilder.data.datasets import load, ready
from archbuilder.data.decoding import picture
from archbuilder.data.prepared import verify
from archbuilder.diagnostics import Span
from archbuilder.spec.data import Data

SHAPE = (3, 6, 5)
HERE = Span("net.yaml", 2, 3)


def paint(path: Path, level: int, size: tuple[int, int] = (9, 8)) -> None:
    """A file with an image of one grey level, so that what is read shows which file it was."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (level, level, level)).save(path)


@pytest.fixture
def photos(tmp_path) -> Callable[..., Path]:
    """photos("train/cat/1.png", ...) -> the folder with these images; the n-th is of level n."""

    def make(*names: str) -> Path:
        for level, name in enumerate(names):
            paint(tmp_path / "photos" / name, level)
        return tmp_path / "photos"

    return make


@pytest.fixture
def read(section, tmp_path):
    """read(folder, text="", ...) -> Splits of a folder, prepared below tmp_path / "data"."""

    def run(folder: Path, text: str = "batch_size: 2", shape=SHAPE, classes: int | None = None):
        return load(section(f"dataset: {folder}\n{text}"), shape, classes, data_dir=tmp_path / "data")

    return run


def levels(images) -> list[tuple[int, int]]:
    """The grey level and the label of every image; each image is of one level."""
    assert all(len(np.unique(image)) == 1 for image in images.images)
    return [(int(image.flat[0]), int(label)) for image, label in zip(images.images, images.labels, strict=True)]


SPLIT = ["train/cat/a.png", "train/cat/b.jpg", "train/dog/a.png", "test/cat/c.png", "test/dog/d.bmp"]


def test_train_and_test(photos, read):
    splits = read(photos(*SPLIT))
    assert splits.class_names == ("cat", "dog")
    assert levels(splits.train) == [(0, 0), (1, 0), (2, 1)]
    assert levels(splits.test) == [(3, 0), (4, 1)]
    assert splits.validation is None
    assert splits.train.images.shape == (3, 6, 5, 3)
    assert splits.mean == pytest.approx([1.0] * 3)


def test_val_is_the_test_split_where_there_is_no_other(photos, read):
    names = [name.replace("test/", "val/") for name in SPLIT]
    assert levels(read(photos(*names)).test) == [(3, 0), (4, 1)]


def test_val_beside_test_is_the_validation_split(photos, read, rejected):
    folder = photos(*SPLIT, "val/dog/x.png", "val/cat/y.png")
    splits = read(folder)
    assert levels(splits.validation) == [(6, 0), (5, 1)]
    assert levels(splits.test) == [(3, 0), (4, 1)]
    with rejected() as found:
        read(folder, "validation: 0.5")
    assert [(d.code.id, d.span.line) for d in found] == [("AB611", 2)]
    assert "has its own validation split, 2 images" in found[0].message


def test_classes_alone_keep_a_fifth_of_each_for_the_test(photos, read, tmp_path):
    names = [
        f"{name}/{number}.png" for name, count in (("ant", 10), ("bee", 25), ("cow", 2)) for number in range(count)
    ]
    splits = read(photos(*names))
    assert np.bincount(splits.test.labels).tolist() == [2, 5, 1]
    assert sorted(levels(splits.train) + levels(splits.test)) == [
        (level, ("ant", "bee", "cow").index(name[:3])) for level, name in enumerate(names)
    ]
    tested = set(levels(splits.test))
    for number in range(100, 105):  # five more images: one more for the test, the others stay where they are
        paint(tmp_path / "photos" / "ant" / f"{number}.png", number)
    more = read(tmp_path / "photos")
    assert len(more.test) == len(splits.test) + 1
    assert len(set(levels(more.test)) & tested) >= len(tested) - 1


def test_nested_folders_hidden_files_and_other_files(photos, read):
    folder = photos("cat/a.png", "cat/deep/er/b.PNG", "dog/c.png", "dog/d.png", ".git/e.png", "cat/.hidden.png")
    (folder / "cat" / "notes.txt").write_text("no image")
    (folder / "README.md").write_text("no class")
    splits = read(folder)
    assert splits.class_names == ("cat", "dog")
    assert sorted(levels(splits.train) + levels(splits.test)) == [(0, 0), (1, 0), (2, 1), (3, 1)]


def test_images_are_read_as_predict_reads_them(photos, read, tmp_path):
    folder = photos(*SPLIT)
    random = np.random.default_rng(0)
    noise = random.integers(0, 256, (40, 70, 3), np.uint8)
    Image.fromarray(noise).save(folder / "test" / "dog" / "d.bmp")
    for shape in (SHAPE, (1, 12, 12)):
        expected = picture(folder / "test" / "dog" / "d.bmp", shape)[0]
        assert np.array_equal(read(folder, shape=shape).test.images[1], expected)


def test_it_is_prepared_once_and_again_after_a_change(photos, read, tmp_path, monkeypatch):
    folder = photos(*SPLIT)
    read(folder)
    (prepared,) = (tmp_path / "data").iterdir()
    assert prepared.name.startswith("photos-3x6x5-")
    assert verify(prepared, HERE) == []
    with monkeypatch.context() as patch:
        patch.setattr(image_folder, "picture", None)  # no file is read again
        assert levels(read(folder).test) == [(3, 0), (4, 1)]
    paint(folder / "test" / "cat" / "c.png", 77)
    os.utime(folder / "test" / "cat" / "c.png", ns=(1, 1))
    assert levels(read(folder).test) == [(77, 0), (4, 1)]


def test_a_relative_folder_counts_from_the_yaml_file(photos, section, tmp_path):
    photos(*SPLIT)
    spec = section("dataset: ../photos/\nbatch_size: 2", file=str(tmp_path / "nets" / "a.yaml"))
    (tmp_path / "nets").mkdir()
    assert len(load(spec, SHAPE, 2, data_dir=tmp_path / "data").train) == 3


@pytest.mark.parametrize(
    ("train", "test"), [("Train", "Test"), ("TRAIN", "VAL"), ("training", "Testing"), ("train", "validation")]
)
def test_parts_are_known_in_letters_of_any_size(photos, read, train, test):
    names = [name.replace("train/", f"{train}/").replace("test/", f"{test}/") for name in SPLIT]
    splits = read(photos(*names))
    assert splits.class_names == ("cat", "dog") and levels(splits.test) == [(3, 0), (4, 1)]


@pytest.mark.parametrize("inside", ["", "2020/"])
def test_a_class_may_be_called_train(photos, read, inside):
    names = [f"{name}/{inside}{number}.png" for name in ("bus", "train", "tram") for number in range(5)]
    splits = read(photos(*names))
    assert splits.class_names == ("bus", "train", "tram") and len(splits.train) == 12 and len(splits.test) == 3


def test_parts_under_other_names_are_asked_for(photos, read):
    names = [f"{part}/{name}/{number}.png" for part in ("a_train", "b_test") for name in "xy" for number in range(3)]
    (note,) = read(photos(*names)).notes
    assert "the classes a_train, b_test contain the same folders: x, y" in note and "train and test" in note
    assert not read(photos(*names, "b_test/z/1.png")).notes


def test_classes_of_the_parts_may_be_called_train_and_test(photos, read):
    names = [f"{part}/{name}/{part}.png" for part in ("train", "test") for name in ("test", "train")]
    assert read(photos(*names)).class_names == ("test", "train")


def test_files_and_folders_that_are_left_out_are_counted(photos, read):
    folder = photos(*SPLIT, "raw/x/1.png")
    for name in ("train/cat/1.heic", "train/cat/2.HEIC", "train/dog/3.txt", "test/dog/4", "train/dog/Thumbs.db"):
        (folder / name).write_text("")
    notes = read(folder).notes
    assert notes == (
        "ignored, because they are beside the parts of the data set: raw",
        "left out because their names are not those of images: 4 files (2 .heic, 1 .txt, 1 without an ending)",
    )
    assert read(folder).notes == notes  # from the prepared copy, too
    assert read(photos(*SPLIT)).notes != ()


def test_a_pipe_and_a_link_that_leads_nowhere_are_files_that_cannot_be_read(photos, read, rejected):
    folder = photos(*SPLIT)
    os.mkfifo(folder / "train" / "cat" / "pipe.png")
    (folder / "train" / "cat" / "link.png").symlink_to(folder / "nowhere.png")
    with rejected() as found:
        read(folder)
    assert [d.code.id for d in found] == ["AB619"] and "2 of 7 image files" in found[0].message
    assert "this is not an ordinary file" in found[0].message and "No such file" in found[0].message


WRONG = {
    "test without train": ([*SPLIT[3:], "test/cat/b.png"], "AB618", "{folder} has test, but no train"),
    "two of a kind": ([*SPLIT, "Test/cat/b.png"], "AB618", "{folder} has Test and test, which mean the same part"),
    "empty class": ([*SPLIT, "train/fox/"], "AB618", "train/fox of {folder} has no images"),
    "empty class of the test": ([*SPLIT[:4], "test/dog/"], "AB618", "test/dog of {folder} has no images"),
    "class of the test alone": ([*SPLIT, "test/fox/a.png"], "AB618", "test has the class fox, but train does not"),
    "no test": (SPLIT[:3], "AB618", "{folder} has train, but neither test nor val"),
    "one class": (["cat/a.png", "cat/b.png"], "AB618", "{folder} has one class, cat"),
    "no class": (["a.png", "b.png"], "AB618", "{folder} has no class: a class is a folder of images"),
    "one image": (["cat/a.png", "cat/b.png", "dog/c.png"], "AB618", "dog of {folder} has only one image"),
}


@pytest.mark.parametrize("mistake", WRONG)
def test_a_folder_of_another_form(photos, read, rejected, mistake):
    names, code, words = WRONG[mistake]
    folder = photos(*(name for name in names if not name.endswith("/")))
    for name in names:
        if name.endswith("/"):
            (folder / name).mkdir(parents=True)
    with rejected() as found:
        read(folder)
    assert [(d.code.id, d.span.file, d.span.line) for d in found] == [(code, "net.yaml", 1)]
    assert words.format(folder=folder) in found[0].message
    assert found[0].hint


def test_all_that_is_wrong_with_a_folder_is_told(photos, read, rejected):
    folder = photos(*SPLIT, "test/fox/a.png")
    (folder / "train" / "gnu").mkdir()
    with rejected() as found:
        read(folder)
    assert len(found) == 2


def test_a_folder_that_is_not_there(read, rejected, tmp_path):
    with rejected() as found:
        read(tmp_path / "nowhere")
    assert [(d.code.id, d.code.exit_status) for d in found] == [("AB603", 2)]


def test_a_network_with_other_classes_is_told_before_any_image_is_read(photos, read, rejected, monkeypatch):
    monkeypatch.setattr(image_folder, "picture", None)
    with rejected() as found:
        read(photos(*SPLIT), classes=10)
    assert [d.code.id for d in found] == ["AB601"]
    assert "has 2 classes (cat, dog), but the network has 10" in found[0].message
    assert found[0].hint == "set classes: 2"


def test_a_network_of_five_channels(photos, read, rejected, tmp_path):
    with rejected() as found:
        read(photos(*SPLIT), shape=(5, 6, 6))
    assert [d.code.id for d in found] == ["AB617"]
    assert list((tmp_path / "data").iterdir()) == []


@pytest.fixture
def corrupt(photos) -> Path:
    """Five images, two of which are damaged: one is cut off, one is text."""
    folder = photos(*SPLIT)
    noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)
    Image.fromarray(noise).save(folder / "train" / "cat" / "b.jpg")
    whole = (folder / "train" / "cat" / "b.jpg").read_bytes()
    (folder / "train" / "cat" / "b.jpg").write_bytes(whole[: len(whole) // 3])
    (folder / "test" / "dog" / "d.bmp").write_text("no image")
    paint(folder / "test" / "dog" / "e.png", 9)
    return folder


def test_corrupt_images_are_named(corrupt, read, rejected, tmp_path):
    with rejected() as found:
        read(corrupt)
    assert [(d.code.id, d.span.line) for d in found] == [("AB619", 1)]
    assert "2 of 6 image files cannot be read: train/cat/b.jpg (" in found[0].message
    assert "test/dog/d.bmp (it is no image)" in found[0].message
    assert "--skip-corrupt" in found[0].hint
    assert list((tmp_path / "data").iterdir()) == []


def test_many_corrupt_images_are_counted(photos, read, rejected):
    folder = photos(*(f"{name}/{number}.png" for name in ("cat", "dog") for number in range(8)))
    for number in range(7):
        (folder / "dog" / f"{number}.png").write_bytes(b"")
    with rejected() as found:
        read(folder)
    assert "7 of 16 image files" in found[0].message and found[0].message.endswith("and 2 more")


def test_skip_corrupt_leaves_them_out_and_counts_them(corrupt, read, tmp_path, capsys):
    file = tmp_path / "net.yaml"
    network = "network: [conv: {out: 4}, gap, classifier]"
    file.write_text(f"input: [3, 6, 5]\nclasses: 2\n{network}\ndata: {{dataset: {corrupt}, batch_size: 2}}\n")
    assert main(["data", "prepare", str(file), "--data-dir", str(tmp_path / "data")]) == 1
    assert "AB619" in capsys.readouterr().err
    assert main(["data", "prepare", str(file), "--skip-corrupt", "--data-dir", str(tmp_path / "data")]) == 0
    assert "2 + 2 images of 2 classes, 2 unreadable files left out" in capsys.readouterr().out
    splits = read(corrupt)  # what has been prepared is taken as it is
    assert levels(splits.train) == [(0, 0), (2, 1)]
    assert levels(splits.test) == [(3, 0), (9, 1)]
    assert main(["data", "list", "--data-dir", str(tmp_path / "data")]) == 0
    assert "2 unreadable files left out" in capsys.readouterr().out


def test_a_class_without_an_image_that_can_be_read_is_not_left_out(photos, tmp_path, section, rejected):
    folder = photos(*SPLIT)
    for path in (folder / "test").glob("*"):
        for file in path.glob("*"):
            file.write_text("broken")
    with rejected() as found:
        ready(section(f"dataset: {folder}"), SHAPE, 2, data_dir=tmp_path / "data", skip_corrupt=True)
    assert [each.code.id for each in found] == ["AB618", "AB618"]
    assert [each.message.partition(" in ")[0] for each in found] == [
        "no test image of test/cat",
        "no test image of test/dog",
    ]
    assert not list((tmp_path / "data").iterdir())


def test_a_disk_that_cannot_be_written(photos, section, rejected, tmp_path):
    (tmp_path / "file").write_text("")
    with rejected() as found:
        load(section(f"dataset: {photos(*SPLIT)}"), SHAPE, 2, data_dir=tmp_path / "file" / "data")
    assert [(d.code.id, d.code.exit_status) for d in found] == [("AB610", 2)]


def test_a_batch_larger_than_the_data_set(photos, read, rejected):
    with rejected() as found:
        read(photos(*SPLIT), "batch_size: 4")
    assert [(d.code.id, d.span.line) for d in found] == [("AB620", 2)]
    assert "batch_size: 4 is more than the number of training images, 3" in found[0].message
    assert len(read(photos(*SPLIT), "").train) == 3  # the default takes what there is


def test_nothing_is_read_while_a_file_is_checked():
    """`archbuilder check` says nothing of a folder: it may be on another machine."""
    assert Data(dataset="./nowhere").dataset == "./nowhere"
