"""What travels along an edge: a gradient of its input's shape and type, in memory that may be someone else's."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from .storage import is_dense
from .tensor import Tensor


def raw_dtype(g: Any) -> Any:
    """The NumPy type of an array or a Tensor."""
    return g._array.dtype if isinstance(g, Tensor) else g.dtype


def shared(product: Any, g: Any) -> bool:
    """Whether someone else may hold this memory, so that a leaf must take a copy."""
    return product is g or product.base is not None or (isinstance(g, tuple) and any(product is x for x in g))


def for_leaf(product: Any, g: Any) -> Any:
    """What a leaf holds until the pass ends: the product itself if it may turn out to be nobody else's, or a copy.

    A transposed layer's weights get their gradient as a view of an array that only the rule before them knew.
    """
    base = product.base
    if base is None or product is g:
        return product.copy() if shared(product, g) else product
    return product if base.__class__ is np.ndarray and _fills(product) else product.copy()


def owned(product: Any) -> Any:
    """At the end of a pass: an array that nobody else holds, the product itself if it is such a one."""
    if product.base is None or (holders(product) == ALONE and _fills(product)):
        return product
    return product.copy()


def _fills(view: Any) -> bool:
    """Whether a view shows all of the memory behind it, each element once."""
    return view.base.nbytes == view.nbytes and (view.flags.c_contiguous or is_dense(view))


def first_grad(g: Any, leaf: Any, device: Any) -> Tensor:
    """What `.grad` becomes when an array that nobody else holds is the first to arrive at a leaf."""
    if g.ndim > 1:
        g = _laid_out(g, leaf._array, device.xp)
    return Tensor._of(g if type(g) is device.array_type else device.wrap(g), device)


def _laid_out(g: Any, leaf: Any, xp: Any) -> Any:
    """A gradient in the layout of its leaf's array, as PyTorch keeps it.

    In order where the leaf has gaps or shows elements repeatedly.
    """
    if g.strides == leaf.strides or (g.flags.c_contiguous and leaf.flags.c_contiguous):
        return g
    if not is_dense(leaf):
        return g if g.flags.c_contiguous else g.copy()
    made = xp.empty_like(leaf)
    made[...] = g
    return made


def holders(view: Any) -> int:
    """How many things refer to the memory behind a view, this call among them."""
    return sys.getrefcount(view.base)


ALONE = holders(np.empty(2)[:])  # one: the view


def fit(F: Any, g: Any, shape: tuple[int, ...], dtype: Any) -> Any:
    """Sum a gradient over the dimensions its input was broadcast along, and give it the input's type."""
    have = tuple(g.shape)
    lead = len(have) - len(shape)
    if lead > 0 and have[lead:] == shape:
        g = F.sum(g, dim=tuple(range(lead)), keepdim=False)
    elif have != shape:
        axes = tuple(i for i in range(len(g.shape)) if i < lead or (shape[i - lead] == 1 and g.shape[i] != 1))
        if axes:
            g = F.sum(g, dim=axes, keepdim=False)
        if tuple(g.shape) != shape:
            g = F.reshape(g, shape=shape)
    if raw_dtype(g) is not dtype:
        g = F.cast(g, dtype=dtype)
    return g
