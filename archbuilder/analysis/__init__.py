"""Graph -> Facts in one walk over the graph; every rule that it applies is a method of the op."""
