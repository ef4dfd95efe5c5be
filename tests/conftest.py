"""What holds for all tests.

One thread for torch: the networks are so small that more only wait for each other, and two tests run at a time.

Generated cases are the same in every run, so that a red test stays red until it is mended.

`pytest --hypothesis-profile explore` draws new ones; so does `python -m tests.fuzz`.
"""

import os
import sys
from collections.abc import Generator, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from archbuilder.diagnostics import Code, Diagnostic

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read when torch is first imported
os.environ.pop("COLUMNS", None)  # pytest-xdist sets it for its workers: tables would be those of a narrow screen

settings.register_profile("default", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("explore", settings.get_profile("default"), derandomize=False, print_blob=True)
settings.load_profile("default")


@pytest.fixture(autouse=True)
def built_in_blocks_only() -> Iterator[None]:
    """Forget the blocks that a test loads from a file of its own: they would be in every later test's language."""
    yield
    if "archbuilder.blocks._external" in sys.modules:
        from archbuilder.blocks._external import forget

        forget()


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """A test marked with `raises_code("AB713")` fails where no diagnostic of that code is made in it."""
    promised = {id for marker in pyfuncitem.iter_markers("raises_code") for id in marker.args}
    if not promised:
        return (yield)
    made, at = set(), Code.at

    def note(self: Code, *args: Any, **kwargs: Any) -> Diagnostic:
        made.add(self.id)
        return at(self, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Code, "at", note)
        result = yield
    assert promised <= made
    return result
