"""YAML text as a tree with places; what changes it before it is read: `extends:`, `--set`, ignore comments."""
