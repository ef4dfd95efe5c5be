"""A network's operators with numbers: its weights folded into constants, computed in float and as int8 integers.

It stands above `modules`, whose weights it folds, and below `exporters`, which write what it makes; what needs a run's
images (calibration, accuracy) is in `trained`.
"""
