"""Validation: from a node to a checked value, or to an error with a remedy."""
