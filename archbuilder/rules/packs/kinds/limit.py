"""limit: a bound on a total."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import Field

from archbuilder.diagnostics import Diagnostic, did_you_mean
from archbuilder.document.nodes import Node
from archbuilder.rules.limits import QUANTITIES, measure
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
    """The relation and number of a limit; its quantity is the other field's."""
    limits = read_limits(Node({"bound": node}, node.span, {"bound": node.span}), env)
    return limits[0] if limits else INVALID


@register
class LimitRule(Rule):
    """A bound on a total, in the words of `limits:` in an architecture."""

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

    def excludes(self, other: Rule) -> str:
        if not isinstance(other, LimitRule) or (self.of, self.bound.dtype) != (other.of, other.bound.dtype):
            return ""
        (least, most), (other_least, other_most) = self.bound.range, other.bound.range
        apart = max(least, other_least) > min(most, other_most)
        return f"nothing is {self.bound.text} and {other.bound.text}" if apart else ""

    def judge(self, net: Network) -> Outcome:
        limit = self.limit
        found: list[Diagnostic] = []
        results = measure((limit,), net.facts, found)
        errors = [d for d in found if d.severity == "error"]
        if errors:
            return missed(TOTAL, errors[0].message, errors[0].hint)
        (measured,) = results
        if not measured.ok:
            return missed(TOTAL, f"{limit.name} is {measured.words}", "mend first why it cannot be known")
        shown = f"{measured.value:,}{measured.unit} {limit.relation} {limit.bound:,}"
        return Outcome(self._layer(net), "; ".join([shown, *(warning.message for warning in found)]))

    def _layer(self, net: Network) -> tuple[Evidence, ...]:
        """The layer that a total is read at, where there is one."""
        node = net.graph.nodes.get(net.facts.value)
        return Evidence.of(node) if node and self.of == "receptive_field" else ()
