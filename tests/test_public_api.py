"""What `import archbuilder` offers, and how its values look where somebody types them."""

from __future__ import annotations

import doctest
import math
import warnings
from pathlib import Path
from types import FunctionType

import pytest

import archbuilder
from archbuilder.reporting.json import dumps

ARCHITECTURES = Path(__file__).parents[1] / "architectures"


def test_dir_lists_what_there_is():
    assert dir(archbuilder) == sorted(archbuilder.__all__)
    assert all(hasattr(archbuilder, name) for name in dir(archbuilder))


@pytest.mark.parametrize("name", ["c1c2c3c40", "known/mobilenet_v2"])
def test_values_show_themselves_in_one_line(name: str):
    report = archbuilder.check(ARCHITECTURES / f"{name}.yaml")
    for value in (report, report.graph, report.facts, report.document):
        assert len(repr(value)) < 160 and "\n" not in repr(value)
    assert f"{report.facts.params:,} parameters" in repr(report) and "ok" in repr(report)


def test_a_report_of_a_wrong_file_shows_what_was_found():
    assert repr(archbuilder.check("no.yaml")) == "<Report 'no': 1 error>"
    text = "archbuilder: 1\ninput: [3, 8, 8]\nclasses: 2\nlimits: {params: '< 2'}\nnetwork: [gap, classifier]\n"
    assert repr(archbuilder.check(text)).startswith("<Report 'string': 1 error, 3 layers, ")


def test_a_notebook_shows_columns_as_columns():
    shown = archbuilder.check(ARCHITECTURES / "c1c2c3c40.yaml")._repr_html_()
    assert "<pre" in shown and shown.count("<pre") == shown.count('<pre style="font-family:monospace">')


def test_json_has_no_nan():
    """A network that diverged gives such numbers; most programs that read JSON refuse them."""
    found = {"a": [math.nan, 1.5, {"b": -math.inf}], "c": (math.inf, "nan")}
    assert dumps(found).split() == '{ "a": [ null, 1.5, { "b": null } ], "c": [ null, "nan" ] }'.split()


FUNCTIONS = sorted(name for name in archbuilder.__all__ if isinstance(getattr(archbuilder, name), FunctionType))


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the examples speak of: the shipped files, and a run."""
    folder = tmp_path_factory.mktemp("workplace")
    for name in ("architectures", "examples"):
        (folder / name).symlink_to(ARCHITECTURES.parent / name)
    quick = ["train.epochs=1", "data.batch_size=256"]
    result = archbuilder.train(ARCHITECTURES / "quickstart.yaml", overrides=quick, report=False, out=folder / "runs")
    result.path.rename(result.path.with_name("2026-11-21T09-30-00"))
    return folder


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_examples_of_the_documentation(name: str, workplace: Path, monkeypatch: pytest.MonkeyPatch):
    """Every public function has one, and says what it raises."""
    monkeypatch.chdir(workplace)
    function = getattr(archbuilder, name)
    example = doctest.DocTestParser().get_doctest(function.__doc__, {"archbuilder": archbuilder}, name, None, 0)
    assert example.examples and ("raise" in function.__doc__.lower() or name == "check_text")
    said: list[str] = []
    found = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(example, out=said.append)
    assert found.failed == 0, "".join(said)


def test_no_folder_has_the_name_of_a_function():
    folders = {path.name for path in Path(archbuilder.__file__).parent.iterdir() if path.is_dir()}
    assert not folders & set(archbuilder.__all__)


@pytest.mark.parametrize(("function", "meant"), [("check", "check_text"), ("load", "load_text")])
def test_a_text_in_the_place_of_a_path_still_works(function: str, meant: str):
    text = "archbuilder: 1\ninput: [3, 8, 8]\nclasses: 2\nnetwork: [gap, classifier]\n"
    with pytest.warns(DeprecationWarning, match=f"archbuilder.{meant}") as told:
        found = getattr(archbuilder, function)(text)
    assert told[0].filename == __file__
    assert repr(found) == repr(getattr(archbuilder, meant)(text))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        getattr(archbuilder, function)(ARCHITECTURES / "c1c2c3c40.yaml")
