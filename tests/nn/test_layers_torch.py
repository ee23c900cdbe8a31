"""Layers against PyTorch's modules of the same weights, where torch is installed: values and all gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import symdiff as sd
from symdiff import nn
from symdiff.nn import layers
from tests.nn.layer_support import Array, random_state

torch = pytest.importorskip("torch")

RNG = np.random.default_rng(0)
N, T, D, H = 3, 5, 6, 4
SEQUENCES = sd.input("x", (sd.dim("n"), T, D))
IMAGES = sd.input("images", (sd.dim("n"), 4, 5, 5))
Copies = dict[str, Callable[[sd.State], Array]]
"""For each of torch's parameters its value, from those of symdiff."""


def compare(y: sd.Node, x: sd.Node, module: Any, call: Callable[[Any], Any], copies: Copies) -> sd.State:
    """Values, the gradient of x, and that of every parameter, copied like the parameters are; our gradients. Second
    biases of torch's recurrent modules have no counterpart."""
    state, given = random_state(y), RNG.normal(size=tuple(N if isinstance(size, sd.Dim) else size for size in x.shape))
    module.double()
    with torch.no_grad():
        for name, tensor in module.named_parameters():
            tensor.copy_(torch.tensor(copies[name](state)))
    weights = np.cos(np.arange(y.shape[-1]))
    cost = sd.sum(sd.sin(y) * weights)
    params = [param for param in sd.Graph(y).params if param.type.is_float and not _statistic(param)]
    found, d_x, *d_params = sd.compile([y, *sd.grad(cost, [x, *params])], inputs=[x])(state, given)
    tensor = torch.tensor(given, requires_grad=True)
    out = call(tensor)
    (torch.sin(out) * torch.tensor(weights)).sum().backward()
    np.testing.assert_allclose(found, out.detach().numpy(), rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(d_x, tensor.grad.numpy(), rtol=1e-8, atol=1e-10)
    gradients = state.copy()
    for param, gradient in zip(params, d_params, strict=True):
        gradients[param.attrs["name"]] = gradient
    for name, tensor in module.named_parameters():
        if not name.startswith("bias_hh"):
            np.testing.assert_allclose(
                copies[name](gradients), tensor.grad.numpy(), rtol=1e-8, atol=1e-10, err_msg=name
            )
    return gradients


def _statistic(param: sd.Node) -> bool:
    return param.attrs["name"].endswith((".mean", ".var"))


def zeros(state: sd.State) -> Array:
    return np.zeros(state["l.b"].shape)


RECURRENT: Copies = {
    "weight_ih_l0": lambda s: s["l.W_x"].T,
    "weight_hh_l0": lambda s: s["l.W_h"].T,
    "bias_ih_l0": lambda s: s["l.b"],
    "bias_hh_l0": zeros,
}


@pytest.mark.parametrize("kind", ["rnn", "lstm"])
def test_recurrent(kind: str) -> None:
    y, _ = getattr(nn, kind)(SEQUENCES, H, name="l")
    module = getattr(torch.nn, kind.upper())(D, H, batch_first=True)
    compare(y, SEQUENCES, module, lambda x: module(x)[0], RECURRENT)


def test_gru() -> None:
    """torch's second bias adds to ours for two of the gates, so it is 0 there."""
    y, _ = nn.gru(SEQUENCES, H, name="l")
    module = torch.nn.GRU(D, H, batch_first=True)
    second: Copies = {"bias_hh_l0": lambda s: np.concatenate([np.zeros(2 * H), s["l.b_m"]])}
    gradients = compare(y, SEQUENCES, module, lambda x: module(x)[0], RECURRENT | second)
    np.testing.assert_allclose(gradients["l.b_m"], module.bias_hh_l0.grad[2 * H :].numpy(), rtol=1e-8, atol=1e-10)


def test_bidirectional_lstm() -> None:
    y, _ = nn.bidirectional(nn.lstm, SEQUENCES, H, name="l")
    module = torch.nn.LSTM(D, H, batch_first=True, bidirectional=True)
    copies: Copies = {}
    for suffix, part in (("", "forward"), ("_reverse", "backward")):
        copies |= {
            f"weight_ih_l0{suffix}": lambda s, part=part: s[f"l.{part}.W_x"].T,
            f"weight_hh_l0{suffix}": lambda s, part=part: s[f"l.{part}.W_h"].T,
            f"bias_ih_l0{suffix}": lambda s, part=part: s[f"l.{part}.b"],
            f"bias_hh_l0{suffix}": lambda s: np.zeros(4 * H),
        }
    compare(y, SEQUENCES, module, lambda x: module(x)[0], copies)


ATTENTION: Copies = {
    "in_proj_weight": lambda s: np.concatenate([s[f"l.W_{letter}"].T for letter in "qkv"]),
    "in_proj_bias": lambda s: np.concatenate([s[f"l.b_{letter}"] for letter in "qkv"]),
    "out_proj.weight": lambda s: s["l.W_o"].T,
    "out_proj.bias": lambda s: s["l.b_o"],
}


@pytest.mark.parametrize("causal", [False, True])
def test_multi_head_attention(causal: bool) -> None:
    y = nn.multi_head_attention(SEQUENCES, 3, causal=causal, name="l")
    module = torch.nn.MultiheadAttention(D, 3, batch_first=True)
    mask = torch.triu(torch.ones(T, T, dtype=torch.bool), 1) if causal else None
    compare(y, SEQUENCES, module, lambda x: module(x, x, x, attn_mask=mask)[0], ATTENTION)


def test_transformer_block() -> None:
    y = nn.transformer_block(SEQUENCES, 3, hidden=7, causal=True, name="l")
    module = torch.nn.TransformerEncoderLayer(D, 3, 7, 0.0, "gelu", batch_first=True, norm_first=True)
    mask = torch.triu(torch.ones(T, T, dtype=torch.bool), 1)
    inner = {
        "in_proj_weight": lambda s: np.concatenate([s[f"l.attention.W_{letter}"].T for letter in "qkv"]),
        "in_proj_bias": lambda s: np.concatenate([s[f"l.attention.b_{letter}"] for letter in "qkv"]),
        "out_proj.weight": lambda s: s["l.attention.W_o"].T,
        "out_proj.bias": lambda s: s["l.attention.b_o"],
    }
    copies: Copies = {f"self_attn.{name}": copy for name, copy in inner.items()}
    for k, name in ((1, "up"), (2, "down")):
        copies[f"linear{k}.weight"] = lambda s, name=name: s[f"l.{name}.W"].T
        copies[f"linear{k}.bias"] = lambda s, name=name: s[f"l.{name}.b"]
        copies[f"norm{k}.weight"] = lambda s, k=k: s[f"l.norm_{k}.gamma"]
        copies[f"norm{k}.bias"] = lambda s, k=k: s[f"l.norm_{k}.beta"]
    compare(y, SEQUENCES, module, lambda x: module(x, src_mask=mask), copies)


AFFINE: Copies = {"weight": lambda s: s["l.gamma"], "bias": lambda s: s["l.beta"]}


def test_norms() -> None:
    module = torch.nn.GroupNorm(2, 4)
    compare(layers.group_norm(IMAGES, 2, name="l"), IMAGES, module, module, AFFINE)
    module = torch.nn.LayerNorm(D)
    compare(layers.layer_norm(SEQUENCES, name="l"), SEQUENCES, module, module, AFFINE)
    module = torch.nn.RMSNorm(D)
    compare(layers.rms_norm(SEQUENCES, name="l"), SEQUENCES, module, module, AFFINE)
    module = torch.nn.BatchNorm2d(4)
    compare(layers.batch_norm(IMAGES, True, name="l"), IMAGES, module, module, AFFINE)


def test_running_statistics_and_evaluation() -> None:
    y = layers.batch_norm(IMAGES, True, name="l")
    step = sd.train_step(sd.mean(sd.sin(y) ** 2), [IMAGES], sd.optim.sgd(0.1))
    state, train = step.init(), sd.compile(step)
    module = torch.nn.BatchNorm2d(4).double()
    rule = torch.optim.SGD(module.parameters(), 0.1)
    for k in range(4):
        batch = RNG.normal(k, 2, (N + k, 4, 5, 5))
        train(state, batch)
        rule.zero_grad()
        (torch.sin(module(torch.tensor(batch))) ** 2).mean().backward()
        rule.step()
    for ours, its in (("gamma", "weight"), ("beta", "bias"), ("mean", "running_mean"), ("var", "running_var")):
        np.testing.assert_allclose(state[f"l.{ours}"], getattr(module, its).detach().numpy(), rtol=1e-9, atol=1e-12)
    module.eval()
    found = sd.compile(layers.batch_norm(IMAGES, False, name="l"), inputs=[IMAGES])(state, batch)
    np.testing.assert_allclose(found, module(torch.tensor(batch)).detach().numpy(), rtol=1e-9)


def test_conv2d_and_dense() -> None:
    module = torch.nn.Conv2d(4, 6, (3, 2), stride=2, padding=1, groups=2)
    y = layers.conv2d(IMAGES, 6, (3, 2), stride=2, padding=1, groups=2, name="l")
    compare(y, IMAGES, module, module, {"weight": lambda s: s["l.W"], "bias": lambda s: s["l.b"]})
    module = torch.nn.Linear(D, H)
    y = nn.dense(SEQUENCES, H, name="l")
    compare(y, SEQUENCES, module, module, {"weight": lambda s: s["l.W"].T, "bias": lambda s: s["l.b"]})
