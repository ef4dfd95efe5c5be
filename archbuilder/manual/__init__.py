"""The documentation of the language: manuals of blocks, rules and codes, and the JSON Schema for editors."""
