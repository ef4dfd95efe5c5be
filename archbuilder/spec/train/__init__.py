"""The `train:` section: how a network is trained.  Plain values; the code that uses torch is in `training/`.

    train:
      epochs: 30
      optimizer: {sgd: {lr: 0.1, momentum: 0.9, nesterov: true, weight_decay: 5e-4}}
      schedule: {one_cycle: {warmup: 0.3}}
      loss: {cross_entropy: {label_smoothing: 0.1}}

Every field has a default, so `train: {epochs: 3}` is a whole recipe.
"""

from archbuilder.spec.train.recipe import Train, problems

__all__ = ["Train", "problems"]
