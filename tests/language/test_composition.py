"""define, extends, join, use and branches: what they build, and what they refuse, with the place."""

from textwrap import dedent

import pytest
import torch

import archbuilder
from archbuilder.pipeline import check
from tests.ir.oracle import disagreements

HEAD = "archbuilder: 1\ninput: [3, 16, 16]\n"


def network(text: str) -> str:
    return HEAD + dedent(text).lstrip()


def errors(source) -> list[tuple[str, int]]:
    return [(d.code.id, d.span.line) for d in check(source).diagnostics]


def forward(source, x):
    torch.manual_seed(0)
    module = archbuilder.build(source).eval()
    return module, module(x)


def run(block, x):
    """A conv block by itself."""
    return block.activation(block.norm(block.conv(x)))


@pytest.fixture
def x():
    torch.manual_seed(1)
    return torch.randn(2, 3, 16, 16)


class TestDefine:
    def test_equals_what_it_stands_for(self, x):
        composite = network(
            """
            vars: {width: 8}
            define:
              pair:
                params: {out: null, kernel: 3, step: width // 8}
                blocks:
                  - conv: {out: out, kernel: kernel}
                  - conv: {out: 2 * out, stride: step}
            network:
              - pair: width
              - pair: {out: 4, kernel: 1, step: 2}
            """
        )
        written_out = network(
            """
            network:
              - stage: {name: pair, blocks: [{conv: 8}, {conv: 16}]}
              - stage: {name: pair2, blocks: [{conv: {out: 4, kernel: 1}}, {conv: {out: 8, stride: 2}}]}
            """
        )
        module, y = forward(composite, x)
        other, expected = forward(written_out, x)
        assert list(module.state_dict()) == list(other.state_dict())
        assert torch.equal(y, expected)

    def test_may_use_another(self):
        text = "define:\n  a: {blocks: [{conv: 4}]}\n  b: {blocks: [a, a]}\nnetwork: [b]\n"
        assert next(iter(check(HEAD + text).graph.nodes)) == "b.a.conv.conv"

    @pytest.mark.parametrize(
        ("text", "found"),
        [
            ("define:\n  a: {blocks: [a]}\nnetwork: [a]\n", [("AB208", 4)]),
            ("define:\n  a: {blocks: [b]}\n  b: {blocks: [a]}\nnetwork: [a]\n", [("AB208", 4)]),
            ("define: {a: {params: {out: null}, blocks: [{conv: out}]}}\nnetwork: [a]\n", [("AB102", 4)]),
            ("define: {a: {params: {out: 4}, blocks: [{conv: out}]}}\nnetwork: [{a: {width: 4}}]\n", [("AB101", 4)]),
            ("define: {a: {params: {out: 4}}}\nnetwork: [{conv: 4}]\n", [("AB104", 3)]),
            ("define: {a: {blocks: [{conv: wide}]}}\nnetwork: [a, a]\n", [("AB103", 3)]),
            ("define: {a: {blocks: [{conv: 0}]}}\nnetwork: [a]\n", [("AB103", 3)]),
            ("define: {conv: {blocks: [{conv: 4}]}}\nnetwork: [{conv: 4}]\n", [("AB202", 3)]),
            ("define: {my-conv: {blocks: [{conv: 4}]}}\nnetwork: [{conv: 4}]\n", [("AB202", 3)]),
            ("define: {train: {blocks: [{conv: 4}]}}\nnetwork: [{conv: 4}]\n", [("AB202", 3)]),
        ],
    )
    def test_mistakes(self, text, found):
        assert errors(HEAD + text) == found

    def test_doubling_without_end_is_bounded(self):
        levels = "".join(f"  d{n}: {{blocks: [d{n - 1}, d{n - 1}]}}\n" for n in range(1, 40))
        text = f"{HEAD}define:\n  d0: {{blocks: [{{conv: 4}}]}}\n{levels}network: [d39]\n"
        assert [code for code, _ in errors(text)] == ["AB209"]


class TestExtends:
    @pytest.fixture
    def base(self, tmp_path):
        path = tmp_path / "base.yaml"
        path.write_text(
            f'{HEAD}limits: {{params: "< 1k", receptive_field: "> 2"}}\nvars: {{w: 4}}\nnetwork: [{{conv: w}}]\n'
        )
        return path

    def test_own_keys_win_and_sections_merge(self, base):
        variant = base.parent / "variant.yaml"
        variant.write_text('extends: base.yaml\nname: variant\nlimits: {params: "< 2k"}\nvars: {w: 8}\n')
        report = check(variant)
        assert report.ok
        assert {m.limit.name: m.limit.text for m in report.limits} == {"params": "< 2k", "receptive_field": "> 2"}
        assert report.facts.params == 3 * 8 * 9 + 16

    @pytest.mark.parametrize(
        ("own", "merged"),
        [
            ("{muon: {lr: 0.2}}", {"muon": {"lr": 0.2, "steps": 3, "rest": {"sgd": {"lr": 0.3, "momentum": 0.5}}}}),
            (
                "{muon: {rest: {sgd: {lr: 0.4}}}}",
                {"muon": {"lr": 0.1, "steps": 3, "rest": {"sgd": {"lr": 0.4, "momentum": 0.5}}}},
            ),
            (
                "{muon: {rest: {adam: {lr: 0.4}}}}",
                {"muon": {"lr": 0.1, "steps": 3, "rest": {"adam": {"lr": 0.4}}}},
            ),
            ("{muon: {rest: adam}}", {"muon": {"lr": 0.1, "steps": 3, "rest": "adam"}}),
            ("{sgd: {lr: 0.2}}", {"sgd": {"lr": 0.2}}),
            ("sgd", "sgd"),
            ("muon", "muon"),
            ("{muon: }", {"muon": {"lr": 0.1, "steps": 3, "rest": {"sgd": {"lr": 0.3, "momentum": 0.5}}}}),
            ("", {"muon": {"lr": 0.1, "steps": 3, "rest": {"sgd": {"lr": 0.3, "momentum": 0.5}}}}),
        ],
    )
    def test_what_both_choose_alike_is_merged_and_another_choice_replaces(self, base, own, merged):
        muon = "{lr: 0.1, steps: 3, rest: {sgd: {lr: 0.3, momentum: 0.5}}}"
        base.write_text(f"{base.read_text()}\ntrain: {{optimizer: {{muon: {muon}}}}}\n")
        variant = base.parent / "variant.yaml"
        variant.write_text(f"extends: base.yaml\ntrain: {{optimizer: {own}}}\n")
        report = check(variant)
        assert report.document.root.plain()["train"] == {"optimizer": merged}
        assert report.ok

    def test_a_key_with_nothing_behind_it_changes_nothing(self, base):
        variant = base.parent / "variant.yaml"
        variant.write_text("extends: base.yaml\nlimits:\nvars:\nnetwork:\n")
        assert check(variant).facts.params == check(base).facts.params
        assert check(variant).limits == check(base).limits != ()

    def test_a_problem_in_the_base_points_into_the_base(self, base):
        base.write_text(base.read_text().replace("conv: w", "conv: wide"))
        variant = base.parent / "variant.yaml"
        variant.write_text("extends: base.yaml\nname: variant\n")
        (diagnostic,) = check(variant).diagnostics
        assert (diagnostic.code.id, diagnostic.span.file, diagnostic.span.line) == ("AB103", str(base), 5)
        assert "conv: wide" in check(variant).source_of(diagnostic)

    @pytest.mark.parametrize("text", ["extends: variant.yaml\n", "extends: missing.yaml\n", "extends: [a, b]\n"])
    def test_mistakes(self, tmp_path, text):
        variant = tmp_path / "variant.yaml"
        variant.write_text(text)
        assert errors(variant) == [("AB009", 1)]


class TestJoin:
    def test_adds_earlier_outputs_to_the_current_value(self, x):
        module, y = forward(HEAD + "network: [{conv: {out: 4, name: a}}, {conv: {out: 4, name: b}}, {join: a}]\n", x)
        a = module.a.activation(module.a.norm(module.a.conv(x)))
        b = module.b.activation(module.b.norm(module.b.conv(a)))
        assert torch.equal(y, a + b)

    def test_concatenates_in_the_order_of_from(self, x):
        text = (
            "network: [{conv: {out: 4, name: a}}, {conv: {out: 4, name: b}}, {join: {from: [b, a], merge: concat}}]\n"
        )
        module, y = forward(HEAD + text, x)
        a = module.a.activation(module.a.norm(module.a.conv(x)))
        assert torch.equal(y[:, 4:], a)

    def test_a_name_that_comes_later(self):
        text = "network:\n  - conv: 4\n  - join: late\n  - conv: {out: 4, name: late}\n"
        assert errors(HEAD + text) == [("AB206", 5)]

    def test_unequal_strides(self):
        text = """
        network:
          - conv: {name: a, out: 4}
          - branches: {paths: [[{strided: 4}], [{conv: {out: 4, kernel: 9, padding: valid}}]], merge: add}
        """
        assert errors(network(text)) == [("AB306", 5)]


class TestUse:
    def test_shares_weights_and_counts_them_once(self, x):
        text = HEAD + "network: [{conv: {out: 4}}, {conv: {out: 4, name: twice}}, {use: twice}]\n"
        module, y = forward(text, x)
        twice = torch.nn.Sequential(module.twice.conv, module.twice.norm, module.twice.activation)
        first = module.conv.activation(module.conv.norm(module.conv.conv(x)))
        assert torch.equal(y, twice(twice(first)))
        facts = check(text).facts
        assert facts.params == sum(p.numel() for p in module.parameters())
        assert [layer.macs for layer in facts.layers if layer.macs][1:] == [4 * 4 * 9 * 256] * 2

    def test_a_block_with_a_skip_in_it(self, x):
        text = HEAD + "network: [{conv: 4}, {skip: {name: s, blocks: [{conv: 4}]}}, {use: s}]\n"
        module, _ = forward(text, x)
        assert [name for name, _ in module.named_children()] == ["conv", "s"]
        assert check(text).facts.field.size == (7, 7)

    @pytest.mark.parametrize("layer", ["norm: {kind: batch, affine: false, name: n}", "scale: {name: n}"])
    def test_other_channels_of_a_layer_that_has_a_value_for_each(self, layer):
        text = f"network:\n  - {layer}\n  - conv: 8\n  - use: n\n"
        assert errors(HEAD + text) == [("AB207", 6)]

    @pytest.mark.parametrize(
        "layer",
        [
            "norm: {kind: group, groups: 1, affine: false, name: n}",
            "norm: {kind: layer, over: channels, affine: false, name: n}",
            "norm: {kind: instance, name: n}",
            "activation: {kind: prelu, name: n}",
            "dropout: {name: n}",
        ],
    )
    @pytest.mark.filterwarnings("ignore:input's size at dim=1 does not match num_features")
    def test_other_channels_of_a_layer_that_has_no_value_for_each(self, layer, x):
        text = f"{HEAD}network:\n  - {layer}\n  - conv: 8\n  - use: n\n"
        assert [code for code, _ in errors(text) if code != "AB412"] == []
        _, y = forward(text, x)
        assert y.shape == (2, 8, 16, 16)
        assert disagreements(check(text).graph) == []

    def test_other_channels(self):
        assert errors(HEAD + "network:\n  - conv: {out: 4, name: a}\n  - use: a\n") == [("AB207", 5)]

    def test_a_join_in_it_that_points_before_it_stays(self, x):
        text = """
            network:
              - conv: {name: a, out: 4}
              - conv: 4
              - stage: {name: s, blocks: [{conv: 4}, {join: a}]}
              - use: s
            """
        module, y = forward(network(text), x)
        a = run(module.a, x)
        s = run(module.s.conv, run(module.conv, a)) + a
        assert torch.allclose(y, run(module.s.conv, s) + a, atol=1e-6)

    def test_a_join_in_it_that_points_into_it_follows(self, x):
        text = """
            network:
              - conv: 4
              - stage: {name: s, blocks: [{conv: {name: b, out: 4}}, {conv: 4}, {join: b}]}
              - use: s
            """
        module, y = forward(network(text), x)
        s = run(module.conv, x)
        for _ in range(2):
            b = run(module.s.b, s)
            s = run(module.s.conv, b) + b
        assert torch.allclose(y, s, atol=1e-6)

    @pytest.mark.parametrize(
        "inner", ["{conv: 4}, {join: a}", "{repeat: {times: 2, blocks: [{conv: 4}, {join: [a]}]}}"]
    )
    def test_a_join_in_it_of_its_own_input_has_two_meanings(self, inner):
        text = f"network:\n  - conv: {{name: a, out: 4}}\n  - stage: {{name: s, blocks: [{inner}]}}\n  - use: s\n"
        (problem,) = check(HEAD + text).diagnostics
        assert (problem.code.id, problem.span.line) == ("AB207", 6)
        assert "joins a, its own input" in problem.message
        assert "skip" in problem.hint

    def test_a_join_of_its_own_input_in_what_it_uses(self):
        text = """
            network:
              - conv: {name: a, out: 4}
              - branches:
                  merge: add
                  paths:
                    - [{conv: 4}, {stage: {name: s, blocks: [{conv: 4}, {join: a}]}}]
                    - [{stage: {name: t, blocks: [{use: s}]}}]
              - use: t
            """
        assert errors(network(text)) == [("AB207", 10)]
        assert errors(network(text.replace("use: t", "use: s"))) == []

    def test_a_skip_in_it_is_of_the_new_input(self, x):
        text = "network: [{conv: 4}, {skip: {name: s, blocks: [{conv: 4}]}}, {use: s}]\n"
        module, y = forward(HEAD + text, x)
        s = run(module.conv, x)
        for _ in range(2):
            s = run(module.s.conv, s) + s
        assert torch.allclose(y, s, atol=1e-6)


class TestBranches:
    def test_split_and_multiply_is_a_gated_unit(self, x):
        text = network(
            """
            network:
              - conv: 8
              - branches: {split: true, merge: multiply, paths: [[{activation: tanhexp}], []]}
            """
        )
        module, y = forward(text, x)
        a, b = module.conv.activation(module.conv.norm(module.conv.conv(x))).chunk(2, 1)
        assert torch.allclose(y, a * torch.tanh(torch.exp(a)) * b)

    def test_paths_of_several_lengths(self, x):
        text = (
            HEAD
            + "network:\n  - branches:\n      paths: "
            + "[[{conv: 4}, {conv: 4}], [{max_pool: {kernel: 3, stride: 1, padding: 1}}], []]\n"
        )
        _, y = forward(text, x)
        assert y.shape == (2, 10, 16, 16)
        assert torch.equal(y[:, 7:], x)


def test_squeeze_excite_leaves_the_local_field_and_says_so():
    report = check(HEAD + "classes: 10\nnetwork: [{conv: 8}, squeeze_excite, {conv: 8}, gap, classifier]\n")
    assert report.facts.field.size == (5, 5)
    assert report.facts.field.status == "whole input"
