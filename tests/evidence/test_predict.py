"""`archbuilder predict`: any image file, each answered or named, and the answer is the network's own."""

from __future__ import annotations

import json
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from archbuilder.cli import main
from archbuilder.data.decoding import FORMATS, picture
from archbuilder.diagnostics import ArchbuilderError
from archbuilder.trained.evaluation import predictions
from archbuilder.trained.open import Run
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
        best = answer["guesses"][0]
        assert best["name"] == str(found.predicted[index])
        assert best["probability"] == pytest.approx(found.sureness[index], abs=1e-6)
        assert -np.log(shares[str(found.labels[index])]) == pytest.approx(found.losses[index], abs=1e-5)
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
    assert err.count("PNG, JPEG, WebP, AVIF") == 2
    assert err.count(f"it is relative to the current folder, {Path.cwd()}") == 1
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


@pytest.mark.parametrize("name", ["image.png", "image.tif", "image.jp2", "image.pgm"])
@pytest.mark.parametrize("brightest", [200, 20_000, 65_535])
def test_sixteen_bits_are_scaled_by_their_depth_and_not_by_what_is_in_them(name: str, brightest: int, tmp_path: Path):
    levels = np.linspace(0, brightest, 64).round().astype(np.uint16).reshape(8, 8)
    Image.fromarray(levels).save(tmp_path / name)
    found = picture(tmp_path / name, (1, 8, 8))[0][..., 0]
    assert np.abs(found.astype(int) - (levels / 257).round()).max() <= (1 if name.endswith("jp2") else 0)


@pytest.mark.parametrize("levels", [np.float32([[0, 0.5], [0.9, 1]]), np.float32([[-3, 9]]), np.int32([[0, 60_000]])])
def test_numbers_that_are_no_levels_are_refused_instead_of_guessed(levels: np.ndarray, tmp_path: Path):
    Image.fromarray(levels).save(tmp_path / "image.tif")
    with pytest.raises(ArchbuilderError) as caught:
        picture(tmp_path / "image.tif", (1, 8, 8))
    (found,) = caught.value.diagnostics
    assert found.code.id == "AB616" and "not from 0 to 255" in found.message and "8 or 16 bits" in found.hint


POSTSCRIPT = b"""%!PS-Adobe-3.0 EPSF-3.0
%%BoundingBox: 0 0 8 8
%%EndComments
(touched) (w) file closefile
showpage
"""


def test_no_other_program_is_started_for_an_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Pillow goes by the content, and gives PostScript to Ghostscript, whatever the file's name is."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("subprocess.check_call", lambda *a, **k: pytest.fail("a program was started"))
    monkeypatch.setattr("subprocess.Popen", lambda *a, **k: pytest.fail("a program was started"))
    (tmp_path / "0.png").write_bytes(POSTSCRIPT)
    with pytest.raises(ArchbuilderError, match="AB616 this cannot be read: it is no image"):
        picture(tmp_path / "0.png", (1, 8, 8))
    assert [path.name for path in tmp_path.iterdir()] == ["0.png"]


@pytest.mark.parametrize("form", sorted(FORMATS))
def test_every_format_that_is_offered_is_read(form: str, tmp_path: Path):
    path = tmp_path / "image"
    try:
        Image.fromarray(RAMP).convert("RGB").save(path, format=form)
    except KeyError:
        pytest.skip(f"this Pillow has no {form}")
    assert picture(path, (3, 8, 8))[1] == (8, 8)


def test_warnings_stay_as_they_were(tmp_path: Path):
    """Their filters belong to all threads: those that read images leave them alone."""
    Image.fromarray(RAMP).save(tmp_path / "image.png")
    before = list(warnings.filters)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: picture(tmp_path / "image.png", (1, 8, 8)), range(200)))
    assert list(warnings.filters) == before


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
