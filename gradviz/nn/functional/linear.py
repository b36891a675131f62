"""Weighted sums: of one input, or of all products of two."""

from __future__ import annotations

from gradviz.core.autocast import listed
from gradviz.core.op import OPS
from gradviz.core.ops.linalg import bilinear as products
from gradviz.core.tensor import Tensor

bilinear = products.bilinear
_addmm = OPS["addmm"]


@listed
def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`x @ weight.T + bias`: (*, in) with (out, in) and (out) -> (*, out)."""
    turned = weight.t()
    if bias is None:
        return input.matmul(turned)  # type: ignore[no-any-return]
    if input._array.ndim == turned._array.ndim == 2:
        return _addmm.call(bias, input, turned, beta=1, alpha=1)
    if turned.ndim == 2 and input.ndim and input.is_contiguous():
        flat = _addmm.call(bias, input.view(-1, input.shape[-1]), turned, beta=1, alpha=1)
        return flat.view(*input.shape[:-1], flat.shape[-1])  # type: ignore[no-any-return]
    return input.matmul(turned) + bias  # type: ignore[no-any-return]
