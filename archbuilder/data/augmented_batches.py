"""Where augmented batches of bytes come from: image by image (in worker processes or here), or batch by batch."""

from __future__ import annotations

import atexit
import multiprocessing
import signal
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol
from weakref import ref

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from archbuilder.data.arrays import Images
from archbuilder.data.augment import Augmenter
from archbuilder.data.tensor import BatchAugmenter

Batch = tuple[Tensor, Tensor]
Chunk = NDArray[np.int64]  # indices of the images of one batch

MAX_SHARE = 0.25  # of the memory that is free on a device: what a data set may take there


class Source(Protocol):
    """Chunks of indices -> augmented uint8 images (b, h, w, c) and their labels (b,), in that order."""

    def batches(self, epoch: int, chunks: Sequence[Chunk]) -> Iterable[Batch]: ...

    def close(self) -> None: ...


class PerBatch:
    """The engine `tensor`: a whole batch at once, on the device; the images stay there if they fit."""

    def __init__(self, images: Images, augmenter: BatchAugmenter, device: torch.device | str) -> None:
        self.images, self.augmenter, self.device = images, augmenter, torch.device(device)
        self._resident: Tensor | None = None
        if fits(images.images.nbytes, self.device):
            self._resident = torch.from_numpy(np.array(images.images, order="C")).to(self.device)

    def batches(self, epoch: int, chunks: Sequence[Chunk]) -> Iterator[Batch]:
        draws = self.augmenter.draws(epoch, len(self.images))
        for chunk in chunks:
            labels = torch.from_numpy(np.asarray(self.images.labels[chunk]))
            yield self.augmenter(self._pixels(chunk), draws, chunk), labels

    def close(self) -> None:
        pass

    def _pixels(self, chunk: Chunk) -> Tensor:
        if self._resident is not None:
            return self._resident.index_select(0, torch.from_numpy(chunk).to(self.device))
        return torch.from_numpy(np.ascontiguousarray(self.images.images[chunk])).to(self.device)


def fits(size: int, device: torch.device) -> bool:
    """Whether a data set of so many bytes is to stay on a device; to a CPU it is near anyway."""
    return device.type == "cuda" and size < MAX_SHARE * torch.cuda.mem_get_info(device)[0]


class PerImage(Dataset[Batch]):
    """The engine `albumentations`, in this process."""

    def __init__(self, images: Images, augmenter: Augmenter) -> None:
        self.images, self.augmenter = images, augmenter
        augmenter.prepare(images.images.shape[1:3])

    def __getitem__(self, item: tuple[int, Chunk]) -> Batch:
        """The batch of (epoch, chunk)."""
        epoch, chunk = item
        pixels = np.asarray(self.images.images[chunk])  # indexing by an array copies
        if self.augmenter.augmentations:
            for place, index in enumerate(chunk.tolist()):
                pixels[place] = self.augmenter(pixels[place], epoch, index)
        return torch.from_numpy(pixels), torch.from_numpy(np.asarray(self.images.labels[chunk]))

    def batches(self, epoch: int, chunks: Sequence[Chunk]) -> Iterator[Batch]:
        return (self[epoch, chunk] for chunk in chunks)

    def close(self) -> None:
        pass


class Workers:
    """The same batches in the same order, made ahead of their use by processes that live as long as the run."""

    def __init__(self, source: PerImage, count: int) -> None:
        _share_imports(source)
        self._items: list[tuple[int, Chunk]] = []  # of the epoch at hand: what a worker gets says which that is
        sampler: Any = self._items  # torch's types expect one index at a time
        self._loader = DataLoader(
            source,
            batch_size=None,
            sampler=sampler,
            num_workers=count,
            persistent_workers=True,
            worker_init_fn=_start_worker,
            generator=torch.Generator(),  # else it draws from the stream that dropout uses
        )
        atexit.register(_close, ref(self))

    def batches(self, epoch: int, chunks: Sequence[Chunk]) -> Iterable[Batch]:
        self._items[:] = [(epoch, chunk) for chunk in chunks]
        return self._loader

    def close(self) -> None:
        """End the processes.  They do not hear SIGTERM, by which the interpreter would end what is left of them."""
        iterator: Any = self._loader._iterator
        if iterator is not None:
            iterator._shutdown_workers()  # torch has no public way


def _share_imports(source: PerImage) -> None:
    """Where workers are forked from a server, as Python 3.14 does on Linux, let that import what each would import:
    torch and albumentations take seconds, and four workers on two cores took 13 s to start instead of 3.

    What a program has set for the server itself stays set; a server that runs already is left as it is.
    """
    if multiprocessing.get_start_method() == "forkserver":
        from multiprocessing.forkserver import _forkserver  # not everywhere

        library = ["albumentations"] if source.augmenter.augmentations else []
        own = getattr(_forkserver, "_preload_modules", ["__main__"])  # Python has no public way
        multiprocessing.set_forkserver_preload(list(dict.fromkeys([*own, __name__, *library])))


def _close(workers: ref[Workers]) -> None:
    found = workers()
    if found is not None:
        found.close()


def _start_worker(number: int) -> None:
    import cv2

    cv2.setNumThreads(0)  # the workers are the parallelism
    for ending in (signal.SIGINT, signal.SIGTERM):  # the main process answers them, and ends its workers
        signal.signal(ending, signal.SIG_IGN)
