"""Data sets as arrays, and the batches that training and evaluation take from them.

datasets.load            a `data:` section -> Splits (numpy only)
batches.TrainBatches     augmented batches, epoch after epoch; batches.eval_batches plain ones (torch)
prepared                 data sets kept on disk as memory-mapped arrays
known, image_files     what is made into prepared sets: those with a name, folders of image files
augment, tensor          the two engines: albumentations image by image, torch batch by batch
calls, code, grid        what albumentations is told; that as source for a report; a picture of samples
"""
