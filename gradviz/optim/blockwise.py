"""A large parameter's step, block by block: every array of a block stays in the cache through all of the formula.

A formula like Adam's goes over its arrays a dozen times. For ten million numbers each time comes from main memory, and
each intermediate result is new memory, page fault by page fault: in blocks the same calls take half of the time. The
blocks are shared among threads, as many as a product of matrices may use.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from gradviz.core.parallel import share

# Numbers in a block. With half as many, or twice, it takes as long; with a quarter or four times as many longer.
BLOCK = 1 << 17
# From so many numbers on, blocks pay, and threads.
LARGE = 4 * BLOCK

Update = Callable[[Any, Any, dict[str, Any]], None]


def fits(arrays: Iterable[Any]) -> bool:
    """Whether these are large NumPy arrays that lie in memory alike and in one piece."""
    return all(type(a) is np.ndarray and a.size >= LARGE and a.flags.c_contiguous for a in arrays)


def update(change: Update, p: Any, g: Any, kept: dict[str, Any], names: Iterable[str]) -> None:
    """`change(p, g, kept)` for each block of `p`, `g` and the arrays among `kept`, which are those of `names`.

    Numbers that `change` keeps are those of a step: each block starts from the same.
    """
    rows = {name: kept[name].reshape(-1) for name in names}
    params, grads = p.reshape(-1), g.reshape(-1)

    def some(blocks: Iterable[int]) -> None:
        for i in blocks:
            block = slice(i * BLOCK, (i + 1) * BLOCK)
            own = {**kept, **{name: row[block] for name, row in rows.items()}}
            change(params[block], grads[block], own)
            if i == 0:
                numbers.update((name, value) for name, value in own.items() if name not in rows)

    numbers: dict[str, Any] = {}
    share(some, -(-params.size // BLOCK))
    kept.update(numbers)
