"""What is held against the facts: limits and lints."""
