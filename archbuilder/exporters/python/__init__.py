"""A network as one Python file that needs only torch.

Its classes register their layers under the paths of the graph, so the state_dict has the same keys in the same order as
archbuilder's own module, and the same seed gives the same weights.
"""

from __future__ import annotations

from archbuilder.analysis.facts import Facts
from archbuilder.exporters.diagram import labels
from archbuilder.exporters.python.classes import Classes
from archbuilder.exporters.python.helpers import imports, used
from archbuilder.exporters.python.units import plan
from archbuilder.exporters.python.writer import Writer
from archbuilder.ir.graph import Graph
from archbuilder.reporting.text import totals
from archbuilder.version import __version__

HEAD = '''\
"""{name}: {input} -> {output}.

{totals}

Comments say what a line makes: channels x height x width, and the receptive field
(RF) of one unit in input pixels, along the shortest and the longest path where they
differ; * is the whole input, < at most.

    model = {cls}()
    model.load_state_dict(torch.load("last.pt")["model"])  # weights of a run

Written by archbuilder {version}; this file needs only torch.
"""
'''


def export(graph: Graph, facts: Facts) -> str:
    """The source of a file with a class for the network."""
    texts = labels(facts)
    classes = Classes(graph, plan(graph), texts)
    writer = Writer(classes.conventions, texts)
    written = [writer.write(cls) for cls in classes.classes]
    parts = [*used("\n".join(written)), *written]
    head = HEAD.format(
        name=graph.name,
        input=graph.input,
        output=graph.shape(graph.output),
        totals="\n".join(totals(facts)),
        cls=classes.network,
        version=__version__,
    )
    return "\n\n".join([f"{head}\n{imports(''.join(parts))}\n", *parts])
