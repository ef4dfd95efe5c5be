"""`load`: digits, .npz files good and bad, the validation split."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from archbuilder.data.datasets import load

SHAPE = (3, 6, 5)


def arrays(train=20, test=10, shape=(6, 5, 3), classes=10):
    random = np.random.default_rng(3)
    return {
        "x_train": random.integers(0, 256, (train, *shape), np.uint8),
        "y_train": np.arange(train) % classes,
        "x_test": random.integers(0, 256, (test, *shape), np.uint8),
        "y_test": np.arange(test) % classes,
    }


@pytest.fixture
def from_npz(section, tmp_path):
    """from_npz(arrays, ...) writes them to a file and loads it as a network of SHAPE would."""

    def save_and_load(content, shape=SHAPE, classes: int | None = 10, text="", seed=0):
        np.savez_compressed(tmp_path / "images.npz", **content)
        spec = section(f"dataset: {tmp_path / 'images.npz'}\n{text}")
        return load(spec, shape, classes, seed=seed)

    return save_and_load


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 32, 32), (2, 5, 28)])
def test_digits(section, shape):
    splits = load(section("dataset: digits"), shape, 10)
    assert splits.train.images.shape == (1442, *shape[1:], shape[0])
    assert splits.test.images.shape == (355, *shape[1:], shape[0])
    assert splits.class_names == tuple("0123456789")
    assert splits.validation is None
    assert np.bincount(splits.train.labels).tolist() == [143, 146, 142, 147, 145, 146, 145, 144, 140, 144]
    assert np.bincount(splits.test.labels).tolist() == [35, 36, 35, 36, 36, 36, 36, 35, 34, 36]
    assert (splits.train.images == splits.train.images[..., :1]).all()
    assert splits.train.images.max() == 255
    assert splits.mean == pytest.approx(splits.train.images.mean((0, 1, 2)))


def test_digits_keep_their_ink_at_their_own_size(section):
    images = load(section("dataset: digits"), (1, 8, 8), None).train.images
    assert set(np.unique(images)) <= {round(255 * ink / 16) for ink in range(17)}
    first_zero = np.array([0, 0, 5, 13, 9, 1, 0, 0]) * 255 / 16  # the top row of the collection's first image
    assert images[0, 0, :, 0].tolist() == np.rint(first_zero).tolist()


@pytest.mark.parametrize("shape", [(6, 5, 3), (3, 6, 5)])
def test_npz_with_channels_last_or_first(from_npz, shape):
    content = arrays(shape=shape)
    splits = from_npz(content)
    expected = content["x_train"] if shape[2] == 3 else content["x_train"].transpose(0, 2, 3, 1)
    assert np.array_equal(splits.train.images, expected)
    assert np.array_equal(splits.test.labels, content["y_test"])
    assert splits.mean == pytest.approx(expected.mean((0, 1, 2)))
    assert splits.class_names == tuple("0123456789")


def test_npz_of_grey_images_and_keras_labels(from_npz):
    content = arrays(shape=(6, 5))
    content["y_train"] = content["y_train"].astype(np.uint8)[:, None]
    splits = from_npz(content, shape=(1, 6, 5), classes=None)
    assert splits.train.images.shape == (20, 6, 5, 1)
    assert splits.train.labels.dtype == np.int64
    assert splits.train.labels.shape == (20,)
    assert len(splits.class_names) == 10


def test_a_relative_path_counts_from_the_yaml_file_then_from_here(section, tmp_path, monkeypatch):
    (tmp_path / "nets").mkdir()
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    spec = section("dataset: images.npz", file=str(tmp_path / "nets" / "a.yaml"))
    np.savez(tmp_path / "here" / "images.npz", **arrays(train=11))
    assert len(load(spec, SHAPE, 10).train) == 11
    np.savez(tmp_path / "nets" / "images.npz", **arrays(train=12))
    assert len(load(spec, SHAPE, 10).train) == 12


def bad(**changes):
    content = {**arrays(), **changes}
    return {name: array for name, array in content.items() if array is not None}


@pytest.mark.parametrize(
    ("content", "code", "words", "remedy"),
    [
        (bad(x_test=None, y_test=None), "AB605", "has no x_test, y_test", "needs x_train, y_train, x_test and y_test"),
        (bad(x_train=np.zeros((20, 6, 5, 3))), "AB605", "float64 [20, 6, 5, 3], images are uint8", "astype"),
        (bad(x_train=np.full((20, 6, 5, 3), 0.5)), "AB605", "float64", "(255 * x_train).round().astype(numpy.uint8)"),
        (bad(x_train=np.full((20, 6, 5, 3), 99.0)), "AB605", "float64", "store x_train.round().astype(numpy.uint8)"),
        (bad(x_train=np.full((20, 6, 5, 3), -1.5)), "AB605", "float64", "before normalisation"),
        (bad(x_train=np.full((20, 6, 5, 3), np.nan)), "AB605", "float64", "before normalisation"),
        (bad(x_test=np.full((10, 6, 5, 3), 999, np.uint16)), "AB605", "uint16", "(x_test // 257).astype(numpy.uint8)"),
        (bad(x_test=np.full((10, 6, 5, 3), 9, np.int64)), "AB605", "int64", "store x_test.round().astype(numpy.uint8)"),
        (bad(x_test=np.ones((10, 6, 5, 3), bool)), "AB605", "bool", "255 * x_test.astype(numpy.uint8)"),
        (bad(x_train=np.zeros((20, 90), np.uint8)), "AB605", "images are (n, h, w, c)", "reshape"),
        (bad(x_test=np.zeros((0, 6, 5, 3), np.uint8), y_test=np.zeros(0, int)), "AB605", "x_test", "reshape"),
        (bad(y_train=np.zeros(20)), "AB605", "labels are whole numbers", "astype(numpy.int64)"),
        (bad(y_train=np.zeros((20, 10), int)), "AB605", "labels are (n,)", "number per image: y_train.argmax(1)"),
        (bad(y_test=np.zeros((10, 10))), "AB605", "labels are (n,)", "number per image: y_test.argmax(1)"),
        (bad(y_test=np.zeros((10, 2, 2))), "AB605", "labels are (n,)", "store one class number per image"),
        (bad(y_train=np.array(["cat"] * 20)), "AB605", "labels are whole numbers", "return_inverse=True"),
        (bad(y_train=np.array([b"cat"] * 20)), "AB605", "labels are whole numbers", "return_inverse=True"),
        (bad(y_train=np.zeros(19, int)), "AB605", "20 images, y_train has 19 labels", "one label per image"),
        (bad(y_train=np.arange(20)), "AB606", "labels from 0 to 19, classes: 10 takes 0 to 9", "set classes: 20"),
        (bad(y_train=np.arange(20) % 10 + 1), "AB606", "labels from 1 to 10", "subtract 1"),
        (bad(y_test=np.arange(10) - 1), "AB606", "labels from -1 to 8", "from 0"),
        (bad(y_test=np.array([None] * 10)), "AB604", "Python objects", "savez"),
        (
            arrays(shape=(6, 5, 1)),
            "AB601",
            "[20, 6, 5, 1], but the network takes images of [3, 6, 5]",
            "input: [1, 6, 5]",
        ),
        (arrays(shape=(9, 5, 3)), "AB601", "[20, 9, 5, 3]", "set input: [3, 9, 5]"),
        (arrays(shape=(3, 9, 5)), "AB601", "[20, 3, 9, 5]", "set input: [3, 9, 5]"),
        (arrays(shape=(6, 5)), "AB601", "[20, 6, 5]", "set input: [1, 6, 5]"),
    ],
)
def test_a_bad_npz(from_npz, rejected, content, code, words, remedy):
    with rejected() as found:
        from_npz(content)
    assert found[0].code.id == code
    assert words in found[0].message
    assert remedy in found[0].hint
    assert (found[0].span.file, found[0].span.line) == ("net.yaml", 1)


def test_every_problem_of_a_file_is_told(from_npz, rejected):
    with rejected() as found:
        from_npz(bad(x_test=None, x_train=np.zeros((20, 6, 5, 3)), y_train=np.zeros(3)))
    assert [d.code.id for d in found] == ["AB605"] * 4


@pytest.mark.parametrize(("flags", "method", "words"), [(1, 0, "it is encrypted"), (0, 99, "not supported")])
def test_zip_members_that_python_cannot_open(section, rejected, tmp_path, flags, method, words):
    """Bits of the archive's two headers of each member: encrypted, or packed by another method."""
    np.savez(tmp_path / "images.npz", **arrays())
    data = bytearray((tmp_path / "images.npz").read_bytes())
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = data.find(mark)
        while start >= 0:
            data[start + at] |= flags
            data[start + at + 2] = method or data[start + at + 2]
            start = data.find(mark, start + 4)
    (tmp_path / "images.npz").write_bytes(data)
    with rejected() as found:
        load(section(f"dataset: {tmp_path / 'images.npz'}"), SHAPE, 10)
    assert found[0].code.id == "AB604" and words in found[0].message


def test_files_that_cannot_be_read(section, rejected, tmp_path):
    np.savez_compressed(tmp_path / "good.npz", **arrays())
    whole = (tmp_path / "good.npz").read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 3] ^= 0xFF
    contents = {"cut": whole[: len(whole) // 2], "text": b"not a zip", "empty": b"", "flipped": bytes(flipped)}
    for name, content in contents.items():
        (tmp_path / f"{name}.npz").write_bytes(content)
    np.save(tmp_path / "single.npy", np.zeros(3))
    (tmp_path / "single.npy").rename(tmp_path / "single.npz")
    (tmp_path / "folder.npz").mkdir()
    codes = {"single": "AB604", "folder": "AB603", "absent": "AB603", **dict.fromkeys(contents, "AB604")}
    for name, code in codes.items():
        with rejected() as found:
            load(section(f"dataset: {tmp_path / name}.npz"), SHAPE, 10)
        assert [d.code.id for d in found] == [code], name
        assert f"{name}.npz" in found[0].message
        assert found[0].hint
        assert found[0].code.exit_status == (2 if code == "AB603" else 1)


def test_a_missing_file_is_named_where_it_was_looked_for(section, rejected, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("none.npz", "none"):
        for file, place, start in (
            ("nets/a.yaml", tmp_path / "nets" / name, "the folder of the YAML file"),
            (f"--set data.dataset={name}", tmp_path / name, "the current folder"),
        ):
            with rejected() as found:
                load(section(f"dataset: ./{name}", file=file), SHAPE, 10)
            assert found[0].message == f"{place} does not exist"
            assert f"it is relative to {start}" in found[0].hint


def test_validation_is_cut_from_train(from_npz):
    content = arrays(train=100)
    splits = from_npz(content, text="validation: 0.2", seed=5)
    assert splits.validation is not None
    assert (len(splits.train), len(splits.validation), len(splits.test)) == (80, 20, 10)
    assert np.bincount(splits.validation.labels).tolist() == [2] * 10
    together = np.concatenate([splits.train.images, splits.validation.images])
    assert sorted(map(bytes, together)) == sorted(map(bytes, content["x_train"]))
    again = from_npz(content, text="validation: 0.2", seed=5)
    assert np.array_equal(splits.validation.images, again.validation.images)
    assert not np.array_equal(
        splits.validation.images, from_npz(content, text="validation: 0.2", seed=6).validation.images
    )
    assert splits.mean == from_npz(content).mean


def test_a_validation_split_that_leaves_nothing(from_npz, rejected):
    with rejected() as found:
        from_npz(arrays(), text="validation: 0.001")
    assert found[0].code.id == "AB611"
    assert "0 images" in found[0].message
    assert found[0].span.line == 2


def test_what_does_not_fit_is_told_before_anything_is_read(section, rejected):
    with rejected() as found:
        load(section("dataset: nowhere.npz", "coarse_dropout: {height: 9, width: 9}"), (3, 8, 8), 10)
    assert [d.code.id for d in found] == ["AB602"]


def test_a_warning_stops_nothing(section):
    assert len(load(section("dataset: digits\nengine: tensor\nworkers: 2"), (1, 8, 8), 10).train) == 1442


def test_the_shipped_file_names_its_source():
    import archbuilder.data.digits as digits

    note = Path(digits.FILE).with_suffix(".md").read_text()
    assert "CC BY 4.0" in note
    assert "Optical Recognition of Handwritten Digits" in note
