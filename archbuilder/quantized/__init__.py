"""A network as a program of operators with folded constants, computed in float or in int8 integers.

It uses `modules`, whose weights it folds, and is used by `exporters`, which write its results. Steps that need the
images of a run (calibration, accuracy) are in `trained`.
"""
