"""limit: a bound on a total."""

from __future__ import annotations

from fractions import Fraction
from math import ceil
from typing import Annotated, Any, ClassVar

from pydantic import Field

from archbuilder.analysis.memory import BYTES
from archbuilder.diagnostics import Diagnostic, did_you_mean
from archbuilder.document.nodes import Node
from archbuilder.rules.limits import ARENA, ARENA_TOTAL, NO_ARENA, QUANTITIES, dtype_of, measure
from archbuilder.rules.packs.kinds import register
from archbuilder.rules.packs.network import Network
from archbuilder.rules.packs.rule import TOTAL, Evidence, Outcome, Rule, missed
from archbuilder.schema.env import Env
from archbuilder.schema.fields import Check, Variables, failure, reads
from archbuilder.schema.model import INVALID, Child
from archbuilder.spec.limits import Limit, read_limits


@reads(type="string", enum=list(QUANTITIES))
def _quantity(value: Any, variables: Variables) -> str:
    if not isinstance(value, str) or value not in QUANTITIES:
        raise failure(f"there is no limit on {value}", did_you_mean(str(value), QUANTITIES, is_value=True))
    return value


def _bound(node: Node, env: Env) -> Any:
    """The relation and number of a limit; its quantity is in the field `of`."""
    limits = read_limits(Node({"bound": node}, node.span, {"bound": node.span}), env)
    return limits[0] if limits else INVALID


def _times(of: Limit, other: Limit) -> Fraction:
    """The smallest ratio of this total to another one, in every network; 0 if nothing is known."""
    size, other_size = (BYTES[dtype_of(limit)] for limit in (of, other))
    if of.name == other.name:
        is_planned = of.name in (ARENA, ARENA_TOTAL)
        return min(Fraction(1), Fraction(size, other_size)) if not is_planned else Fraction(size == other_size)
    if (other.name, of.name) in (("trainable_params", "params"), (ARENA, ARENA_TOTAL)):
        return Fraction(size == other_size)
    if of.name == "flash" and other.name in ("params", "trainable_params"):
        return Fraction(size)
    return Fraction(0)


@register
class LimitRule(Rule):
    """A bound on a total, written as in `limits:` of an architecture."""

    EXAMPLE: ClassVar[str] = 'limit: {of: receptive_field, bound: "> 44"}'
    REJECTS: ClassVar[dict[str, str]] = {
        "limit: {of: params}": "AB102",
        'limit: {of: parameters, bound: "< 200k"}': "AB103",
        "limit: {of: params, bound: 200k}": "AB501",
    }

    of: Annotated[str, Check(_quantity), Field(description=f"one of {', '.join(QUANTITIES)}")]
    bound: Annotated[Limit, Child(_bound, {"type": "string"}), Field(description="a relation and a number in quotes")]

    @property
    def title(self) -> str:
        return self.name or self.of

    @property
    def limit(self) -> Limit:
        return self.bound._replace(name=self.of)

    def least(self, of: Limit) -> int:
        return ceil(_times(of, self.limit) * self.bound.range[0])

    def excludes(self, other: Rule) -> str:
        least, most = other.least(self.limit), self.bound.range[1]
        if most < 0:
            return f"no value is {self.bound.text}"
        return f"{self.of} is {self.bound.text}, and {least:,} at least" if least > most else ""

    def judge(self, net: Network) -> Outcome:
        limit = self.limit
        found: list[Diagnostic] = []
        results = measure((limit,), net.facts, found)
        errors = [d for d in found if d.severity == "error"]
        if errors:
            of_layer = errors[0].span if errors[0].code is NO_ARENA else None  # the layer that does not run there
            return missed(TOTAL, errors[0].message, errors[0].hint, of_layer)
        (measured,) = results
        if not measured.ok:
            return missed(
                TOTAL, f"{limit.name} is {measured.words}", "first fix the problem that keeps it from being computed"
            )
        shown = f"{measured.value:,}{measured.unit} {limit.relation} {limit.bound:,}"
        return Outcome(self._layer(net), "; ".join([shown, *(warning.message for warning in found)]))

    def _layer(self, net: Network) -> tuple[Evidence, ...]:
        """The layer at which the total is measured, if there is one."""
        node = net.graph.nodes.get(net.facts.value)
        return Evidence.of(node) if node and self.of == "receptive_field" else ()
