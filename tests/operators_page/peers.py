"""What NumPy, JAX, PyTorch and PyTensor call an operator, looked up in the libraries themselves."""

from __future__ import annotations

import importlib
import importlib.util
import warnings
from functools import cache
from types import ModuleType
from typing import Any

PEERS = ("NumPy", "JAX", "PyTorch", "PyTensor")
PACKAGES = ("numpy", "jax", "torch", "pytensor")

_ARRAYS = {
    "NumPy": ["numpy", "numpy.linalg", "numpy.lib.stride_tricks"],
    "JAX": ["jax.numpy", "jax.numpy.linalg", "jax.scipy.special", "jax.nn", "jax.lax", "jax.scipy.linalg", "jax.ops"],
    "PyTorch": ["torch", "torch.special", "torch.linalg", "torch.nn.functional", "torch.Tensor"],
    "PyTensor": [
        "pytensor.tensor", "pytensor.tensor.special", "pytensor.tensor.nlinalg", "pytensor.tensor.slinalg",
        "pytensor.tensor.math", "pytensor.tensor.extra_ops",
    ],
}  # fmt: skip
_NEURAL = {
    "NumPy": [],
    "JAX": ["jax.nn"],
    "PyTorch": ["torch.nn.functional"],
    "PyTensor": ["pytensor.tensor.special", "pytensor.tensor"],
}
_LINALG = {
    "NumPy": ["numpy.linalg", "numpy"],
    "JAX": ["jax.numpy.linalg", "jax.scipy.linalg", "jax.numpy"],
    "PyTorch": ["torch.linalg", "torch"],
    "PyTensor": ["pytensor.tensor.nlinalg", "pytensor.tensor.slinalg", "pytensor.tensor"],
}
_RANDOM = {
    "NumPy": ["numpy.random", "numpy.random.Generator"],
    "JAX": ["jax.random"],
    "PyTorch": ["torch", "torch.Tensor"],
    "PyTensor": ["pytensor.tensor.random"],
}
_CONTROL = {"NumPy": [], "JAX": ["jax.lax"], "PyTorch": ["torch.func"], "PyTensor": ["pytensor"]}

_SAME = (
    {"concat", "concatenate", "cat"},
    {"permute_dims", "transpose", "permute"},
    {"expand_dims", "unsqueeze"},
    {"sigmoid", "expit"},
    {"lgamma", "gammaln"},
    {"digamma", "psi"},
    {"log_sigmoid", "logsigmoid"},
    {"silu", "swish"},
    {"hardsigmoid", "hard_sigmoid"},
    {"hardswish", "hard_swish", "hard_silu"},
    {"hardtanh", "hard_tanh"},
    {"softsign", "soft_sign"},
    {"softshrink", "soft_shrink"},
    {"abs", "absolute"},
    {"divide", "true_divide", "true_div"},
    {"floor_divide", "int_div"},
    {"multiply", "mul"},
    {"subtract", "sub"},
    {"negative", "neg"},
    {"power", "pow"},
    {"square", "sqr"},
    {"rint", "round_half_to_even"},
    {"deg2rad", "radians"},
    {"rad2deg", "degrees"},
    {"bitwise_invert", "bitwise_not", "invert"},
    {"stop_gradient", "detach"},
    {"top_k", "topk"},
    {"unstack", "unbind"},
    {"broadcast_arrays", "broadcast_tensors"},
    {"cumulative_sum", "cumsum"},
    {"cumulative_prod", "cumprod"},
    {"triangular_solve", "solve_triangular"},
    {"inv", "inverse", "matrix_inverse"},
)

_OTHERWISE: dict[str, dict[str, str]] = {
    "astype": {"NumPy": "numpy.astype", "PyTorch": "torch.Tensor.to", "PyTensor": "pytensor.tensor.cast"},
    "equal": {"PyTorch": "torch.eq", "PyTensor": "pytensor.tensor.eq"},
    "not_equal": {"PyTensor": "pytensor.tensor.neq"},
    "greater": {"PyTensor": "pytensor.tensor.gt"},
    "greater_equal": {"PyTensor": "pytensor.tensor.ge"},
    "less": {"PyTensor": "pytensor.tensor.lt"},
    "less_equal": {"PyTensor": "pytensor.tensor.le"},
    "logical_and": {"PyTensor": "pytensor.tensor.and_"},
    "logical_or": {"PyTensor": "pytensor.tensor.or_"},
    "logical_xor": {"PyTensor": "pytensor.tensor.xor"},
    "logical_not": {"PyTensor": "pytensor.tensor.invert"},
    "repeat": {"PyTorch": "torch.repeat_interleave"},
    "take": {"PyTorch": "torch.index_select"},
    "take_along_axis": {"PyTorch": "torch.take_along_dim"},
    "put_along_axis": {"PyTorch": "torch.scatter"},
    "gather": {"JAX": "", "NumPy": ""},
    "scatter": {"JAX": ""},
    "scatter_add": {"JAX": ""},
    "select": {"PyTorch": ""},
    "compress": {"PyTorch": ""},
    "choose": {"PyTorch": ""},
    "unfold": {"NumPy": "", "JAX": "", "PyTorch": "torch.Tensor.unfold"},
    "sliding_window_view": {"PyTorch": "torch.Tensor.unfold"},
    "pad": {"PyTorch": "torch.nn.functional.pad"},
    "kl_div": {"NumPy": "", "PyTorch": ""},
    "one_hot": {"PyTorch": "torch.nn.functional.one_hot", "PyTensor": "pytensor.tensor.extra_ops.to_one_hot"},
    "cross_entropy": {"PyTensor": ""},
    "norm": {"NumPy": "numpy.linalg.norm", "PyTorch": "torch.linalg.norm"},
    "cond": {"PyTensor": "pytensor.ifelse", "PyTorch": "torch.cond"},
    "stop_gradient": {"PyTorch": "torch.Tensor.detach", "PyTensor": "pytensor.gradient.disconnected_grad"},
    "segment_sum": {"PyTorch": "torch.segment_reduce"},
    "segment_max": {"PyTorch": "torch.segment_reduce"},
    "segment_min": {"PyTorch": "torch.segment_reduce"},
    "segment_mean": {"PyTorch": "torch.segment_reduce"},
    "map": {"PyTensor": "pytensor.map"},
    "random.bits": {"NumPy": "", "PyTorch": ""},
    "random.split": {"PyTorch": "", "NumPy": ""},
    "random.normal": {"PyTorch": "torch.normal"},
    "random.uniform": {"PyTorch": "torch.Tensor.uniform_"},
    "random.exponential": {"PyTorch": "torch.Tensor.exponential_"},
    "random.categorical": {"NumPy": "", "PyTorch": "torch.multinomial"},
    "random.permutation": {"PyTorch": "torch.randperm"},
    "random.randint": {"PyTorch": "torch.randint", "PyTensor": "pytensor.tensor.random.integers"},
    "random.bernoulli": {"NumPy": "", "PyTorch": "torch.bernoulli"},
    "losses.mean_squared_error": {"PyTorch": "torch.nn.functional.mse_loss"},
    "losses.mean_absolute_error": {"PyTorch": "torch.nn.functional.l1_loss"},
    "losses.huber": {"PyTorch": "torch.nn.functional.huber_loss"},
    "losses.sigmoid_cross_entropy": {"PyTorch": "torch.nn.functional.binary_cross_entropy_with_logits"},
    "losses.softmax_cross_entropy": {"PyTorch": "torch.nn.functional.cross_entropy"},
    "nn.one_hot": {"PyTensor": "pytensor.tensor.extra_ops.to_one_hot"},
    "nn.pad": {"NumPy": "numpy.pad", "JAX": "jax.numpy.pad"},
    "nn.tanh": {"JAX": "jax.numpy.tanh"},
    "nn.conv1d": {"JAX": "jax.lax.conv_general_dilated"},
    "nn.conv2d": {"JAX": "jax.lax.conv_general_dilated"},
    "nn.conv3d": {"JAX": "jax.lax.conv_general_dilated"},
    "nn.conv_transpose1d": {"JAX": "jax.lax.conv_transpose"},
    "nn.conv_transpose2d": {"JAX": "jax.lax.conv_transpose"},
    "nn.conv_transpose3d": {"JAX": "jax.lax.conv_transpose"},
    "nn.scaled_dot_product_attention": {"JAX": "jax.nn.dot_product_attention"},
    "nn.interpolate": {"JAX": "jax.image.resize"},
}
"""Other names than ``_SAME`` tells, and "" where the same name is another thing."""


def installed() -> bool:
    return all(importlib.util.find_spec(package) is not None for package in PACKAGES)


def looked_up(names: list[str]) -> list[str]:
    """For each peer the full name of what does the same as the operator of these names; "" where there is none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # theirs, of names that they are about to drop
        return [_in(peer, names) for peer in PEERS]


def _in(peer: str, names: list[str]) -> str:
    for name in names:
        if peer in _OTHERWISE.get(name, {}):
            full = _OTHERWISE[name][peer]
            assert not full or _value(full) is not None, f"{peer} has no {full}"
            return full
    for name in sorted(names, key=lambda name: not name.startswith("linalg.")):
        room, _, short = name.rpartition(".")
        for place in _places(room, short)[peer]:
            for candidate in [short, *sorted(_synonyms(short) - {short})]:
                value = _value(f"{place}.{candidate}")
                if callable(value) and not isinstance(value, type) and not isinstance(value, ModuleType):
                    return f"{place}.{candidate}"
    return ""


def _places(room: str, short: str) -> dict[str, list[str]]:
    if not room and short in ("cond", "fori_loop", "map", "scan", "while_loop"):
        return _CONTROL
    return {"nn": _NEURAL, "losses": _NEURAL, "linalg": _LINALG, "random": _RANDOM}.get(room, _ARRAYS)


def _synonyms(name: str) -> set[str]:
    return {other for group in _SAME if name in group for other in group}


@cache
def _value(full: str) -> Any:
    """What a dotted name stands for; None where it stands for nothing."""
    parts = full.split(".")
    value: Any = importlib.import_module(parts[0])
    for place, part in enumerate(parts[1:], 1):
        if not hasattr(value, part) and isinstance(value, ModuleType):
            try:
                importlib.import_module(".".join(parts[: place + 1]))
            except ImportError:
                return None
        value = getattr(value, part, None)
    return value
