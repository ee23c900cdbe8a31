"""Update rules: graphs that say what a step makes of parameters and gradients."""

from . import schedules as schedules
from .adam import adam as adam
from .adam import adamw as adamw
from .adam import amsgrad as amsgrad
from .adam_kin import adamax as adamax
from .adam_kin import lion as lion
from .adam_kin import nadam as nadam
from .adam_kin import radam as radam
from .adaptive import adadelta as adadelta
from .adaptive import adagrad as adagrad
from .adaptive import rmsprop as rmsprop
from .average import averaged as averaged
from .average import ema as ema
from .clipping import clip_by_global_norm as clip_by_global_norm
from .clipping import clip_by_norm as clip_by_norm
from .clipping import clip_by_value as clip_by_value
from .clipping import global_norm as global_norm
from .descent import momentum as momentum
from .descent import nesterov as nesterov
from .descent import sgd as sgd
from .groups import frozen as frozen
from .groups import groups as groups
from .rule import Optimizer as Optimizer
from .rule import step_count as step_count

__all__ = [
    "Optimizer",
    "adadelta",
    "adagrad",
    "adam",
    "adamax",
    "adamw",
    "amsgrad",
    "averaged",
    "clip_by_global_norm",
    "clip_by_norm",
    "clip_by_value",
    "ema",
    "frozen",
    "global_norm",
    "groups",
    "lion",
    "momentum",
    "nadam",
    "nesterov",
    "radam",
    "rmsprop",
    "schedules",
    "sgd",
    "step_count",
]
