"""Optimizers: a recipe's, over the parameters of a network."""

from archbuilder.training.optim.base import Group, Optimizer
from archbuilder.training.optim.make import make_optimizer

__all__ = ["Group", "Optimizer", "make_optimizer"]
