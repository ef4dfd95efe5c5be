"""Data sets as arrays, and the batches that training and evaluation take from them.

datasets.load         a `data:` section -> Splits (numpy only)
batches.train_batches augmented batches of one epoch; batches.eval_batches plain ones (torch)
prepared, cifar10     data sets kept on disk as memory-mapped arrays
"""
