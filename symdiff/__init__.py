"""symdiff."""
from .core.dim import dim as dim
from .core.graph import Graph as Graph
from .ops.leaf import input as input, param as param, size as size
from .ops.convert import constant as constant
from .ops.elementwise import *
from .ops.reduce import *
from .ops.index import *
from .ops.linalg import *
from .ops.shape import *
from .ops.softmax import *
from .autodiff.reverse import grad as grad, value_and_grad as value_and_grad, vjp as vjp
