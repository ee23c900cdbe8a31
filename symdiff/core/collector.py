"""Python's collector of reference cycles, kept out of the way while graphs are worked on.

A graph of 10^5 nodes is a million objects, all alive and next to none in a cycle. The collector would look through them
again and again, which takes a third of the time that differentiating and rewriting take; to look through them once when
they are made takes a tenth.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

MANY = 10_000  # objects: to look through fewer takes less than a millisecond


@contextmanager
def paused_collector() -> Iterator[None]:
    """No collections inside; afterwards whatever was the case before. Reference counts still free what nobody holds.
    Where a great many objects were made, the next collection does not begin with them."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            if gc.get_count()[0] > MANY:
                all_is_old()
            gc.enable()


def all_is_old() -> None:
    """What is alive counts as old from now on: the collector will not soon look through it again. For after work that
    has made a great many objects, which stay."""
    if gc.get_freeze_count() == 0:  # else somebody keeps objects frozen, and they would not stay it
        gc.freeze()
        gc.unfreeze()
