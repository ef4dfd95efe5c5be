"""A network in the form of a microcontroller's runtime: its operators and tensors, and their places in the arena.

Nothing here needs torch. The rule `runs_on`, the arena of a check, the exporter to TensorFlow Lite and the int8
arithmetic all use the program that `kernels.program_of` makes from a graph.
"""
