"""What travels along an edge: a gradient of its input's shape and type, in memory that may be someone else's."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

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
    whole = base.__class__ is np.ndarray and base.nbytes == product.nbytes and product.flags.c_contiguous
    return product if whole else product.copy()


def owned(product: Any) -> Any:
    """At the end of a pass: an array that nobody else holds, the product itself if it is such a one."""
    alone = _holders(product) == ALONE and product.flags.c_contiguous and product.base.nbytes == product.nbytes
    return product if alone or product.base is None else product.copy()


def _holders(view: Any) -> int:
    """How many things refer to the memory behind a view, this call among them."""
    return sys.getrefcount(view.base)


ALONE = _holders(np.empty(2)[:])  # one: the view


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
