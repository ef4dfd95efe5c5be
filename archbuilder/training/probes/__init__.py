"""Short trainings before the long one: a range of learning rates, one batch by heart."""
