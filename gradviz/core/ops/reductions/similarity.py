"""How far vectors are from one another, and the angle between them; put together as PyTorch does."""

from __future__ import annotations

from ... import errors
from ...dtype import result_dtype
from ...errors import noted
from ...op import FUNCTIONS, OPS, function
from ...tensor import Tensor
from ..elements.with_numbers import add_scalar, norm_along, raised
from ..helpers import one_dim


@function(method=False)
def pairwise_distance(x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Tensor:
    """The p-norm of `x1 - x2 + eps` along the last dimension."""
    between = add_scalar.call(x1 - x2, eps)
    return norm_along.call(between, ord=float(p), dim=(max(between.ndim - 1, 0),), keepdim=keepdim)


@function(method=False)
def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """The cosine of the angle between vectors along `dim`: their dot product once each has length 1.

    Lengths below `eps` count as `eps`.
    """
    kind = result_dtype([(x.dtype, x.ndim) for x in (x1, x2)], [])
    if not kind.is_floating_point:
        raise noted(
            RuntimeError(
                f"expected common dtype to be floating point, yet common dtype is {errors.scalar_type(kind)}\n"
                "Convert the vectors first: x.float()."
            )
        )
    a, b = FUNCTIONS["broadcast_tensors"](*(x if x.is_floating_point() else x.to(kind) for x in (x1, x2)))
    at = one_dim(dim, a.ndim)
    directions = []
    for x in (a, b):
        length = OPS["vector_norm"].call(x, ord=2.0, dim=(at,) if x.ndim else None, keepdim=True)
        directions.append(x / raised.call(length, least=eps))
    return (directions[0] * directions[1]).sum(at)  # type: ignore[no-any-return]
