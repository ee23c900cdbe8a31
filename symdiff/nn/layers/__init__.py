"""Layers: functions that make their parameters under the name of the scope, and apply them."""

from .attention import learned_positions, multi_head_attention, sinusoidal_positions, transformer_block
from .convolution import conv1d, conv2d
from .dense import dense, embedding
from .dropout import dropout
from .normalization import batch_norm, group_norm, layer_norm, rms_norm
from .recurrent import bidirectional, gru, lstm, rnn

__all__ = [
    "batch_norm",
    "bidirectional",
    "conv1d",
    "conv2d",
    "dense",
    "dropout",
    "embedding",
    "group_norm",
    "gru",
    "layer_norm",
    "learned_positions",
    "lstm",
    "multi_head_attention",
    "rms_norm",
    "rnn",
    "sinusoidal_positions",
    "transformer_block",
]
