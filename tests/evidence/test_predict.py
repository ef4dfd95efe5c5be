"""`archbuilder predict`: any image file, each answered or named, and the answer is the network's own."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from archbuilder.cli import main
from archbuilder.data.pictures import picture
from archbuilder.training.evaluation import predictions
from archbuilder.training.runs import Run
from tests.evidence.conftest import CPU

ALONE = ["--device", "cpu", "--threads", "1"]


def predict(run: Run, capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, list[dict], str]:
    """Exit status, answers, and what went to standard error."""
    status = main(["predict", str(run.path), *map(str, arguments), "--format", "json", *ALONE])
    said = capsys.readouterr()
    return status, json.loads(said.out)["answers"], said.err


def saved(run: Run, index: int, path: Path) -> Path:
    Image.fromarray(run.splits.test.images[index][..., 0]).save(path)
    return path


def test_an_image_of_the_test_split_gets_the_answer_of_the_evaluation(run: Run, tmp_path: Path, capsys):
    found = predictions(run.network(), run.splits.test, run.plan.data, run.card.mean, run.card.std, CPU)
    paths = [saved(run, index, tmp_path / f"{index}.png") for index in range(70)]  # more than are read at once
    status, answers, err = predict(run, capsys, *paths, "--top", 10)
    assert status == 0 and err == "" and [answer["path"] for answer in answers] == list(map(str, paths))
    for index, answer in enumerate(answers):
        shares = {guess["name"]: guess["probability"] for guess in answer["guesses"]}
        assert [shares[str(number)] for number in range(10)] == pytest.approx(found.probabilities[index], abs=1e-6)
        assert list(shares.values()) == sorted(shares.values(), reverse=True)


def test_five_classes_are_shown_with_their_names(run: Run, tmp_path: Path, capsys):
    path = saved(run, 3, tmp_path / "digit.png")
    assert main(["predict", str(run.path), str(path), *ALONE]) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert head == f"{path} (8x8)" and len(lines) == 5
    assert all(line.endswith(tuple("0123456789")) and " %  " in line for line in lines)


def test_what_cannot_be_read_is_named_and_the_others_go_on(run: Run, tmp_path: Path, capsys):
    good = saved(run, 0, tmp_path / "good.png")
    torn = tmp_path / "torn.png"
    torn.write_bytes(good.read_bytes()[:60])
    words = tmp_path / "words.jpg"
    words.write_text("no image at all")
    missing = tmp_path / "missing.png"
    status, answers, err = predict(run, capsys, torn, good, words, tmp_path, missing, good)
    assert status == 1 and [Path(answer["path"]) for answer in answers] == [good, good]
    assert err.count("AB616") == 4 and all(str(path) in err for path in (torn, words, missing, tmp_path))
    assert err.count("any file that Pillow reads") == 2
    assert err.count(f"it counts from the current folder, {Path.cwd()}") == 1
    assert err.count(f"name the image files in it: {tmp_path / '*'}") == 1


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path, capsys):
    assert main(["predict", str(tmp_path), "image.png"]) == 2
    assert "AB702" in capsys.readouterr().err


def test_the_best_weights_can_be_asked_for(run: Run, tmp_path: Path, capsys):
    path = saved(run, 0, tmp_path / "digit.png")
    assert predict(run, capsys, path, "--weights", "best")[0] == 0


# what an image file becomes

RAMP = np.linspace(0, 255, 64).round().astype(np.uint8).reshape(8, 8)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "LA", "I;16", "I", "F", "CMYK"])
def test_every_mode_shows_the_same_picture(mode: str, tmp_path: Path):
    levels = Image.fromarray(RAMP)
    image = Image.fromarray(RAMP.astype(np.uint16) * 257) if mode == "I;16" else levels.convert(mode)
    path = tmp_path / ("image.tif" if mode in ("CMYK", "F", "I") else "image.png")
    image.save(path)
    for channels in (1, 3):
        pixels, size = picture(path, (channels, 8, 8))
        assert pixels.shape == (8, 8, channels) and size == (8, 8)
        assert np.abs(pixels.astype(int) - RAMP[..., None]).max() <= 1  # CMYK and luminance round


def test_black_and_white_of_one_bit(tmp_path: Path):
    Image.fromarray(RAMP > 127).save(tmp_path / "image.png")
    assert np.array_equal(picture(tmp_path / "image.png", (1, 8, 8))[0][..., 0], np.where(RAMP > 127, 255, 0))


def transparent(mode: str) -> Image.Image:
    """Black on the left, nothing on the right."""
    if mode == "RGBA":
        layers = np.zeros((8, 8, 4), np.uint8)
        layers[:, :4, 3] = 255
        return Image.fromarray(layers)
    image = Image.fromarray(np.repeat([[0, 0, 0, 0, 1, 1, 1, 1]], 8, axis=0).astype(np.uint8), "P")
    image.putpalette([0, 0, 0, 200, 10, 10])
    image.info["transparency"] = 1
    return image


@pytest.mark.parametrize("mode", ["RGBA", "P"])
def test_a_transparent_image_lies_on_white(mode: str, tmp_path: Path):
    transparent(mode).save(tmp_path / "image.png")
    pixels, _ = picture(tmp_path / "image.png", (3, 8, 8))
    assert (pixels[:, :4] == 0).all() and (pixels[:, 4:] == 255).all()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photograph_is_turned_upright(orientation: int, tmp_path: Path):
    """What a camera stores, made by undoing what a viewer is to do."""
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    image = Image.fromarray(RAMP)
    stored = image.transpose(undo[orientation]) if orientation in undo else image
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / "photo.png", exif=exif)
    assert np.array_equal(picture(tmp_path / "photo.png", (1, 8, 8))[0][..., 0], RAMP)


def test_an_oblong_image_is_cut_around_its_middle_and_not_squeezed(tmp_path: Path):
    pixels = np.zeros((100, 300, 3), np.uint8)
    pixels[:, 100:200] = 255  # a white square in the middle
    Image.fromarray(pixels).save(tmp_path / "wide.png")
    found, size = picture(tmp_path / "wide.png", (3, 8, 8))
    assert size == (300, 100) and (found > 220).all()  # bicubic looks a little over the edge


def test_a_large_image_is_smoothed_before_it_is_scaled(tmp_path: Path):
    """Every other pixel white: without smoothing black or white comes out, with it grey."""
    pixels: NDArray[np.uint8] = np.indices((256, 256)).sum(0).astype(np.uint8) % 2 * 255
    Image.fromarray(pixels).save(tmp_path / "fine.png")
    assert np.abs(picture(tmp_path / "fine.png", (1, 8, 8))[0].astype(int) - 127).max() < 8


def test_an_animation_shows_its_first_frame(tmp_path: Path):
    frames = [Image.fromarray(np.full((8, 8), level, np.uint8)) for level in (10, 250)]
    frames[0].save(tmp_path / "film.gif", save_all=True, append_images=frames[1:])
    assert (picture(tmp_path / "film.gif", (1, 8, 8))[0] == 10).all()
