"""How weights learn: loss, schedule, optimisers, mixing, averages, precision, the step and the loop."""
