"""What holds for all tests.

One thread for torch: the networks are so small that more only wait for each other, and two tests run at a time.

Generated cases are the same in every run, so that a red test stays red until it is mended.

`pytest --hypothesis-profile explore` draws new ones; so does `python -m tests.fuzz`.
"""

import os
import sys
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read when torch is first imported

settings.register_profile("default", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("explore", settings.get_profile("default"), derandomize=False, print_blob=True)
settings.load_profile("default")


@pytest.fixture(autouse=True)
def built_in_blocks_only() -> Iterator[None]:
    """Forget the blocks that a test loads from a file of its own: they would be in every later test's language."""
    yield
    outside = {name for name in sys.modules if name.startswith("archbuilder.blocks_outside.")}
    if outside:
        from archbuilder import blocks

        for name in outside:
            del sys.modules[name]
            blocks._registered.pop(name.rpartition(".")[2], None)
