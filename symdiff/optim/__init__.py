"""Update rules: graphs that say what a step makes of parameters and gradients."""

from .adam import adam as adam
from .descent import momentum as momentum
from .descent import sgd as sgd
from .rule import Optimizer as Optimizer
from .rule import step_count as step_count

__all__ = ["Optimizer", "adam", "momentum", "sgd", "step_count"]
