"""What the tests of data share: a section read from YAML, small images, codes of what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from archbuilder.data.arrays import Images
from archbuilder.diagnostics import ArchbuilderError, Diagnostic
from archbuilder.document.parser import parse
from archbuilder.schema.env import Env
from archbuilder.schema.model import validate
from archbuilder.spec.data import Data

Section = Callable[..., Data]


@pytest.fixture
def section() -> Section:
    """section("dataset: digits", "holes: 1 ...") -> Data; raises ArchbuilderError where the text is wrong."""

    def read(text: str, *augment: str, file: str = "net.yaml") -> Data:
        lines = ["augment:", *(f"  - {line}" for line in augment)] if augment else []
        env = Env()
        data = validate(Data, parse("\n".join([text, *lines, ""]), file).root, env)
        if env.diagnostics:
            raise ArchbuilderError(*env.diagnostics)
        assert isinstance(data, Data)
        return data

    return read


@pytest.fixture
def photos() -> Images:
    """203 images of noise, 32x32 in colour, 10 classes."""
    random = np.random.default_rng(7)
    return Images(random.integers(0, 256, (203, 32, 32, 3), np.uint8), np.arange(203, dtype=np.int64) % 10)


@pytest.fixture
def rejected() -> Callable[[], object]:
    """`with rejected() as found:` gathers the diagnostics of the ArchbuilderError that must come."""

    @contextmanager
    def catch() -> Iterator[list[Diagnostic]]:
        found: list[Diagnostic] = []
        with pytest.raises(ArchbuilderError) as caught:
            yield found
        found += caught.value.diagnostics

    return catch
