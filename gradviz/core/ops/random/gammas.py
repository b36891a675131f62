"""Gamma and Dirichlet numbers, and their derivatives by shape: what torch.distributions is made of.

The names are PyTorch's private ones.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import gammas
from ...device import CPU
from ...dtype import finfo, float32, float64
from ...errors import no_kernel
from ...op import function, op
from ...tensor import Tensor
from ..creation.factory import read_tensor
from ..kinds import no_derivative, underived
from .distributions import _recorded
from .sample import source

_standard_gamma_grad = op(
    "_standard_gamma_grad", lambda sp, x, y: gammas.gamma_slope(sp, x, y).astype(x.dtype), public=False,
    x=no_derivative("_standard_gamma_grad"), y=no_derivative("_standard_gamma_grad"),
)  # fmt: skip
_gamma = op(
    "_standard_gamma", lambda x, *, drawn: drawn.array, node="StandardGammaBackward0", public=False,
    x=lambda F, g, x, out: g * F._standard_gamma_grad(x, out),
)  # fmt: skip
_dirichlet = op(
    "_sample_dirichlet", lambda x, *, drawn: drawn.array, node="NotImplemented", public=False,
    x=underived("derivative for aten::_sample_dirichlet is not implemented"),
)  # fmt: skip


def _draw(kernel: str, x: Tensor, generator: Any) -> Any:
    """Gamma numbers in float64, none below the smallest positive number of the type."""
    if x.dtype not in (float32, float64):
        raise no_kernel(kernel, x.dtype, f"Got {x.dtype!r}.")
    return np.fmax(gammas.gamma(source(kernel, generator, CPU), x.device.to_numpy(x._array)), finfo(x.dtype).tiny)


@function(method=False)
def _standard_gamma(input: Tensor, generator: Any = None) -> Tensor:
    """Gamma numbers of the shapes that `input` holds, of scale 1."""
    x = read_tensor("_standard_gamma", "input", 1, input)
    drawn = _draw("gamma_cpu", x, generator)
    return _recorded(_gamma, (x,), x.device.wrap(drawn.astype(x.dtype.numpy)))


@function(method=False)
def _sample_dirichlet(input: Tensor, generator: Any = None) -> Tensor:
    """Vectors of gamma numbers of the shapes that `input` holds, over their sums."""
    x = read_tensor("_sample_dirichlet", "input", 1, input)
    drawn = _draw("dirichlet", x, generator)
    drawn = (drawn / drawn.sum(axis=-1, keepdims=True)).clip(finfo(x.dtype).tiny, 1.0 - 2.0**-53)
    return _recorded(_dirichlet, (x,), x.device.wrap(drawn.astype(x.dtype.numpy)))


@function(method=False)
def _dirichlet_grad(x: Tensor, alpha: Tensor, total: Tensor) -> Tensor:
    """How Dirichlet numbers x move with their own shape parameter alpha, over 1 - x; `total` is the sum of all."""
    arrays = [t.device.to_numpy(t._array) for t in (x, alpha, total)]
    slope = gammas.beta_slope(x.device.sp, arrays[1], arrays[2] - arrays[1], arrays[0])
    return Tensor._of(x.device.wrap(slope.astype(x.dtype.numpy)), x.device)
