"""What other frameworks call what the language has, so that a hint can name the word that is meant."""

from __future__ import annotations

from collections.abc import Iterable

# without blanks, dashes, underscores and a final 2d: other words -> ours, the first that is known at the place
SYNONYMS = {
    "adaptiveaveragepool": ("adaptive_avg_pool",),
    "averagepool": ("avg_pool",),
    "averagepooling": ("avg_pool",),
    "avgpooling": ("avg_pool",),
    "batch": ("batch_size",),
    "batchnorm": ("batch", "norm"),
    "batchnormalization": ("batch", "norm"),
    "bn": ("batch", "norm"),
    "cat": ("concat",),
    "channels": ("out",),
    "concatenate": ("concat",),
    "convbnrelu": ("conv",),
    "convolution": ("conv",),
    "cosineannealing": ("cosine",),
    "cosineannealinglr": ("cosine",),
    "crossentropyloss": ("cross_entropy",),
    "cutout": ("coarse_dropout",),
    "dense": ("linear",),
    "depthwiseconv": ("depthwise",),
    "dilationrate": ("dilation",),
    "dropoutrate": ("dropout", "p"),
    "epoch": ("epochs",),
    "fc": ("linear",),
    "features": ("out",),
    "filters": ("out",),
    "fullyconnected": ("linear",),
    "globalaveragepool": ("gap",),
    "globalaveragepooling": ("gap",),
    "globalavgpool": ("gap",),
    "groupnorm": ("group", "norm"),
    "hardsilu": ("hardswish",),
    "hflip": ("horizontal_flip",),
    "hswish": ("hardswish",),
    "inputshape": ("input",),
    "inputsize": ("input",),
    "instancenorm": ("instance", "norm"),
    "kernelsize": ("kernel",),
    "l2": ("weight_decay",),
    "layernorm": ("layer", "norm"),
    "layers": ("network",),
    "learningrate": ("lr",),
    "lrelu": ("leaky_relu",),
    "maxlr": ("lr",),
    "maxpooling": ("max_pool",),
    "model": ("network",),
    "nclasses": ("classes",),
    "normalization": ("norm",),
    "numclasses": ("classes",),
    "numepochs": ("epochs",),
    "numworkers": ("workers",),
    "onecyclelr": ("one_cycle",),
    "outchannels": ("out",),
    "outfeatures": ("out",),
    "pad": ("padding",),
    "poolsize": ("kernel",),
    "rate": ("p",),
    "relu6n": ("relu6",),
    "residual": ("skip",),
    "scheduler": ("schedule",),
    "se": ("squeeze_excite",),
    "separableconv": ("depthwise_separable",),
    "shortcut": ("skip",),
    "squeezeandexcite": ("squeeze_excite",),
    "squeezeexcitation": ("squeeze_excite",),
    "strides": ("stride",),
    "swish": ("silu",),
    "units": ("out",),
    "upsampling": ("upsample",),
    "usebias": ("bias",),
    "vflip": ("vertical_flip",),
    "wd": ("weight_decay",),
}


def synonym(found: str, known: Iterable[str]) -> str:
    """The known name that a word of another framework stands for, or that is the same but for how it is spelt."""
    plain, known = _plain(found), list(known)
    for word in known:
        if plain == _plain(word):
            return word
    return next((word for word in SYNONYMS.get(plain, ()) if word in known), "")


def _plain(word: str) -> str:
    return "".join(c for c in word.lower() if c not in " -_").removesuffix("2d")
