"""A network as a microcontroller's runtime has it: its operators and tensors, and where they lie in the arena.

Nothing here needs torch.  The rule `runs_on`, the arena of a check, the exporter to TensorFlow Lite and the int8
arithmetic all read the one list that `kernels.program_of` makes of a graph.
"""
