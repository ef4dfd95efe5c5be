"""The language for people and for editors: manuals of blocks, rules and codes, the JSON Schema."""
