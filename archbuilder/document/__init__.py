"""YAML text as a tree with places, and what is applied to it before validation: `extends:`, `--set`, ignore
comments."""
