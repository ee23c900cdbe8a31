"""Threefry-2x32 with 20 rounds: 64 bits that look random, for every key and counter of 64 bits.

Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011. The words of a number of 64 bits
are its lower and its upper half, in this order.
"""

from __future__ import annotations

from typing import Any

import numpy as np

ROUNDS = 20
ROTATIONS = (13, 15, 26, 6, 17, 29, 16, 24)
PARITY = 0x1BD11BDA
_WORD = np.uint64(0xFFFFFFFF)


def threefry(key: Any, counter: Any) -> Any:
    """The bits for uint64 keys and counters, in NumPy: words of 32 bits are the lower halves of uint64."""
    bits = np.uint64(32)
    keys = [key & _WORD, key >> bits]
    keys.append(keys[0] ^ keys[1] ^ np.uint64(PARITY))
    x, y = ((counter & _WORD) + keys[0]) & _WORD, ((counter >> bits) + keys[1]) & _WORD
    for number in range(ROUNDS):
        turn = ROTATIONS[number % 8]
        x = (x + y) & _WORD
        y = (((y << np.uint64(turn)) | (y >> np.uint64(32 - turn))) & _WORD) ^ x
        if number % 4 == 3:
            added = number // 4 + 1
            x = (x + keys[added % 3]) & _WORD
            y = (y + keys[(added + 1) % 3] + np.uint64(added)) & _WORD
    return x | (y << bits)
