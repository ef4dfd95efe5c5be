"""A run: what was asked for, its folder and files, and what a list of runs says."""
