"""Digests of what is kept on disk."""

from __future__ import annotations

import marshal
from typing import Any

try:
    from _blake2 import blake2b  # hashlib gives the same, but imports OpenSSL first, which takes 4 ms
except ImportError:
    from hashlib import blake2b

DIGEST_BYTES = 32
_BY_VALUE = 2  # the last version of marshal's format in which bytes do not tell which values are the same object


def digest(content: bytes) -> str:
    """64 hexadecimal digits."""
    return blake2b(content, digest_size=DIGEST_BYTES).hexdigest()


def digest_of(value: object) -> str:
    """Of the text of a value that is plain data through and through."""
    return digest(repr(value).encode())


def as_bytes(value: Any) -> bytes:
    """A value in types that marshal knows. Equal values of equal types have equal bytes, and other values others."""
    return marshal.dumps(value, _BY_VALUE)


def checksum(content: bytes) -> bytes:
    return blake2b(content, digest_size=DIGEST_BYTES).digest()
