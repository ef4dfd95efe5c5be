"""Published networks, as torchvision writes them."""

from __future__ import annotations

import pytest

from archbuilder.importers import convert

PARAMETERS = {  # at 1,000 classes
    "resnet18": 11_689_512,
    "mobilenet_v2": 3_504_872,
    "squeezenet1_1": 1_235_496,
    "densenet121": 7_978_856,
    "shufflenet_v2_x0_5": 1_366_792,
    "mobilenet_v3_small": 2_542_856,
}


@pytest.mark.parametrize("name", PARAMETERS)
def test_torchvision(name: str):
    torchvision = pytest.importorskip("torchvision")
    found = convert(getattr(torchvision.models, name)(weights=None), (3, 64, 64))
    assert found.ok, "\n".join(map(str, found.diagnostics))
    assert found.proof.difference < 1e-5
    assert found.params == PARAMETERS[name]
    assert len(found.text.splitlines()) < 80
