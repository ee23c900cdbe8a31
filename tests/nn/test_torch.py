"""Every function of sd.nn against PyTorch's of the same name, where torch is installed: value and gradients in float64,
compiled and interpreted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import symdiff as sd
from symdiff import nn

torch = pytest.importorskip("torch")
F = torch.nn.functional

N = 3
RNG = np.random.default_rng(0)


class Case:
    """The name of both functions, arrays for the operands (float ones are differentiated), and further arguments."""

    def __init__(self, name: str, *arrays: Any, torch: Callable[..., Any] | None = None, **settings: Any) -> None:
        self.name, self.settings = name, settings
        self.arrays = [np.asarray(array) for array in arrays]
        self.peer = torch if torch is not None else getattr(F, name)

    def __repr__(self) -> str:
        parts = [",".join(map(str, array.shape)) or "scalar" for array in self.arrays]
        return "-".join([self.name, *parts, *(f"{name}={value}" for name, value in self.settings.items())])


def reals(*shape: int) -> Any:
    return RNG.normal(size=shape)


def positive(*shape: int) -> Any:
    return RNG.uniform(0.2, 2, size=shape)


def unit(*shape: int) -> Any:
    return RNG.uniform(0.05, 0.95, size=shape)


def signs(*shape: int) -> Any:
    return RNG.choice([-1.0, 1.0], size=shape)


def labels(count: int, *shape: int) -> Any:
    return RNG.integers(0, count, size=shape)


def with_ignored(array: Any, index: int = -100) -> Any:
    array = array.copy()
    array.flat[1] = index
    return array


def tied() -> Any:
    """Windows with several largest elements."""
    return RNG.integers(0, 3, size=(N, 2, 6, 6)).astype(float)


CASES = [
    # convolutions
    Case("conv1d", reals(N, 4, 9), reals(6, 2, 3), reals(6), stride=2, padding=1, dilation=2, groups=2),
    Case("conv1d", reals(2, 9), reals(3, 2, 4)),
    Case("conv2d", reals(N, 3, 8, 9), reals(4, 3, 3, 2), reals(4)),
    Case("conv2d", reals(N, 3, 8, 9), reals(4, 3, 3, 2), stride=(2, 3), padding=(1, 2)),
    Case("conv2d", reals(N, 4, 8, 9), reals(6, 2, 3, 4), padding="same", groups=2, dilation=(1, 2)),
    Case("conv2d", reals(N, 4, 5, 5), reals(4, 1, 3, 3), groups=4, padding="valid"),
    Case("conv2d", reals(N, 3, 5, 5), reals(2, 3, 1, 1), stride=2),
    Case("conv2d", reals(N, 33, 11, 10), reals(34, 33, 5, 5), padding=2),
    Case("conv3d", reals(N, 2, 5, 6, 4), reals(3, 2, 2, 3, 1), reals(3), stride=(1, 2, 2), padding=1),
    Case("conv_transpose1d", reals(N, 4, 5), reals(4, 3, 3), reals(6), stride=2, padding=1, output_padding=1, groups=2),
    Case("conv_transpose2d", reals(N, 4, 5, 4), reals(4, 2, 3, 4), reals(2), stride=(2, 3), padding=1, dilation=2),
    Case("conv_transpose2d", reals(N, 4, 5, 4), reals(4, 2, 3, 4)),
    Case("conv_transpose3d", reals(N, 2, 3, 2, 4), reals(2, 3, 2, 2, 3), stride=2),
    Case("unfold", reals(N, 2, 8, 9), kernel_size=(3, 2), dilation=(1, 2), padding=(1, 2), stride=(2, 1)),
    Case("fold", reals(N, 12, 16), output_size=(5, 6), kernel_size=(2, 3)),
    Case("fold", reals(N, 12, 12), output_size=(5, 6), kernel_size=(2, 3), padding=1, stride=(2, 1), dilation=(1, 2)),
    # pools
    *(Case("max_pool2d", x, **settings) for x in (reals(N, 2, 8, 9), tied()) for settings in (
        {"kernel_size": 2}, {"kernel_size": (3, 2), "stride": (2, 1), "padding": 1},
        {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True}, {"kernel_size": 2, "dilation": 2},
        {"kernel_size": 2, "stride": 3, "ceil_mode": True},
    )),
    *(Case("avg_pool2d", reals(N, 2, 8, 9), **settings) for settings in (
        {"kernel_size": 2}, {"kernel_size": (4, 3)}, {"kernel_size": (3, 2), "stride": (2, 1), "padding": 1},
        {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True, "count_include_pad": False},
        {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True},
        {"kernel_size": 2, "stride": 3, "ceil_mode": True, "divisor_override": 5},
    )),
    Case("max_pool1d", reals(N, 2, 9), kernel_size=3, stride=2),
    Case("max_pool3d", reals(N, 2, 6, 5, 4), kernel_size=3, stride=2, padding=1),
    Case("avg_pool1d", reals(N, 2, 9), kernel_size=3, stride=2, padding=1),
    Case("avg_pool3d", reals(N, 2, 6, 5, 4), kernel_size=3, stride=2, padding=1),
    *(Case(f"adaptive_{kind}_pool2d", reals(N, 2, 8, 9), output_size=size)
      for kind in ("avg", "max") for size in (1, 3, (3, None), (8, 9), (4, 3), (10, 11))),
    Case("adaptive_avg_pool1d", reals(N, 2, 7), output_size=3),
    Case("adaptive_max_pool1d", reals(N, 2, 7), output_size=3),
    Case("adaptive_avg_pool3d", reals(N, 2, 5, 6, 4), output_size=(2, 3, 2)),
    Case("adaptive_max_pool3d", reals(N, 2, 5, 6, 4), output_size=(2, 3, 3)),
    Case("lp_pool1d", positive(N, 2, 9), norm_type=3, kernel_size=2),
    Case("lp_pool2d", reals(N, 2, 8, 9), norm_type=2, kernel_size=3, stride=2),
    # normalization
    Case("batch_norm", reals(N, 4, 5), reals(4), positive(4), reals(4), reals(4)),
    Case("layer_norm", reals(N, 4, 5), normalized_shape=(4, 5)),
    Case("group_norm", reals(N, 6, 5, 2), num_groups=3),
    Case("instance_norm", reals(N, 6, 5, 2)),
    Case("rms_norm", reals(N, 4, 5), normalized_shape=(5,)),
    Case("rms_norm", reals(N, 4, 5), normalized_shape=(4, 5), eps=0.1),
    Case("local_response_norm", reals(N, 7, 4), size=3, alpha=0.3),
    Case("local_response_norm", reals(N, 7, 4, 2), size=4, k=2.0, beta=0.5),
    Case("normalize", reals(N, 4)),
    Case("normalize", reals(N, 4, 2), p=3.0, dim=-1),
    Case("normalize", np.zeros((N, 4))),
    # layers
    Case("linear", reals(N, 4), reals(5, 4), reals(5)),
    Case("linear", reals(2, N, 4), reals(4)),
    Case("bilinear", reals(N, 4), reals(N, 3), reals(5, 4, 3), reals(5)),
    Case("embedding", labels(7, N, 4), reals(7, 2)),
    Case("embedding", labels(4, N, 9), reals(4, 2), padding_idx=-2),
    Case("pixel_shuffle", reals(N, 12, 4, 5), upscale_factor=2),
    Case("pixel_unshuffle", reals(N, 3, 4, 6), downscale_factor=2),
    *(Case("pad", reals(N, 2, 5, 6), pad=pad, mode=mode) for pad in ((1, 2), (2, 0, 1, 3)) for mode in
      ("constant", "reflect", "replicate", "circular") if mode == "constant" or len(pad) == 4),
    Case("pad", reals(N, 5, 6), pad=(-1, 2, 3, -2), value=0.5),
    *(Case("interpolate", reals(N, 2, 5, 4), mode=mode, **settings) for mode in ("nearest", "bilinear")
      for settings in ({"size": (7, 3)}, {"scale_factor": 2.0}, {"scale_factor": (0.6, 1.7)})),
    Case("interpolate", reals(N, 2, 5), mode="linear", size=8, align_corners=True),
    Case("cosine_similarity", reals(N, 4), reals(N, 4)),
    Case("cosine_similarity", reals(N, 4, 2), np.zeros((N, 4, 2)) + reals(1, 1, 2), dim=-2),
    Case("pairwise_distance", reals(N, 4), reals(N, 4)),
    Case("pairwise_distance", reals(N, 4), reals(N, 4), p=1.0, keepdim=True),
    # attention
    Case("scaled_dot_product_attention", reals(N, 2, 5, 4), reals(N, 2, 6, 4), reals(N, 2, 6, 3)),
    Case("scaled_dot_product_attention", reals(N, 5, 4), reals(N, 6, 4), reals(N, 6, 3), is_causal=True, scale=0.3),
    Case("scaled_dot_product_attention", reals(N, 5, 4), reals(N, 6, 4), reals(N, 6, 3), reals(5, 6)),
    Case("scaled_dot_product_attention", reals(N, 5, 4), reals(N, 6, 4), reals(N, 6, 3),
         np.arange(30).reshape(5, 6) % 7 > np.arange(5)[:, None] * 2),
    # losses
    *(Case(name, reals(N, 4), reals(N, 4), reduction=reduction) for reduction in ("mean", "sum", "none")
      for name in ("l1_loss", "mse_loss", "huber_loss", "smooth_l1_loss")),
    Case("huber_loss", reals(N, 4), reals(N, 4), delta=0.3),
    Case("smooth_l1_loss", reals(N, 4), reals(N, 4), beta=0.3),
    Case("smooth_l1_loss", reals(N, 4), reals(N, 4), beta=0.0),
    Case("huber_loss", np.array([1.0, -1.0, 0.0]), np.zeros(3)),
    Case("smooth_l1_loss", np.array([1.0, -1.0, 0.0]), np.zeros(3)),
    *(Case("kl_div", reals(N, 4), unit(N, 4), reduction=reduction) for reduction in ("batchmean", "sum", "none")),
    Case("kl_div", reals(N, 4), reals(N, 4), log_target=True, reduction="sum"),
    Case("poisson_nll_loss", reals(N, 4), positive(N, 4)),
    Case("poisson_nll_loss", positive(N, 4), positive(N, 4), log_input=False, full=True, reduction="sum"),
    Case("gaussian_nll_loss", reals(N, 4), reals(N, 4), positive(N, 4)),
    Case("gaussian_nll_loss", reals(N, 4), reals(N, 4), positive(N), full=True, eps=0.8, reduction="sum"),
    Case("binary_cross_entropy", unit(N, 4), unit(N, 4), reduction="sum"),
    Case("binary_cross_entropy", unit(N, 4), unit(N, 4), positive(4)),
    Case("binary_cross_entropy_with_logits", reals(N, 4), unit(N, 4)),
    Case("binary_cross_entropy_with_logits", reals(N, 4) * 80, unit(N, 4).round(), reduction="none"),
    Case("binary_cross_entropy_with_logits", reals(N, 4), unit(N, 4), positive(N, 4), pos_weight=positive(4)),
    Case("soft_margin_loss", reals(N, 4), signs(N, 4)),
    Case("multilabel_soft_margin_loss", reals(N, 4), unit(N, 4).round()),
    Case("hinge_embedding_loss", reals(N, 4), signs(N, 4), margin=0.4),
    Case("hinge_embedding_loss", np.array([1.0, 2.0, 1.0]), np.array([-1.0, -1.0, 1.0])),
    Case("margin_ranking_loss", reals(N), reals(N), signs(N), margin=0.2),
    Case("margin_ranking_loss", np.ones(2), np.ones(2), np.array([1.0, -1.0])),
    Case("cosine_embedding_loss", reals(N, 4), reals(N, 4), np.array([1, -1, -1]), margin=-0.2),
    Case("triplet_margin_loss", reals(N, 4), reals(N, 4), reals(N, 4)),
    Case("triplet_margin_loss", reals(N, 4), reals(N, 4), reals(N, 4), swap=True, p=1.0, margin=3.0, reduction="none"),
    *(Case("multi_margin_loss", reals(N, 5), labels(5, N), reduction=reduction) for reduction in ("mean", "none")),
    Case("multi_margin_loss", reals(N, 5), labels(5, N), p=2, margin=0.7, weight=positive(5)),
    *(Case("nll_loss", reals(N, 5, 2), with_ignored(labels(5, N, 2)), reduction=reduction)
      for reduction in ("mean", "sum", "none")),
    *(Case("cross_entropy", reals(N, 5) * 9, with_ignored(labels(5, N)), weight=weight, reduction=reduction,
           label_smoothing=smoothing)
      for weight in (None, positive(5)) for reduction in ("mean", "sum", "none") for smoothing in (0.0, 0.1)),
    Case("cross_entropy", reals(N, 5, 3, 2), labels(5, N, 3, 2), weight=positive(5)),
    Case("cross_entropy", reals(N, 5, 2), with_ignored(labels(4, N, 2), 4), ignore_index=4),
    Case("cross_entropy", reals(5), np.array(3)),
    Case("cross_entropy", reals(N, 5), unit(N, 5)),
    Case("cross_entropy", reals(N, 5, 2), unit(N, 5, 2), weight=positive(5), label_smoothing=0.2),
]  # fmt: skip

DIFFERENTIATED = {
    "batch_norm": (0, 3, 4), "binary_cross_entropy": (0,), "binary_cross_entropy_with_logits": (0, 1),
    "hinge_embedding_loss": (0,), "multilabel_soft_margin_loss": (0,), "soft_margin_loss": (0,),
}  # fmt: skip
"""The operands that PyTorch can differentiate with respect to, where these are not all."""
BATCHED = {"bilinear": 2, "linear": 1, "embedding": 1}
"""How many operands have the batch as their first axis, where it is not all of that size."""


def in_torch(value: Any) -> Any:
    return torch.tensor(value) if isinstance(value, np.ndarray) else value


def leaf(case: Case, place: int) -> sd.Node:
    """The operand as an input whose first size is symbolic where it is that of the batch."""
    array = case.arrays[place]
    batched = 1 if case.name.startswith("conv") else BATCHED.get(case.name, len(case.arrays))
    has_batch = place < batched and array.ndim and array.shape[0] == N
    return sd.input(f"x{place}", (sd.dim("n"), *array.shape[1:]) if has_batch else array.shape, dtype=array.dtype)


@pytest.mark.parametrize("backend", ["native", "numpy"])
@pytest.mark.parametrize("case", CASES, ids=repr)
def test_value_and_gradients(case: Case, backend: str) -> None:
    floats = [place for place, array in enumerate(case.arrays) if array.dtype.kind == "f"]
    wrt = DIFFERENTIATED.get(case.name, floats)
    leaves = [leaf(case, place) for place in range(len(case.arrays))]
    y = getattr(nn, case.name)(*leaves, **case.settings)
    tensors = [torch.tensor(array, requires_grad=place in wrt) for place, array in enumerate(case.arrays)]
    expected = case.peer(*tensors, **{name: in_torch(value) for name, value in case.settings.items()})
    weights = np.random.default_rng(1).normal(size=expected.shape)
    gradients = torch.autograd.grad(expected, [tensors[place] for place in wrt], torch.tensor(weights))
    ct = sd.input("ct", y.shape)
    found = sd.compile([y, *sd.vjp([y], [leaves[k] for k in wrt], [ct])], inputs=[*leaves, ct], backend=backend)
    results = found(*case.arrays, weights)
    for actual, tensor in zip(results, [expected, *gradients], strict=True):
        wanted = tensor.detach().numpy()
        assert actual.shape == wanted.shape
        np.testing.assert_allclose(actual, wanted, rtol=1e-9, atol=1e-9 * (1 + np.abs(wanted).max(initial=0)))


@pytest.mark.parametrize("name", ["batch_norm", "instance_norm"])
def test_running_statistics(name: str) -> None:
    x, mean, var = reals(N, 4, 5), reals(4), positive(4)
    node, m, v = sd.input("x", (sd.dim("n"), 4, 5)), sd.input("m", (4,)), sd.input("v", (4,))
    settings = {"training": True} if name == "batch_norm" else {"use_input_stats": True}
    found = sd.compile(list(getattr(nn, name)(node, m, v, momentum=0.3, **settings)), inputs=[node, m, v])(x, mean, var)
    means, variances = torch.tensor(mean), torch.tensor(var)
    y = getattr(F, name)(torch.tensor(x), means, variances, momentum=0.3, **settings)
    for actual, wanted in zip(found, (y, means, variances), strict=True):
        np.testing.assert_allclose(actual, wanted.numpy(), rtol=1e-9)


def test_batch_statistics_are_differentiated() -> None:
    x, ct = reals(N, 4, 5), reals(N, 4, 5)
    node, c = sd.input("x", (sd.dim("n"), 4, 5)), sd.input("c", (sd.dim("n"), 4, 5))
    found = sd.compile(sd.vjp([nn.batch_norm(node, training=True)], [node], [c]), inputs=[node, c])(x, ct)
    tensor = torch.tensor(x, requires_grad=True)
    (wanted,) = torch.autograd.grad(F.batch_norm(tensor, None, None, training=True), tensor, torch.tensor(ct))
    np.testing.assert_allclose(found[0], wanted.numpy(), rtol=1e-9, atol=1e-12)


def test_second_derivatives_of_convolutions() -> None:
    x, w, ct = reals(2, 4, 6, 5), reals(6, 2, 3, 2), reals(2, 6, 3, 3)
    settings = {"stride": (2, 1), "padding": (1, 0), "dilation": (1, 2), "groups": 2}
    nodes = [sd.input(name, array.shape) for name, array in (("x", x), ("w", w), ("ct", ct))]
    y = nn.conv2d(nodes[0], nodes[1], **settings)
    first = sd.vjp([y], nodes[:2], [nodes[2]])
    second = sd.grad(sum(sd.sum(g**3) for g in first), nodes)
    found = sd.compile(second, inputs=nodes)(x, w, ct)
    tensors = [torch.tensor(array, requires_grad=True) for array in (x, w, ct)]
    result = F.conv2d(tensors[0], tensors[1], **settings)
    one = torch.autograd.grad(result, tensors[:2], tensors[2], create_graph=True)
    two = torch.autograd.grad(sum((g**3).sum() for g in one), tensors)
    for actual, wanted in zip(found, two, strict=True):
        np.testing.assert_allclose(actual, wanted.numpy(), rtol=1e-9, atol=1e-9 * float(wanted.abs().max()))


def test_indices_of_max_pooling() -> None:
    x = reals(N, 2, 5, 6)
    node = sd.input("x", (sd.dim("n"), 2, 5, 6))
    found = sd.compile(list(nn.max_pool2d(node, 2, return_indices=True)), inputs=[node])(x)
    for actual, wanted in zip(found, F.max_pool2d(torch.tensor(x), 2, return_indices=True), strict=True):
        np.testing.assert_array_equal(actual, wanted.numpy())


def test_a_row_of_attention_that_sees_nothing() -> None:
    q, k, v = reals(2, 3, 4), reals(2, 5, 4), reals(2, 5, 3)
    mask = np.ones((3, 5), bool)
    mask[1] = False
    nodes = [sd.input(name, array.shape) for name, array in (("q", q), ("k", k), ("v", v))]
    y = nn.scaled_dot_product_attention(*nodes, attn_mask=sd.constant(mask))
    found = sd.compile([y, *sd.grad(sd.sum(y**2), nodes)], inputs=nodes)(q, k, v)
    assert all(np.isfinite(part).all() for part in found)
    wanted = F.scaled_dot_product_attention(*map(torch.tensor, (q, k, v)), attn_mask=torch.tensor(mask))
    np.testing.assert_allclose(found[0], wanted.numpy(), rtol=1e-9, atol=1e-12)
    assert (found[0][:, 1] == 0).all()
