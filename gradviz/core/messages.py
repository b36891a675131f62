"""What travels along an edge: a gradient of its input's shape and type, in memory that may be someone else's."""

from __future__ import annotations

from typing import Any

from .tensor import Tensor


def raw_dtype(g: Any) -> Any:
    """The NumPy type of an array or a Tensor."""
    return g._array.dtype if isinstance(g, Tensor) else g.dtype


def shared(product: Any, g: Any) -> bool:
    """Whether someone else may hold this memory, so that a leaf must take a copy."""
    return product is g or product.base is not None or (isinstance(g, tuple) and any(product is x for x in g))


def fit(F: Any, g: Any, shape: tuple[int, ...], dtype: Any) -> Any:
    """Sum a gradient over the dimensions its input was broadcast along, and give it the input's type."""
    if tuple(g.shape) != shape:
        lead = len(g.shape) - len(shape)
        axes = tuple(i for i in range(len(g.shape)) if i < lead or (shape[i - lead] == 1 and g.shape[i] != 1))
        if axes:
            g = F.sum(g, dim=axes, keepdim=False)
        if tuple(g.shape) != shape:
            g = F.reshape(g, shape=shape)
    if raw_dtype(g) is not dtype:
        g = F.cast(g, dtype=dtype)
    return g
