"""What to know of a data set before a network is trained on it: what is legal, and seldom meant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from archbuilder.data.arrays import AT_ONCE, Images, Splits

NAMED = 5  # classes that are named
MOST_BYTES = 2 * 2**30  # of images that are compared with each other: a second of reading


def remarks(splits: Splits) -> Iterator[str]:
    """Sentences, each about one thing; none where all is as expected."""
    yield from splits.notes
    yield from _classes(splits)
    if splits.train.images.nbytes + splits.test.images.nbytes <= MOST_BYTES:
        yield from _flat(splits)
        yield from _known(splits)


def _classes(splits: Splits) -> Iterator[str]:
    """Classes without a training image: an output that learns nothing but to be low."""
    count = len(splits.class_names)
    trained, tested = (set(np.unique(part.labels).tolist()) for part in (splits.train, splits.test))
    missing = [number for number in range(count) if number not in trained]
    if not missing:
        return
    names = _some([splits.class_names[number] for number in missing])
    found = f"{len(missing)} of {count} classes {_has(len(missing))} no training image: {names}"
    lost = int(np.isin(splits.test.labels, [number for number in missing if number in tested]).sum())
    if lost:
        yield f"{found}; {lost:,} of {len(splits.test):,} test images are of these classes and cannot be right"
    else:
        yield f"{found}; is classes: {count} intended?"


def _flat(splits: Splits) -> Iterator[str]:
    """Images of one colour: placeholders, or levels that were lost on the way."""
    for name, part in (("training", splits.train), ("test", splits.test)):
        count = sum(int(_is_flat(chunk).sum()) for chunk in _chunks(part))
        if count:
            share = "all" if count == len(part) else f"{count:,} of {len(part):,}"
            yield f"{share} {name} images are completely uniform: are they stored correctly?"


def _is_flat(images: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """(n, h, w, c) -> (n,): whether no pixel of a channel differs from its first."""
    found = (images[:, 0, 0] == images[:, -1, -1]).all(axis=1)  # most are not: look at all pixels of the others
    found[found] = (images[found] == images[found][:, :1, :1]).all(axis=(1, 2, 3))
    return np.asarray(found)


def _known(splits: Splits) -> Iterator[str]:
    """Test images that are training images, too: the network may know their answers by heart."""
    trained = {hash(image) for image in _bytes(splits.train)}
    count = sum(hash(image) in trained for image in _bytes(splits.test))
    if count:
        share = "all" if count == len(splits.test) else f"{count:,} of {len(splits.test):,}"
        yield f"{share} test images are also training images, pixel for pixel: accuracy on them means less"


def _bytes(part: Images) -> Iterator[bytes]:
    return (image.tobytes() for chunk in _chunks(part) for image in chunk)


def _chunks(part: Images) -> Iterator[NDArray[np.uint8]]:
    return (part.images[start : start + AT_ONCE] for start in range(0, len(part), AT_ONCE))


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")


def _has(count: int) -> str:
    return "has" if count == 1 else "have"
