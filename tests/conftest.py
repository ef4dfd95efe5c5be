"""What holds for all tests.

One thread for torch: the networks are so small that more only wait for each other, and two tests run at a time.

Generated cases are the same in every run, so that a red test stays red until it is mended.

`pytest --hypothesis-profile explore` draws new ones; so does `python -m tests.fuzz`.
"""

import gc
import importlib.util
import os
import shutil
import sys
from collections.abc import Callable, Generator, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from archbuilder.diagnostics import Code, Diagnostic

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read when torch is first imported
os.environ.pop("COLUMNS", None)  # pytest-xdist sets it for its workers: tables would be those of a narrow screen

settings.register_profile("default", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("explore", settings.get_profile("default"), derandomize=False, print_blob=True)
settings.load_profile("default")


def has_package(name: str) -> Callable[[], bool]:
    return lambda: importlib.util.find_spec(name) is not None


def has_program(*names: str) -> Callable[[], bool]:
    return lambda: any(shutil.which(name) for name in names)


BROWSERS = ("chromium", "chromium-browser", "google-chrome")

REQUIRED = set(filter(None, os.environ.get("CI_REQUIRE", "").split(",")))

# What a group of tests needs beyond the extra `dev`, and how it is found; `time` is there where CI_REQUIRE names it:
# a shorter test covers the same mechanism.
TOOLS: dict[str, Callable[[], bool]] = {
    "browser": has_program(*BROWSERS),
    "compiler": has_program("gcc", "cc"),
    "docs": has_package("furo"),  # and sphinx; Python 3.11
    "mcu": has_package("tflite_micro"),  # Linux on x86-64 alone has it
    "node": has_program("npm"),
    "notebook": has_package("nbclient"),  # of the extra `notebook`
    "ray": has_package("ray"),
    "time": lambda: "time" in REQUIRED,
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the groups whose tool is absent, each with one line; an error where CI_REQUIRE names the tool."""
    if unknown := REQUIRED - set(TOOLS):
        raise pytest.UsageError(f"CI_REQUIRE: {', '.join(sorted(unknown))} is none of {', '.join(TOOLS)}")
    needed = {item: {tool for marker in item.iter_markers("needs") for tool in marker.args} for item in items}
    absent = {tool for tool in set().union(*needed.values()) if not TOOLS[tool]()}
    if missing := absent & REQUIRED:
        raise pytest.UsageError(f"CI_REQUIRE: not found: {', '.join(sorted(missing))}")
    for item, tools in needed.items():
        for tool in tools & absent:
            item.add_marker(pytest.mark.skip(reason=f"needs {tool}, which is not here"))


def pytest_collection_finish() -> None:
    """What stands after the collection stays to the end: it need not be looked through for garbage again and again."""
    gc.collect()
    gc.freeze()


def pytest_sessionfinish() -> None:
    gc.unfreeze()  # or libraries would call it a leak


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
