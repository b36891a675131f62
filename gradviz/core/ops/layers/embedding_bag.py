"""Bags of rows of a table, each made into one row: their sum, their mean, or the largest number in each column.

The bags lie side by side in a grid (bags, longest bag) of row numbers; places beyond a bag's end count for nothing.

    input 4 7 1 | 2 2, offsets 0 3        rows [[4, 7, 1],      used [[1, 1, 1],
                                                [2, 2, 0]]            [1, 1, 0]]
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import noted
from ...op import function, op
from ...tensor import Tensor
from ..indexing.take import beside
from ..linalg.products import wide_matmul
from .embedding import check_index, frequency_share, into_rows, unsupported_sparse

SUM, MEAN, MAX = 0, 1, 2


class Bags:
    """Which rows each bag holds: `rows` and `used` are the grid, `bag` and `place` say where each index went."""

    __slots__ = ("bag", "count", "into", "place", "rows", "used")

    def __init__(self, device: Any, index: Any, starts: Any, ends: Any, padding: int, table: int) -> None:
        lengths = ends - starts
        bag = np.repeat(np.arange(lengths.size), lengths)
        first = np.repeat(starts, lengths)
        taken = np.repeat(np.cumsum(lengths) - lengths, lengths)
        within = np.arange(bag.size) - taken
        grid = (lengths.size, int(lengths.max(initial=0)))
        rows, used, place = np.zeros(grid, np.int64), np.zeros(grid, bool), np.zeros(grid, np.int64)
        place[bag, within] = first + within
        rows[bag, within] = index[first + within]
        used[bag, within] = index[first + within] != padding
        self.bag, self.place = (device.wrap(a) for a in (bag, within))
        self.rows, self.used, self.count = device.wrap(rows), device.wrap(used), device.wrap(used.sum(1))
        self.into = device.wrap(np.where(used, rows, table))

    def __repr__(self) -> str:
        return f"{self.rows.shape[0]} bags"


# -- sum and mean: a weighted sum of rows --------------------------------------------------------------------------
def _bag(xp: Any, weight: Any, samples: Any, share: Any, pull: Any, *, bags: Bags) -> Any:
    """`share` is what each place counts for, `pull` the same for gradients; `samples` scales each index on its own."""
    each = share
    if samples is not None:
        each = xp.zeros(share.shape, dtype=share.dtype)
        each[bags.bag, bags.place] = samples
        each = each * share
    return wide_matmul(xp, each[:, None, :], weight[bags.rows])[:, 0]


def _bag_weight(F: Any, g: Any, samples: Any, pull: Any, weight_shape: tuple[int, ...], bags: Bags) -> Any:
    if samples is not None:
        pull = pull * F.index_add_zeros(samples, shape=bags.rows.shape, index=(bags.bag, bags.place))
    return into_rows(F, F.unsqueeze(g, dim=1) * F.unsqueeze(pull, dim=2), weight_shape, bags.into)


def _bag_samples(F: Any, g: Any, weight: Any, share: Any, bags: Bags) -> Any:
    along = F.sum(F.unsqueeze(g, dim=1) * F.index(weight, index=(bags.rows,)), dim=(2,), keepdim=False) * share
    return F.index(along, index=(bags.bag, bags.place))


_embedding_bag = op(
    "embedding_bag", _bag, public=False,
    weight=lambda F, g, samples, pull, *, weight_shape, bags: _bag_weight(F, g, samples, pull, weight_shape, bags),
    samples=lambda F, g, weight, share, *, bags: _bag_samples(F, g, weight, share, bags),
)  # fmt: skip


# -- the largest of each column ------------------------------------------------------------------------------------
def _largest(xp: Any, weight: Any, samples: Any, *, bags: Bags) -> Any:
    rows, size = bags.rows, weight.shape[1]
    if not rows.shape[1]:
        chosen = xp.full((rows.shape[0], size), weight.shape[0], dtype=xp.int64)
        return xp.zeros((rows.shape[0], size), dtype=weight.dtype), {"chosen": chosen}
    values = xp.where(bags.used[..., None], weight[rows], -xp.inf).astype(weight.dtype)
    at = xp.argmax(values, axis=1)
    picked = xp.take_along_axis(values, at[:, None, :], axis=1)[:, 0]
    chosen = xp.take_along_axis(bags.into, at, axis=1)
    return xp.where(chosen == weight.shape[0], 0.0, picked).astype(weight.dtype), {"chosen": chosen}


def _largest_rule(F: Any, g: Any, chosen: Any, weight_shape: tuple[int, ...]) -> Any:
    rows, size = weight_shape
    grown = F.scatter_zeros(g, chosen, shape=(rows + 1, size), dim=0)
    return F.narrow(grown, dim=0, start=0, length=rows)


_embedding_bag_max = op(
    "embedding_bag_max", _largest, node="EmbeddingBagBackward0", public=False, aux=("chosen",),
    weight=lambda F, g, chosen, *, weight_shape: _largest_rule(F, g, chosen, weight_shape),
    samples=lambda g: g,  # always None; PyTorch's node has this second input
)  # fmt: skip


# -- torch.embedding_bag -------------------------------------------------------------------------------------------
@function(method=False)
def embedding_bag(
    weight: Tensor, indices: Tensor, offsets: Tensor, scale_grad_by_freq: bool = False, mode: int = SUM,
    sparse: bool = False, per_sample_weights: Tensor | None = None, include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    """One row for each bag of row numbers, then each index's bag, each bag's size, and where its largest numbers were.

    Bag i holds `indices[offsets[i]:offsets[i + 1]]`. `mode` is 0 for sums, 1 for means, 2 for the largest numbers.
    """
    unsupported_sparse("embedding_bag", weight, sparse)
    check_index("embedding_bag", indices)
    beside(indices, "embedding_bag", weight)
    check_index("embedding_bag", offsets)
    if weight.dtype.category != 2:
        raise RuntimeError(
            "Expected tensor for argument #1 'weight' to have one of the following scalar types: Half, BFloat16, "
            f"Float, Double; but got {weight.type()} instead (while checking arguments for embedding_bag)"
        )
    device, rows = weight.device, weight.shape[0]
    padding = _padding(padding_idx, rows)
    if per_sample_weights is not None and per_sample_weights.dtype is not weight.dtype:
        raise RuntimeError(
            "Expected tensor for argument #1 'weight' to have the same type as tensor for argument #1 "
            f"'per_sample_weights'; but type {weight.type()} does not equal {per_sample_weights.type()} (while "
            "checking arguments for embedding_bag)"
        )
    index, starts = (device.to_numpy(t._array) for t in (indices, offsets))
    _check_bags(index, starts, rows)
    ends = starts[1:] if include_last_offset else np.append(starts[1:], index.size)
    starts = starts[:-1] if include_last_offset else starts[: ends.size]
    if (ends < starts).any():
        raise noted(RuntimeError("Expected i < index_size to be true, but got false.\nThe offsets must not decrease."))
    bags = Bags(device, index, starts, ends, padding, rows)
    if mode == MAX:
        out, aux = _embedding_bag_max.with_aux(weight, None, bags=bags)
        largest = aux["chosen"]._array
    else:
        out, largest = _summed(weight, per_sample_weights, bags, mode, scale_grad_by_freq), bags.count
    return (out, *(Tensor._of(a, device) for a in (bags.bag, bags.count, largest)))


def _summed(weight: Tensor, samples: Tensor | None, bags: Bags, mode: int, by_frequency: bool) -> Tensor:
    xp, kind = weight.device.xp, weight._array.dtype
    share = bags.used.astype(kind)
    if mode == MEAN:
        share = share / xp.maximum(bags.count, 1).astype(kind)[:, None]
    pull = share
    if by_frequency:
        counted = weight.device.wrap(np.zeros(bags.rows.shape, kind))
        counted[bags.bag, bags.place] = frequency_share(weight, bags.rows[bags.bag, bags.place])
        pull = share * counted
    constants = (Tensor._of(a, weight.device) for a in (share, pull))
    return _embedding_bag.call(weight, samples, *constants, bags=bags)


def _padding(padding_idx: int | None, rows: int) -> int:
    if padding_idx is None:
        return -1
    if not -rows <= padding_idx < rows:
        raise RuntimeError(
            f"padding_idx must be within the number of embeddings, -{rows} through {rows - 1}, but got {padding_idx}"
        )
    return padding_idx % rows


def _check_bags(index: Any, offsets: Any, rows: int) -> None:
    """PyTorch's errors for offsets and row numbers that do not fit."""
    if offsets.size and offsets[0] != 0:
        raise noted(
            RuntimeError(
                "offsets[0] has to be 0, i.e., the first sequence in the mini-batch has to start from position 0. "
                f"However, got {int(offsets[0])}\nOffset i says where bag i starts in the input."
            )
        )
    if offsets.size and offsets[-1] > index.size:
        raise RuntimeError(
            f"offsets[-1] can not be greater than input's length {index.size} but got offsets[-1] of {int(offsets[-1])}"
        )
    bad = np.flatnonzero((index < 0) | (index >= rows))
    if bad.size:
        raise RuntimeError(
            f"Index {int(bad[0])} of input takes value {int(index[bad[0]])} which is not in the valid range [0, {rows})"
        )
