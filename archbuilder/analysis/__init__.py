"""Graph -> Facts: one walk over the graph; every rule it applies stands on the op."""
