"""Optimizers: a recipe's, over the parameters of a network."""

from archbuilder.training.learning.optim.base import Group, Optimizer
from archbuilder.training.learning.optim.make import make_optimizer

__all__ = ["Group", "Optimizer", "make_optimizer"]
