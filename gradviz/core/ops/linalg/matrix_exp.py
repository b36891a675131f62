"""The exponential of a matrix."""

from __future__ import annotations

from typing import Any

from ...op import function, op
from ...tensor import Tensor
from ..kinds import widened
from .matrices import each, square_matrix


def _exponential(xp: Any, sp: Any, x: Any) -> Any:
    if not x.size:
        return x.copy()
    return widened(lambda wide: each(xp, lambda one: (sp.linalg.expm(one),), wide)[0], x)


def _exponential_rule(F: Any, g: Any, x: Any) -> Any:
    """The upper right block of exp [[A^H, g], [0, A^H]]."""
    n, last = x.shape[-1], x.ndim - 1
    turned = F.mH(x)
    above, below = F.cat(turned, g, dim=last), F.cat(turned * 0.0, turned, dim=last)
    return F.linalg_matrix_exp(F.cat(above, below, dim=last - 1))[..., :n, n:]


_expm = op("linalg_matrix_exp", _exponential, public=False, conjugates=True,
           x=lambda F, g, x: _exponential_rule(F, g, x))  # fmt: skip


@function(space="linalg")
@function
def matrix_exp(input: Tensor) -> Tensor:
    """The exponential of a square matrix: 1 + input + input input / 2 + ..."""
    square_matrix("linalg.matrix_exp", input)
    return _expm.call(input)
