"""YAML with places: a text as a tree of nodes, each with its place."""
