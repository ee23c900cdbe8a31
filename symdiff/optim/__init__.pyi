"""Update rules, for type checkers."""

from . import schedules as schedules
from .adam_family import adamax as adamax
from .adam_family import lion as lion
from .adam_family import nadam as nadam
from .adam_family import radam as radam
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
from .grouping import frozen as frozen
from .grouping import groups as groups
from .moments import adam as adam
from .moments import adamw as adamw
from .moments import amsgrad as amsgrad
from .rule import Optimizer as Optimizer
from .rule import step_count as step_count
