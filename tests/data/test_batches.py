"""Batches: every image once, in a different order each epoch, the same for the same seed, whatever makes them."""

from __future__ import annotations

import multiprocessing
import pickle
import random
import subprocess
import sys
from multiprocessing import forkserver

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from archbuilder.data import augmented_batches
from archbuilder.data.arrays import Images, statistics
from archbuilder.data.augment import Augmenter
from archbuilder.data.augmented_batches import PerImage, Workers
from archbuilder.data.batches import TrainBatches, batch_count, batch_sizes, eval_batches

AUGMENT = [
    "horizontal_flip",
    "shift_scale_rotate: {shift: 0.0625, scale: 0.1, rotate: 15}",
    "coarse_dropout: {max_holes: 1, max_height: 16, max_width: 16, fill_value: mean}",
]


@pytest.fixture(params=["albumentations", "tensor"])
def epoch(photos, section, request):
    """epoch(number, ...) -> all images and labels of one epoch's batches, joined; by each engine."""
    mean, std = statistics(photos.images)

    def run(number, augment=AUGMENT, text="batch_size: 32", seed=0, images=photos):
        spec = section(f"dataset: cifar10\nengine: {request.param}\n{text}", *augment)
        batches = list(TrainBatches(images, spec, mean=mean, std=std, seed=seed).epoch(number))
        return torch.cat([x for x, _ in batches]), torch.cat([y for _, y in batches])

    return run


def same(a: tuple[torch.Tensor, ...], b: tuple[torch.Tensor, ...]) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


def test_two_runs_agree_and_epochs_and_seeds_differ(epoch):
    first = epoch(1)
    assert same(first, epoch(1))
    for other in (epoch(2), epoch(1, seed=1)):
        assert not torch.equal(first[1], other[1])
        # the very same picture may come twice only where no augmentation struck in both epochs: 1 in 64
        pictures = {x.numpy().tobytes() for x in first[0]} & {x.numpy().tobytes() for x in other[0]}
        assert len(pictures) < 20


def test_an_epoch_does_not_depend_on_those_before(epoch):
    run = [epoch(number) for number in range(4)]
    assert same(run[3], epoch(3))


@pytest.mark.parametrize("workers", [1, 3])
def test_workers_make_the_same_batches(epoch, workers):
    for number in (0, 1):
        assert same(epoch(number), epoch(number, text=f"batch_size: 32\nworkers: {workers}"))


@pytest.fixture
def train(photos, section):
    """train("engine: tensor", ...) -> TrainBatches of the photos."""
    mean, std = statistics(photos.images)

    def make(text, augment=AUGMENT, **more):
        return TrainBatches(photos, section(f"dataset: cifar10\n{text}", *augment), mean=mean, std=std, seed=0, **more)

    return make


def test_the_same_workers_make_every_epoch(train):
    """In any order, begun again in the middle, and after an epoch that was given up."""
    alone, batches = train("batch_size: 32"), train("batch_size: 32\nworkers: 2")
    before = set(multiprocessing.active_children())
    abandoned = batches.epoch(5)
    next(abandoned)
    workers = set(multiprocessing.active_children()) - before
    assert len(workers) == 2
    abandoned.close()
    for number, first in ((0, 0), (1, 3), (0, 0)):
        ours, theirs = list(batches.epoch(number, first)), list(alone.epoch(number, first))
        assert len(ours) == len(theirs) == 7 - first
        assert all(same(a, b) for a, b in zip(ours, theirs, strict=True))
    assert set(multiprocessing.active_children()) - before == workers


SERVED = """\
import multiprocessing
from pathlib import Path
import numpy as np
from archbuilder.data.arrays import Images
from archbuilder.data.augment import Augmenter
from archbuilder.data.augmented_batches import PerImage, Workers

multiprocessing.set_start_method("forkserver")
workers = Workers(PerImage(Images(np.zeros((4, 8, 8, 3), np.uint8), np.arange(4)), Augmenter([], (0, 0, 0), 0)), 2)
print([labels.tolist() for _, labels in workers.batches(0, [np.arange(2), np.arange(2, 4)])])
parents = {Path(f"/proc/{child.pid}/stat").read_text().split()[3] for child in multiprocessing.active_children()}
print(["libtorch" in Path(f"/proc/{parent}/maps").read_text() for parent in parents])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_what_a_program_has_its_server_import_stays(photos, monkeypatch):
    monkeypatch.setattr(multiprocessing, "get_start_method", lambda: "forkserver")
    monkeypatch.setattr(forkserver._forkserver, "_preload_modules", ["json", "__main__"])
    for _ in range(2):
        Workers(PerImage(photos, Augmenter([], (0, 0, 0), 0)), 1)
    assert forkserver._forkserver._preload_modules == ["json", "__main__", "archbuilder.data.augmented_batches"]


def test_workers_from_a_server_find_torch_imported():
    """So starts every worker from Python 3.14 on; torch is imported once, not by each of them."""
    found = subprocess.run([sys.executable, "-c", SERVED], capture_output=True, text=True, check=True)
    assert found.stdout == "[[0, 1], [2, 3]]\n[True]\n"


@pytest.mark.parametrize("engine", ["albumentations", "tensor"])
def test_an_epoch_can_begin_at_any_batch(train, engine):
    batches = train(f"engine: {engine}\nbatch_size: 32")
    whole = list(batches.epoch(2))
    assert len(whole) == len(batches) == 7
    for first in (3, 6, 7):
        rest = list(batches.epoch(2, first))
        assert len(rest) == 7 - first
        assert all(same(a, b) for a, b in zip(rest, whole[first:], strict=True))


def test_images_that_stay_on_the_device_make_the_same_batches(train, photos, monkeypatch):
    expected = list(train("engine: tensor\nbatch_size: 32").epoch(3))
    monkeypatch.setattr(augmented_batches, "fits", lambda size, device: size == photos.images.nbytes)
    resident = train("engine: tensor\nbatch_size: 32")
    photos.images[:] = 0  # a copy is used, which augmentation leaves as it is
    for _ in range(2):
        assert all(same(a, b) for a, b in zip(resident.epoch(3), expected, strict=True))


@pytest.mark.parametrize("engine", ["albumentations", "tensor"])
@pytest.mark.parametrize("world", [2, 3])
def test_several_processes_share_each_batch(train, engine, world):
    text = f"engine: {engine}\nbatch_size: 50"  # 203 images: 3 are over, too few for two processes to get two each
    whole = list(train(text).epoch(4))
    parts = [list(train(text, shard=(rank, world)).epoch(4)) for rank in range(world)]
    assert [len(part) for part in parts] == [4] * world
    for together, *pieces in zip(whole[:4], *parts, strict=True):
        assert max(len(y) for _, y in pieces) - min(len(y) for _, y in pieces) <= 1
        assert same(together, tuple(map(torch.cat, zip(*pieces, strict=True))))


def test_a_fresh_process_makes_the_same_batches(photos, section):
    """Where processes are not forked, the source travels as a pickle."""
    source = PerImage(photos, Augmenter(section("dataset: cifar10", *AUGMENT).augment, (1, 2, 3), seed=0))
    item = 4, np.arange(3, 60, 4)
    expected = source[item]
    assert same(expected, pickle.loads(pickle.dumps(source))[item])


def test_the_batch_size_changes_no_picture(epoch):
    small, large = epoch(1, text="batch_size: 7"), epoch(1, text="batch_size: 203")
    assert same(small, large)


def test_every_image_once(epoch, photos):
    x, labels = epoch(0, augment=())
    mean, std = (torch.tensor(values).view(-1, 1, 1) for values in statistics(photos.images))
    pixels = (x * std + mean).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
    order = {image.tobytes(): index for index, image in enumerate(photos.images)}
    indices = [order[image.tobytes()] for image in pixels]
    assert sorted(indices) == list(range(203))
    assert indices != sorted(indices)
    assert labels.tolist() == photos.labels[indices].tolist()


def test_no_other_random_numbers_are_used_or_drawn(epoch):
    torch.manual_seed(1)
    random.seed(1)
    np.random.seed(1)
    first = [epoch(1, text=f"batch_size: 32\nworkers: {workers}") for workers in (0, 2)]
    after = torch.rand(1), random.random(), np.random.random()
    torch.manual_seed(1)
    random.seed(1)
    np.random.seed(1)
    assert after == (torch.rand(1), random.random(), np.random.random())
    assert same(first[0], first[1])


def test_training_images_are_normalised(epoch):
    x, _ = epoch(0, augment=())
    assert x.dtype == torch.float32
    assert x.mean((0, 2, 3)).tolist() == pytest.approx([0, 0, 0], abs=1e-4)
    assert x.std((0, 2, 3)).tolist() == pytest.approx([1, 1, 1], abs=1e-4)


def test_without_normalisation_pixels_are_0_to_1(photos, section):
    spec = section("dataset: cifar10\nnormalize: false")
    for batches in (
        TrainBatches(photos, spec, mean=(1, 2, 3), std=(4, 5, 6), seed=0).epoch(0),
        eval_batches(photos, spec, mean=(1, 2, 3), std=(4, 5, 6)),
    ):
        x = torch.cat([x for x, _ in batches])
        assert (x.min().item(), x.max().item()) == (0.0, 1.0)


def test_evaluation_is_in_order_and_not_augmented(photos, section):
    mean, std = statistics(photos.images)
    spec = section("dataset: cifar10\nbatch_size: 50", "horizontal_flip: 1")
    batches = list(eval_batches(photos, spec, mean=mean, std=std))
    assert [len(labels) for _, labels in batches] == [50, 50, 50, 50, 3]
    expected = (photos.images.astype(np.float64) - mean) / std
    found = torch.cat([x for x, _ in batches]).permute(0, 2, 3, 1).numpy()
    assert np.abs(found - expected).max() < 1e-5
    assert torch.cat([y for _, y in batches]).tolist() == photos.labels.tolist()
    one = list(eval_batches(photos, spec, mean=mean, std=std, batch_size=202))
    assert [len(labels) for _, labels in one] == [202, 1]


@pytest.mark.parametrize("channels_last", [True, False])
def test_memory_format(photos, section, channels_last):
    spec = section("dataset: cifar10", "horizontal_flip")
    batches = TrainBatches(photos, spec, mean=(0,) * 3, std=(1,) * 3, seed=0, channels_last=channels_last)
    x, y = next(batches.epoch(0))
    assert x.shape == (128, 3, 32, 32)
    assert y.dtype == torch.int64
    assert x.is_contiguous(memory_format=torch.channels_last) == channels_last
    assert x.is_contiguous() != channels_last


@pytest.mark.parametrize(("world", "batch_size"), [(1, 50), (2, 50), (3, 7), (5, 300)])
def test_several_processes_evaluate_every_image_once(photos, section, world, batch_size):
    spec = section(f"dataset: cifar10\nbatch_size: {batch_size}")
    shards = [list(eval_batches(photos, spec, mean=(0,) * 3, std=(1,) * 3, shard=(r, world))) for r in range(world)]
    assert max(len(y) for shard in shards for _, y in shard) <= batch_size
    found = [torch.cat([part[side] for shard in shards for part in shard]) for side in (0, 1)]
    assert same(found, next(eval_batches(photos, spec, mean=(0,) * 3, std=(1,) * 3, batch_size=203)))


def test_more_processes_than_images(section):
    two = Images(np.zeros((2, 1, 1, 1), np.uint8), np.zeros(2, np.int64))
    spec = section("dataset: cifar10")
    counts = [len(list(eval_batches(two, spec, mean=[0], std=[1], shard=(rank, 4)))) for rank in range(4)]
    assert counts == [1, 1, 0, 0]


@given(images=st.integers(0, 60), batch_size=st.integers(1, 20), world=st.integers(1, 4))
def test_batch_sizes(images, batch_size, world):
    sizes = batch_sizes(images, batch_size, world)
    assert len(sizes) == batch_count(images, batch_size, world)
    assert set(sizes[:-1]) <= {batch_size}
    left_out = images - sum(sizes)
    assert 0 <= left_out < min(batch_size, 2 * world)
    assert all(size == batch_size or size >= 2 * world for size in sizes)


@given(images=st.integers(0, 40), batch_size=st.integers(1, 9))
def test_only_a_last_batch_of_one_image_is_left_out(images, batch_size):
    from archbuilder.spec.data import Data

    spec = Data(dataset="digits", batch_size=batch_size)
    data = Images(np.zeros((images, 1, 1, 1), np.uint8), np.zeros(images, np.int64))
    sizes = [len(y) for _, y in TrainBatches(data, spec, mean=[0], std=[1], seed=0).epoch(0)]
    assert len(sizes) == batch_count(images, batch_size)
    full, rest = divmod(images, batch_size)
    assert sizes == [batch_size] * full + ([rest] if rest > 1 else [])


def test_memory_mapped_images_are_read_without_a_warning(photos, section, tmp_path, recwarn):
    np.save(tmp_path / "x.npy", photos.images)
    np.save(tmp_path / "y.npy", photos.labels)
    mapped = Images(np.load(tmp_path / "x.npy", mmap_mode="r"), np.load(tmp_path / "y.npy", mmap_mode="r"))
    spec = section("dataset: cifar10", *AUGMENT)
    levels = {"mean": (1, 2, 3), "std": (4, 5, 6)}
    for batches in (
        lambda x: TrainBatches(x, spec, seed=0, **levels).epoch(0),
        lambda x: eval_batches(x, spec, **levels),
    ):
        plain, from_file = list(batches(photos)), list(batches(mapped))
        assert all(same(a, b) for a, b in zip(plain, from_file, strict=True))
    assert not [warning for warning in recwarn if "writable" in str(warning.message)]
