"""Checks of the facts: limits, goals, lints and rule packs."""
