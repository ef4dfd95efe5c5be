"""Reading and validating: from a node to a checked value, and the remedy where it is none."""
