"""A run of a file that extends another one carries all of it, and can be continued without either."""

import archbuilder
from archbuilder.pipeline import check


def test_the_run_folder_needs_no_base(tmp_path):
    base = tmp_path / "base.yaml"
    base.write_text(
        "archbuilder: 1\ninput: [1, 8, 8]\nclasses: 10\n"
        "network: [{conv: 4}, gap, classifier]\ndata: {dataset: digits}\n"
    )
    variant = tmp_path / "variant.yaml"
    variant.write_text("extends: base.yaml\nname: variant\ntrain: {epochs: 1}\n")
    run = archbuilder.train(variant, overrides=["train.seed=3"], out=tmp_path / "runs", device="cpu", report=False).path
    base.unlink()
    variant.unlink()
    assert check(run / "architecture.yaml").ok
    result = archbuilder.train(resume=run)
    assert result.last["epoch"] == 1
