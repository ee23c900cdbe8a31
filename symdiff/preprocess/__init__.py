"""Data before training: what is fitted on the training data alone and applied to all data, splits, minibatches."""

from .rows import minibatches as minibatches
from .rows import train_validation_split as train_validation_split
from .scaling import Scaling as Scaling
from .scaling import centre as centre
from .scaling import standardise as standardise
from .store import load as load
from .whitening import Whitening as Whitening
from .whitening import whiten as whiten

__all__ = [
    "Scaling",
    "Whitening",
    "centre",
    "load",
    "minibatches",
    "standardise",
    "train_validation_split",
    "whiten",
]
