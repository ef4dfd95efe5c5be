"""docs/language.md is what the code says today."""

from pathlib import Path

import pytest

from archbuilder.manual.blocks import markdown
from archbuilder.schema.model import Model
from archbuilder.spec.data import Data
from archbuilder.spec.train import Train
from archbuilder.spec.train.optimizers import Muon
from archbuilder.spec.train.recipe import Ema
from archbuilder.spec.train.schedules import Piecewise

REFERENCE = Path(__file__).parent.parent / "docs" / "language.md"


def test_the_reference_is_true():
    remedy = "archbuilder blocks --markdown > docs/language.md"
    assert REFERENCE.read_text() == markdown(), f"write it anew: {remedy}"


@pytest.mark.parametrize("model", [Data, Train, Muon, Piecewise, Ema])
def test_every_field_of_a_section_has_a_row(model: type[Model]):
    text = REFERENCE.read_text()
    for name, field in model.model_fields.items():
        assert field.description, name
        assert f"| `{name}` | " in text and f" | {field.description} |" in text
